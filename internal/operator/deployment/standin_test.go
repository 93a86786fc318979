// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// object is a resource as its API's JSON has it.
type object = map[string]any

// standIn stands for Google's APIs, as far as the scripts ask them. It holds
// what is made, by its name, and fails the test on a request that it does not
// know.
type standIn struct {
	t      *testing.T
	url    string
	routes []apiRoute

	mu        sync.Mutex
	resources map[string]object
	made      object   // the last trigger, for who waits for it
	upload    []byte   // the function's source, as a zip file
	changes   []string // the requests that made, changed or removed something
}

type apiRoute struct {
	method string
	path   *regexp.Regexp
	answer func(s *standIn, name string, r *http.Request, body object) (int, any)
}

// apis are those whose addresses gcloud is given.
var apis = []string{
	"CLOUDBUILD", "CLOUDFUNCTIONS", "CLOUDRESOURCEMANAGER", "CLOUDSCHEDULER", "EVENTARC", "FIRESTORE", "IAM", "LOGGING", "MONITORING",
	"PUBSUB", "RUN", "SERVICEUSAGE", "STORAGE",
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{t: t, resources: map[string]object{}}
	s.routes = slices.Concat(s.projects(), s.pubsub(), s.functions(), s.services(), s.eventarc(), s.scheduler(), s.observability())
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// environment leads gcloud here, and nowhere else.
func (s *standIn) environment(config string) []string {
	env := []string{
		"CLOUDSDK_CONFIG=" + config, "CLOUDSDK_AUTH_ACCESS_TOKEN=x", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1", "PAUSE=0", "TRIES=1",
	}
	for _, api := range apis {
		env = append(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+api+"="+s.url+"/"+api+"/")
	}
	return env
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, _ := io.ReadAll(r.Body)
	if r.Method == http.MethodPut && r.URL.Path == "/upload" {
		s.upload = text
		return
	}
	var body object
	_ = json.Unmarshal(text, &body) // empty where there is none
	for _, route := range s.routes {
		found := route.path.FindStringSubmatch(r.URL.Path)
		if route.method != r.Method || found == nil {
			continue
		}
		status, answer := route.answer(s, found[len(found)-1], r, body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	s.t.Errorf("gcloud asks for what nobody expects: %s %s %s", r.Method, r.URL, text)
	w.WriteHeader(http.StatusNotImplemented)
}

func on(method, path string, answer func(s *standIn, name string, r *http.Request, body object) (int, any)) apiRoute {
	return apiRoute{method, regexp.MustCompile("^" + path + "$"), answer}
}

// fixed always answers the same.
func fixed(answer any) func(*standIn, string, *http.Request, object) (int, any) {
	return func(*standIn, string, *http.Request, object) (int, any) { return http.StatusOK, answer }
}

func missing(name string) (int, any) {
	return http.StatusNotFound, object{"error": object{"code": 404, "status": "NOT_FOUND", "message": name + " was not found"}}
}

func get(s *standIn, name string, _ *http.Request, _ object) (int, any) {
	if found, ok := s.resources[name]; ok {
		return http.StatusOK, found
	}
	return missing(name)
}

func put(s *standIn, name string, r *http.Request, body object) (int, any) {
	if _, ok := s.resources[name]; ok {
		return http.StatusConflict, object{"error": object{"code": 409, "status": "ALREADY_EXISTS", "message": name + " exists"}}
	}
	if body["name"] == nil {
		body["name"] = name
	}
	s.resources[name] = body
	s.changes = append(s.changes, r.Method+" "+name)
	return http.StatusOK, body
}

// patch sets the fields of an update, whatever the mask says: gcloud sends no others.
func patch(s *standIn, name string, r *http.Request, body object) (int, any) {
	found, ok := s.resources[name]
	if !ok {
		return missing(name)
	}
	before, _ := json.Marshal(found)
	maps.Copy(found, body)
	if after, _ := json.Marshal(found); string(after) != string(before) {
		s.changes = append(s.changes, r.Method+" "+name)
	}
	return http.StatusOK, found
}

func remove(s *standIn, name string, r *http.Request, _ object) (int, any) {
	if _, ok := s.resources[name]; !ok {
		return missing(name)
	}
	delete(s.resources, name)
	delete(s.resources, "policy "+name)
	s.changes = append(s.changes, r.Method+" "+name)
	return http.StatusOK, object{}
}

// list is all resources below a name, as the field of an answer.
func list(field, below string) func(*standIn, string, *http.Request, object) (int, any) {
	return func(s *standIn, _ string, _ *http.Request, _ object) (int, any) {
		found := []any{}
		for _, name := range slices.Sorted(maps.Keys(s.resources)) {
			if regexp.MustCompile("^" + below + "/[^/]+$").MatchString(name) {
				found = append(found, s.resources[name])
			}
		}
		return http.StatusOK, object{field: found}
	}
}

// done is a long operation that has ended.
func done(response any) object {
	return object{"name": "projects/acme-1/locations/europe-west1/operations/op", "done": true, "response": response}
}

func readPolicy(s *standIn, name string, _ *http.Request, _ object) (int, any) {
	if found, ok := s.resources["policy "+name]; ok {
		return http.StatusOK, found
	}
	return http.StatusOK, object{"etag": "QUJD", "version": 1}
}

func writePolicy(s *standIn, name string, _ *http.Request, policy object) (int, any) {
	before, _ := json.Marshal(s.resources["policy "+name]["bindings"])
	s.resources["policy "+name] = policy
	if after, _ := json.Marshal(policy["bindings"]); string(after) != string(before) {
		s.changes = append(s.changes, "policy "+name)
	}
	return http.StatusOK, policy
}

// policy gives and takes the policy of a name.
func policy(prefix string) []apiRoute {
	write := func(s *standIn, name string, r *http.Request, body object) (int, any) {
		given, _ := body["policy"].(object)
		return writePolicy(s, name, r, given)
	}
	return []apiRoute{
		on("GET", prefix+":getIamPolicy", readPolicy), on("POST", prefix+":getIamPolicy", readPolicy), on("POST", prefix+":setIamPolicy", write),
	}
}

// bindings are the roles that are given, as "MEMBER ROLE on NAME".
func (s *standIn) bindings() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, resource := range s.resources {
		list, _ := resource["bindings"].([]any)
		for _, one := range list {
			binding, _ := one.(object)
			members, _ := binding["members"].([]any)
			for _, member := range members {
				all = append(all, fmt.Sprintf("%s %s on %s", strings.TrimPrefix(fmt.Sprint(member), "serviceAccount:"), binding["role"],
					strings.TrimPrefix(name, "policy ")))
			}
		}
	}
	slices.Sort(all)
	return all
}

// names are those of all resources but policies.
func (s *standIn) names() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.resources {
		if !strings.HasPrefix(name, "policy ") {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// changed are the requests that changed something since it was asked last.
func (s *standIn) changed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := s.changes
	s.changes = nil
	return changes
}

// plant puts something there that no script has made.
func (s *standIn) plant(put func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	put()
}

// resource is what is there by a name, nil for nothing.
func (s *standIn) resource(name string) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resources[name] == nil {
		return nil
	}
	return copied(s.resources[name]).(object)
}

// copied is a value that later requests do not change.
func copied(value any) any {
	switch v := value.(type) {
	case object:
		whole := make(object, len(v))
		for name, member := range v {
			whole[name] = copied(member)
		}
		return whole
	case []any:
		whole := make([]any, len(v))
		for i, item := range v {
			whole[i] = copied(item)
		}
		return whole
	}
	return value
}
