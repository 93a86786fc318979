// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"net/http"
	"slices"
	"strings"
)

// projects are the APIs of projects, accounts and buckets.
func (s *standIn) projects() []apiRoute {
	email := func(id string) string { return id + "@acme-1.iam.gserviceaccount.com" }
	create := func(s *standIn, _ string, r *http.Request, body object) (int, any) {
		id, _ := body["accountId"].(string)
		account, _ := body["serviceAccount"].(object)
		account["email"] = email(id)
		account["name"] = "projects/acme-1/serviceAccounts/" + email(id)
		return put(s, email(id), r, account)
	}
	made := 0
	notify := func(s *standIn, _ string, r *http.Request, body object) (int, any) {
		made++
		body["id"] = string(rune('0' + made))
		body["topic"] = "//pubsub.googleapis.com/" + body["topic"].(string) // gcloud leaves that out, and Google gives it
		return put(s, "acme-landing/notificationConfigs/"+body["id"].(string), r, body)
	}
	return slices.Concat(policy("/CLOUDRESOURCEMANAGER/v1/projects/(acme-1)"), []apiRoute{
		on("GET", "/CLOUDRESOURCEMANAGER/v1/projects/acme-1",
			fixed(object{"projectId": "acme-1", "projectNumber": "4711", "lifecycleState": "ACTIVE"})),
		on("POST", "/SERVICEUSAGE/v1/projects/acme-1/services:batchEnable", fixed(done(object{}))),
		on("GET", "/SERVICEUSAGE/v1/projects/[^/]+/services/.*", fixed(object{"state": "ENABLED"})),
		on("POST", "/SERVICEUSAGE/v1beta1/projects/acme-1/services/.*:generateServiceIdentity", fixed(done(object{"email": "a@b"}))),
		on("GET", "/SERVICEUSAGE/v1(beta1)?/operations/.*", fixed(done(object{}))),
		on("GET", "/STORAGE/projects/acme-1/serviceAccount",
			fixed(object{"email_address": "service-4711@gs-project-accounts.iam.gserviceaccount.com"})),
		on("GET", "/STORAGE/b/acme-landing", fixed(object{"name": "acme-landing", "location": "EUROPE-WEST1"})),
		on("GET", "/STORAGE/b/acme-landing/notificationConfigs", list("items", "acme-landing/notificationConfigs")),
		on("POST", "/STORAGE/b/acme-landing/notificationConfigs", notify),
		on("GET", "/STORAGE/b/(acme-landing/notificationConfigs/[0-9]+)", get),
		on("DELETE", "/STORAGE/b/(acme-landing/notificationConfigs/[0-9]+)", remove),
		on("GET", "/STORAGE/b/(acme-letters)", get),
		on("GET", "/STORAGE/b/(acme-letters)/iam", readPolicy), on("PUT", "/STORAGE/b/(acme-letters)/iam", writePolicy),
		on("POST", "/IAM/v1/projects/acme-1/serviceAccounts", create),
		on("GET", "/IAM/v1/projects/-/serviceAccounts/(.*)", get),
		on("DELETE", "/IAM/v1/projects/-/serviceAccounts/(.*)", remove),
	})
}

func (s *standIn) pubsub() []apiRoute {
	const topic, subscription = "/PUBSUB/v1/(projects/acme-1/topics/[^/:]+)", "/PUBSUB/v1/(projects/acme-1/subscriptions/[^/:]+)"
	update := func(s *standIn, name string, r *http.Request, body object) (int, any) {
		fields, _ := body["subscription"].(object)
		mask, _ := body["updateMask"].(string)
		for field := range strings.SplitSeq(mask, ",") {
			if fields[field] == nil {
				delete(s.resources[name], field)
			}
		}
		return patch(s, name, r, fields)
	}
	attached := func(s *standIn, topic string, _ *http.Request, _ object) (int, any) {
		if s.resources[topic] == nil {
			return missing(topic)
		}
		names := []string{}
		for name, resource := range s.resources {
			if strings.Contains(name, "/subscriptions/") && resource["topic"] == topic {
				names = append(names, name)
			}
		}
		return http.StatusOK, object{"subscriptions": names}
	}
	return slices.Concat(policy(topic), policy(subscription), []apiRoute{
		on("GET", topic+"/subscriptions", attached),
		on("GET", topic, get), on("PUT", topic, put), on("DELETE", topic, remove),
		on("GET", subscription, get), on("PUT", subscription, put), on("DELETE", subscription, remove),
		on("PATCH", subscription, update), on("POST", subscription+":modifyPushConfig", patch),
	})
}

