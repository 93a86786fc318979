// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/dagtrigger/internal/deadletter"
)

// fakeStorage speaks what is used of Cloud Storage's JSON API:
// https://cloud.google.com/storage/docs/json_api/v1/objects. The real program
// that it is held against is in real_test.go.
type fakeStorage struct {
	t      *testing.T
	bucket string

	mu       sync.Mutex
	objects  map[string]object
	clock    int64 // the last generation
	requests []string
	// before may answer in place of the fake, by returning true.
	before func(w http.ResponseWriter, r *http.Request) bool
}

type object struct {
	body        []byte
	contentType string
	generation  int64
}

func newFakeStorage(t *testing.T) *fakeStorage {
	return &fakeStorage{t: t, bucket: "acme-dead", objects: map[string]object{}}
}

// open makes a store at gs://acme-dead/letters that asks the fake.
func (f *fakeStorage) open() (deadletter.Store, deadletter.Archive) {
	f.t.Helper()
	server := httptest.NewServer(f)
	f.t.Cleanup(server.Close)
	o := deadletter.Options{Transport: newTransport(f.t), StorageEmulator: server.URL}
	return opened(f.t, "gs://acme-dead/letters", o)
}

func (f *fakeStorage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	before := f.before
	f.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	objects := "/storage/v1/b/" + f.bucket + "/o"
	name, hasName := strings.CutPrefix(r.URL.Path, objects+"/")
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/upload"+objects:
		f.insert(w, r)
	case r.Method == http.MethodGet && r.URL.Path == objects:
		f.list(w, r)
	case r.Method == http.MethodGet && hasName && r.FormValue("alt") == "media":
		f.download(w, name)
	case r.Method == http.MethodDelete && hasName:
		f.remove(w, r, name)
	default:
		f.t.Errorf("the store asked for %s %s, which Cloud Storage does not know", r.Method, r.URL)
		refuse(w, http.StatusNotImplemented, "unknown route")
	}
}

func (f *fakeStorage) insert(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("name")
	if r.FormValue("uploadType") != "media" || name == "" {
		f.t.Errorf("an upload of type %q of the object %q", r.FormValue("uploadType"), name)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !f.holds(w, r, name) {
		return
	}
	f.put(name, body, r.Header.Get("Content-Type"))
	writeJSON(w, map[string]string{"generation": strconv.FormatInt(f.clock, 10)})
}

// put keeps an object. The caller holds the lock.
func (f *fakeStorage) put(name string, body []byte, contentType string) {
	f.clock++
	f.objects[name] = object{body: body, contentType: contentType, generation: f.clock}
}

// holds reports whether the precondition holds, and answers where it does not.
func (f *fakeStorage) holds(w http.ResponseWriter, r *http.Request, name string) bool {
	want, err := strconv.ParseInt(r.FormValue("ifGenerationMatch"), 10, 64)
	if err != nil {
		f.t.Errorf("%s of %s without a precondition", r.Method, name)
	}
	held, ok := f.objects[name]
	switch {
	case r.Method == http.MethodDelete && !ok:
		refuse(w, http.StatusNotFound, "No such object: "+f.bucket+"/"+name)
	case held.generation != want:
		refuse(w, http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold.")
	default:
		return true
	}
	return false
}

func (f *fakeStorage) list(w http.ResponseWriter, r *http.Request) {
	const pageSize = 2 // whatever is asked for: a server may give less
	var page struct {
		Items         []map[string]string `json:"items,omitempty"`
		NextPageToken string              `json:"nextPageToken,omitempty"`
	}
	for _, name := range slices.Sorted(maps.Keys(f.objects)) {
		rest, ok := strings.CutPrefix(name, r.FormValue("prefix"))
		if !ok || strings.Contains(rest, r.FormValue("delimiter")) || name <= r.FormValue("pageToken") {
			continue
		}
		if len(page.Items) == pageSize {
			page.NextPageToken = page.Items[pageSize-1]["name"]
			break
		}
		page.Items = append(page.Items, map[string]string{"name": name})
	}
	writeJSON(w, page)
}

func (f *fakeStorage) download(w http.ResponseWriter, name string) {
	held, ok := f.objects[name]
	if !ok {
		refuse(w, http.StatusNotFound, "No such object: "+f.bucket+"/"+name)
		return
	}
	w.Header().Set("X-Goog-Generation", strconv.FormatInt(held.generation, 10))
	w.Header().Set("Content-Type", held.contentType)
	_, _ = w.Write(held.body)
}

func (f *fakeStorage) remove(w http.ResponseWriter, r *http.Request, name string) {
	if f.holds(w, r, name) {
		delete(f.objects, name)
		w.WriteHeader(http.StatusNoContent)
	}
}

// refuse answers as Google's APIs do:
// https://cloud.google.com/storage/docs/json_api/v1/status-codes
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"errors":[{"message":%q,"reason":"any"}]}}`, status, message, message)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(v)
}
