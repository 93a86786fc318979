// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"net/http"
	"regexp"
)

// resourceRoute is a method that reads a resource or its policy, and the role that it needs.
type resourceRoute struct {
	method, host string
	path         *regexp.Regexp // its group is the name that [Config.Resources] or [Config.Policies] has it by
	policy       bool
	role         string
}

// resourceRoutes are the methods get and getIamPolicy of these references:
// https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions,
// https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services,
// https://cloud.google.com/resource-manager/reference/rest/v1/projects,
// https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts,
// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets,
// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs,
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics,
// https://cloud.google.com/storage/docs/json_api/v1/buckets/getIamPolicy and
// https://cloud.google.com/storage/docs/json_api/v1/notifications/list.
func resourceRoutes() []resourceRoute {
	const reviewer = "roles/iam.securityReviewer"
	get := func(method, host, path, role string, policy bool) resourceRoute {
		return resourceRoute{method, host + ".googleapis.com", regexp.MustCompile("^" + path + "$"), policy, role}
	}
	const located, bucket = "projects/[^/]+/locations/[^/]+/", "/storage/v1/(b/[^/]+"
	return []resourceRoute{
		get("GET", "cloudfunctions", "/v2/("+located+"functions/[^/:]+)", "roles/cloudfunctions.viewer", false),
		get("GET", "run", "/v2/("+located+"services/[^/:]+)", "roles/run.viewer", false),
		get("GET", "run", "/v2/("+located+"services/[^/:]+):getIamPolicy", reviewer, true),
		get("GET", "cloudscheduler", "/v1/("+located+"jobs/[^/:]+)", "roles/cloudscheduler.viewer", false),
		get("GET", "cloudresourcemanager", "/v1/(projects/[^/:]+)", "roles/browser", false),
		get("POST", "cloudresourcemanager", "/v1/(projects/[^/:]+):getIamPolicy", reviewer, true),
		get("GET", "iam", "/v1/(projects/[^/]+/serviceAccounts/[^/:]+)", "roles/iam.serviceAccountViewer", false),
		get("GET", "secretmanager", "/v1/(projects/[^/]+/secrets/[^/:]+):getIamPolicy", reviewer, true),
		get("GET", "pubsub", "/v1/(projects/[^/]+/topics/[^/:]+)", "roles/pubsub.viewer", false),
		get("GET", "pubsub", "/v1/(projects/[^/]+/(?:topics|subscriptions)/[^/:]+):getIamPolicy", reviewer, true),
		get("GET", "storage", bucket+")/iam", reviewer, true),
		get("GET", "storage", bucket+"/notificationConfigs)", "roles/storage.bucketViewer", false),
	}
}

// resource answers a request for a resource or a policy, and reports whether it was one.
func (g *Google) resource(w http.ResponseWriter, r *http.Request, host string) bool {
	for _, route := range resourceRoutes() {
		name := route.path.FindStringSubmatch(r.URL.Path)
		if host != route.host || r.Method != route.method || name == nil {
			continue
		}
		if !g.authorize(w, r, route.role) {
			return true
		}
		from := g.config.Resources
		if route.policy {
			from = g.config.Policies
		}
		text, ok := from[name[1]]
		if !ok {
			apiError(w, http.StatusNotFound, "NOT_FOUND", "", "Resource '"+name[1]+"' was not found")
			return true
		}
		writeJSON(w, http.StatusOK, text)
		return true
	}
	return false
}