// functions are the APIs that a function's deployment asks. A function comes
// with a trigger, where it has one, and that with a subscription.
func (s *standIn) functions() []apiRoute {
	const functions = "projects/acme-1/locations/europe-west1/functions"
	settle := func(name string, f object) {
		if config, ok := f["serviceConfig"].(object); ok {
			config["uri"] = "https://dagtrigger-4711.europe-west1.run.app"
			config["service"] = strings.Replace(name, "/functions/", "/services/", 1)
		}
		if trigger, ok := f["eventTrigger"].(object); ok {
			hidden := "projects/acme-1/locations/europe-west1/triggers/" + name[strings.LastIndex(name, "/")+1:] + "-1"
			trigger["trigger"] = hidden
			s.trigger(hidden, object{})
		}
	}
	create := func(s *standIn, _ string, r *http.Request, body object) (int, any) {
		name := functions + "/" + r.URL.Query().Get("functionId")
		body["environment"], body["state"] = "GEN_2", "ACTIVE"
		settle(name, body)
		status, made := put(s, name, r, body)
		return status, done(made)
	}
	update := func(s *standIn, name string, r *http.Request, body object) (int, any) {
		settle(name, body)
		status, made := patch(s, name, r, body)
		return status, done(made)
	}
	drop := func(s *standIn, name string, r *http.Request, _ object) (int, any) {
		status, _ := remove(s, name, r, nil)
		delete(s.resources, "policy "+strings.Replace(name, "/functions/", "/services/", 1))
		s.untrigger("projects/acme-1/locations/europe-west1/triggers/" + name[strings.LastIndex(name, "/")+1:] + "-1")
		return status, done(object{})
	}
	return slices.Concat(policy("/RUN/v1/(projects/acme-1/locations/europe-west1/services/[^/:]+)"), []apiRoute{
		on("GET", "/CLOUDFUNCTIONS/v2/("+functions+"/[^/:]+)", get),
		on("GET", "/CLOUDFUNCTIONS/v2/projects/acme-1/locations/europe-west1/runtimes",
			fixed(object{"runtimes": []any{object{"name": "go126", "environment": "GEN_2"}}})),
		on("POST", "/CLOUDFUNCTIONS/v2/"+functions+":generateUploadUrl", func(s *standIn, _ string, _ *http.Request, _ object) (int, any) {
			return http.StatusOK, object{"uploadUrl": s.url + "/upload", "storageSource": object{"bucket": "uploads", "object": "source.zip"}}
		}),
		on("POST", "/CLOUDFUNCTIONS/v2/"+functions, create),
		on("PATCH", "/CLOUDFUNCTIONS/v2/("+functions+"/[^/:]+)", update),
		on("DELETE", "/CLOUDFUNCTIONS/v2/("+functions+"/[^/:]+)", drop),
		on("GET", "/CLOUDFUNCTIONS/v2/projects/.*/operations/.*",
			fixed(object{"name": "op", "done": true, "metadata": object{"stages": []any{}}, "response": object{}})),
		on("GET", "/CLOUDBUILD/v1/projects/acme-1/locations/europe-west1/defaultServiceAccount", fixed(object{
			"serviceAccountEmail": "projects/acme-1/serviceAccounts/build@acme-1.iam.gserviceaccount.com"})),
	})
}

// services is the API of Cloud Run that a container's deployment asks.
func (s *standIn) services() []apiRoute {
	const services = "/RUN/apis/serving.knative.dev/v1/namespaces/acme-1/services"
	create := func(s *standIn, _ string, r *http.Request, body object) (int, any) {
		metadata, _ := body["metadata"].(object)
		metadata["generation"] = 1
		ready := []any{}
		for _, what := range []string{"Ready", "ConfigurationsReady", "RoutesReady"} {
			ready = append(ready, object{"type": what, "status": "True"})
		}
		body["status"] = object{
			"observedGeneration": 1, "conditions": ready, "url": "https://dagtrigger-4711.europe-west1.run.app",
			"latestReadyRevisionName": "dagtrigger-1", "latestCreatedRevisionName": "dagtrigger-1",
			"traffic": []any{object{"revisionName": "dagtrigger-1", "percent": 100, "latestRevision": true}},
		}
		name, _ := metadata["name"].(string)
		body["name"] = name
		return put(s, "service/"+name, r, body)
	}
	rename := func(answer func(*standIn, string, *http.Request, object) (int, any)) func(*standIn, string, *http.Request, object) (int, any) {
		return func(s *standIn, name string, r *http.Request, body object) (int, any) {
			if r.Method == http.MethodDelete {
				delete(s.resources, "policy projects/acme-1/locations/europe-west1/services/"+name)
			}
			return answer(s, "service/"+name, r, body)
		}
	}
	return []apiRoute{
		on("POST", services, create), on("GET", services+"/([^/]+)", rename(get)), on("DELETE", services+"/([^/]+)", rename(remove)),
	}
}

