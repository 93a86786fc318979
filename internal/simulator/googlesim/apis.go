// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"net/http"
	"strconv"
	"strings"
)

// authorize is the caller of an API, or a refusal that has been written.
func (g *Google) authorize(w http.ResponseWriter, r *http.Request, roles ...string) bool {
	caller, ok := g.holder(r.Header.Get("Authorization"))
	switch {
	case !ok:
		apiError(w, http.StatusUnauthorized, "UNAUTHENTICATED", "", "Request had invalid authentication credentials.")
		return false
	case !caller.has(append(roles, "roles/owner")...):
		apiError(w, http.StatusForbidden, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "The caller does not have permission")
		return false
	}
	return true
}

// environment is projects.locations.environments.get.
func (g *Google) environment(w http.ResponseWriter, r *http.Request) {
	name, found := strings.CutPrefix(r.URL.Path, "/v1/")
	if r.Method != http.MethodGet || !found || strings.Count(name, "/") != 5 {
		g.unknown(w, r)
		return
	}
	if !g.authorize(w, r, "roles/composer.user", "roles/composer.environmentAndStorageObjectViewer") {
		return
	}
	e, ok := g.find(func(e *Environment) bool { return e.Name == name })
	if !ok {
		apiError(w, http.StatusNotFound, "NOT_FOUND", "", "Resource '"+name+"' was not found")
		return
	}
	if e.State == "" {
		e.State = "RUNNING"
	}
	config := map[string]any{"softwareConfig": map[string]any{"imageVersion": e.Image, "airflowConfigOverrides": e.Overrides}}
	if e.Host != "" {
		config["airflowUri"] = "https://" + e.Host
	}
	if e.Allowed != nil {
		ranges := []any{}
		for _, value := range e.Allowed {
			ranges = append(ranges, map[string]any{"value": value})
		}
		config["webServerNetworkAccessControl"] = map[string]any{"allowedIpRanges": ranges}
	}
	writeJSON(w, http.StatusOK, string(encodeJSON(map[string]any{"name": e.Name, "state": e.State, "config": config})))
}

// triggers is projects.locations.triggers.list of Eventarc, in pages of one.
func (g *Google) triggers(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/triggers") {
		g.unknown(w, r)
		return
	}
	if !g.authorize(w, r, "roles/eventarc.viewer") {
		return
	}
	writePage(w, r, "triggers", g.config.Triggers)
}

// writePage writes the one member of a list that the request's page has.
func writePage(w http.ResponseWriter, r *http.Request, name string, all []string) {
	from, _ := strconv.Atoi(r.URL.Query().Get("pageToken")) // the first page has none
	from = min(max(from, 0), len(all))
	to := min(from+1, len(all))
	next := ""
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	writeJSON(w, http.StatusOK, `{"`+name+`":[`+strings.Join(all[from:to], ",")+`],"nextPageToken":"`+next+`"}`)
}

// pubsubAPI passes a request to [PubSub] where the caller has the role for it.
func (g *Google) pubsubAPI(w http.ResponseWriter, r *http.Request) {
	role := "roles/pubsub.subscriber"
	switch {
	case r.Method == http.MethodGet:
		role = "roles/pubsub.viewer"
	case strings.HasSuffix(r.URL.Path, ":publish"):
		role = "roles/pubsub.publisher"
	}
	if g.authorize(w, r, role) {
		g.pubsub.ServeHTTP(w, r)
	}
}

// storageAPI passes a request to [Storage] where the caller has the role for it.
func (g *Google) storageAPI(w http.ResponseWriter, r *http.Request) {
	roles := []string{"roles/storage.objectUser", "roles/storage.objectAdmin"}
	if r.Method == http.MethodGet {
		roles = append(roles, "roles/storage.objectViewer")
	}
	if g.authorize(w, r, roles...) {
		g.config.Storage.ServeHTTP(w, r)
	}
}
