// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/plainjson"
)

// fakeGoogle is what dead letters and a reconciliation ask of Cloud Storage, for
// the bucket acme, and of Pub/Sub, for one subscription. The real programs are
// met in deadletters_real_test.go.
type fakeGoogle struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	objects  map[string]string // their bodies, by name
	messages []*message
	// before may answer in place of the fake, by returning true.
	before func(w http.ResponseWriter, r *http.Request) bool
}

type message struct {
	data      []byte
	out, gone bool
}

func newFakeGoogle(t *testing.T) *fakeGoogle {
	f := &fakeGoogle{t: t, objects: map[string]string{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// settings lead a command to the fakes.
func (f *fakeGoogle) settings(airflow string) map[string]string {
	return map[string]string{
		"STORAGE_EMULATOR_HOST": f.url, "PUBSUB_EMULATOR_HOST": f.url,
		"AIRFLOW_URL": airflow, "DAG_ID": "load", "DEAD_LETTER": "gs://acme/dead",
	}
}

// store keeps a record as the function does.
func (f *fakeGoogle) store(records ...deadletter.Record) {
	f.t.Helper()
	for _, r := range records {
		body, err := r.Encode()
		if err != nil {
			f.t.Fatal(err)
		}
		f.mu.Lock()
		f.objects["dead/"+r.Name()+".json"] = string(body)
		f.messages = append(f.messages, &message{data: body})
		f.mu.Unlock()
	}
}

// left are the names of the objects.
func (f *fakeGoogle) left() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.objects))
}

const (
	fakeObjects      = "/storage/v1/b/acme/o"
	fakeSubscription = "/v1/projects/proj-1/subscriptions/dead-pull"
)

func (f *fakeGoogle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.before != nil && f.before(w, r) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name, isObject := strings.CutPrefix(r.URL.Path, fakeObjects+"/")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == fakeObjects:
		f.list(w, r)
	case r.Method == http.MethodGet && isObject && f.objects[name] != "":
		w.Header().Set("X-Goog-Generation", "1")
		_, _ = w.Write([]byte(f.objects[name]))
	case r.Method == http.MethodDelete && isObject && r.FormValue("ifGenerationMatch") == "1":
		delete(f.objects, name)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet && r.URL.Path == fakeSubscription:
		_ = plainjson.Encode(w, map[string]string{"topic": "projects/proj-1/topics/dead"})
	case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, fakeSubscription+":"):
		f.subscription(w, r)
	default:
		f.t.Errorf("Google was asked for %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotImplemented)
	}
}

// list answers with all objects on one page; the body of one that is no letter
// is its resource.
func (f *fakeGoogle) list(w http.ResponseWriter, r *http.Request) {
	page := map[string][]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(name, r.FormValue("prefix")) {
			continue
		}
		resource := json.RawMessage(f.objects[name])
		if strings.HasSuffix(name, ".json") {
			resource = fmt.Appendf(nil, `{"name":%q}`, name)
		}
		page["items"] = append(page["items"], resource)
	}
	_ = plainjson.Encode(w, page)
}

func (f *fakeGoogle) subscription(w http.ResponseWriter, r *http.Request) {
	var request struct {
		AckIDs             []string `json:"ackIds"`
		AckDeadlineSeconds int      `json:"ackDeadlineSeconds"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		f.t.Error(err)
	}
	for _, id := range request.AckIDs {
		i, err := strconv.Atoi(id)
		if err != nil {
			f.t.Error(err)
		}
		f.messages[i].gone = f.messages[i].gone || strings.HasSuffix(r.URL.Path, ":acknowledge")
		f.messages[i].out = request.AckDeadlineSeconds > 0
	}
	answer := map[string][]any{}
	for i, m := range f.messages {
		if strings.HasSuffix(r.URL.Path, ":pull") && !m.out && !m.gone {
			m.out = true
			answer["receivedMessages"] = append(answer["receivedMessages"], map[string]any{
				"ackId":   strconv.Itoa(i),
				"message": map[string]string{"messageId": strconv.Itoa(i), "data": base64.StdEncoding.EncodeToString(m.data)},
			})
		}
	}
	_ = plainjson.Encode(w, answer)
}