// trigger makes a trigger, and the subscription behind it as Eventarc makes it.
func (s *standIn) trigger(name string, trigger object) object {
	hidden := "projects/acme-1/subscriptions/eventarc-europe-west1-" + name[strings.LastIndex(name, "/")+1:] + "-sub-1"
	trigger["name"], trigger["updateTime"] = name, "2026-11-30T09:00:00Z"
	topic := "projects/acme-1/topics/eventarc-1"
	if transport, ok := trigger["transport"].(object); ok { // that of a topic of the operator's
		topic, _ = transport["pubsub"].(object)["topic"].(string)
	}
	trigger["transport"] = object{"pubsub": object{"subscription": hidden, "topic": topic}}
	s.resources[name] = trigger
	if s.resources[hidden] == nil {
		s.resources[hidden] = object{"name": hidden, "ackDeadlineSeconds": 10}
	}
	return trigger
}

func (s *standIn) untrigger(name string) {
	delete(s.resources, name)
	hidden := "projects/acme-1/subscriptions/eventarc-europe-west1-" + name[strings.LastIndex(name, "/")+1:] + "-sub-1"
	delete(s.resources, hidden)
	delete(s.resources, "policy "+hidden)
}

func (s *standIn) eventarc() []apiRoute {
	const triggers = "projects/acme-1/locations/[^/]+/triggers"
	create := func(s *standIn, in string, r *http.Request, body object) (int, any) {
		name := in + "/" + r.URL.Query().Get("triggerId")
		if _, ok := s.resources[name]; ok {
			return http.StatusConflict, object{}
		}
		s.changes = append(s.changes, "POST "+name)
		s.made = s.trigger(name, body)
		return http.StatusOK, done(s.made)
	}
	drop := func(s *standIn, name string, r *http.Request, _ object) (int, any) {
		status, _ := remove(s, name, r, nil)
		s.untrigger(name)
		return status, done(object{})
	}
	return []apiRoute{
		on("GET", "/EVENTARC/v1/projects/acme-1/locations/-/triggers", list("triggers", triggers)),
		on("GET", "/EVENTARC/v1/("+triggers+"/[^/]+)", get),
		on("POST", "/EVENTARC/v1/("+triggers+")", create),
		on("DELETE", "/EVENTARC/v1/("+triggers+"/[^/]+)", drop),
		on("GET", "/EVENTARC/v1/projects/.*/operations/.*", func(s *standIn, _ string, _ *http.Request, _ object) (int, any) {
			return http.StatusOK, done(s.made)
		}),
	}
}

// scheduler is the API of Cloud Scheduler's jobs, and where a database is.
func (s *standIn) scheduler() []apiRoute {
	const jobs = "projects/acme-1/locations/europe-west1/jobs"
	create := func(s *standIn, _ string, r *http.Request, body object) (int, any) {
		name, _ := body["name"].(string)
		return put(s, name, r, body)
	}
	return []apiRoute{
		on("GET", "/FIRESTORE/v1/projects/acme-1/databases/\\(default\\)", fixed(object{"locationId": "eur3"})),
		on("POST", "/CLOUDSCHEDULER/v1/"+jobs, create),
		on("GET", "/CLOUDSCHEDULER/v1/("+jobs+"/[^/:]+)", get), on("PATCH", "/CLOUDSCHEDULER/v1/("+jobs+"/[^/:]+)", patch),
		on("DELETE", "/CLOUDSCHEDULER/v1/("+jobs+"/[^/:]+)", remove),
	}
}

// observability are the APIs of the log's metrics, and of the alerts.
func (s *standIn) observability() []apiRoute {
	metric := func(s *standIn, _ string, r *http.Request, body object) (int, any) {
		name, _ := body["name"].(string)
		return put(s, "projects/acme-1/metrics/"+name, r, body)
	}
	made := 0
	alert := func(s *standIn, _ string, r *http.Request, body object) (int, any) {
		made++
		name := "projects/acme-1/alertPolicies/" + string(rune('0'+made))
		body["name"] = name
		return put(s, name, r, body)
	}
	return []apiRoute{
		on("GET", "/LOGGING/v2/(projects/acme-1/metrics/[^/]+)", get),
		on("POST", "/LOGGING/v2/projects/acme-1/metrics", metric),
		on("GET", "/MONITORING/v3/projects/acme-1/alertPolicies", list("alertPolicies", "projects/acme-1/alertPolicies")),
		on("POST", "/MONITORING/v3/projects/acme-1/alertPolicies", alert),
		on("DELETE", "/MONITORING/v3/(projects/acme-1/alertPolicies/[^/]+)", remove),
	}
}
