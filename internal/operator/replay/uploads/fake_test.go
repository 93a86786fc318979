// SPDX-License-Identifier: Apache-2.0

package uploads_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"example.com/dagtrigger/internal/operator/replay/uploads"
)

// fake is what objects.list answers for the bucket acme, two objects a page:
// https://cloud.google.com/storage/docs/json_api/v1/objects/list. The real
// program that it is held against is in real_test.go.
type fake struct {
	t       *testing.T
	objects []string // their resources, sorted by name
	refuse  []int    // the statuses of the first requests

	mu    sync.Mutex
	asked int
}

// bucket is a part of the fake's bucket. Nothing listens.
func (f *fake) bucket(prefix string) uploads.Bucket {
	return uploads.Bucket{Name: "acme", Prefix: prefix, UserAgent: "dagtrigger", Client: &http.Client{Transport: f}}
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	w := httptest.NewRecorder()
	if f.asked <= len(f.refuse) {
		w.WriteHeader(f.refuse[f.asked-1])
		_, err := io.WriteString(w, `{"error":{"message":"said\n  so"}}`)
		return w.Result(), err
	}
	if r.Method != http.MethodGet || r.URL.Host != "storage.googleapis.com" || r.URL.Path != "/storage/v1/b/acme/o" ||
		r.FormValue("projection") != "noAcl" || r.Header.Get("User-Agent") != "dagtrigger" {
		f.t.Errorf("asked for %s %s as %q", r.Method, r.URL, r.Header.Get("User-Agent"))
	}
	var items []string
	next := ""
	for _, object := range f.objects {
		var named struct{ Name string }
		if err := json.Unmarshal([]byte(object), &named); err != nil {
			f.t.Error(err)
		}
		if !strings.HasPrefix(named.Name, r.FormValue("prefix")) || named.Name <= r.FormValue("pageToken") {
			continue
		}
		if len(items) == 2 {
			next = `,"nextPageToken":"` + last(items[1]) + `"`
			break
		}
		items = append(items, object)
	}
	_, err := io.WriteString(w, `{"kind":"storage#objects"`+next+`,"items":[`+strings.Join(items, ",")+`]}`)
	return w.Result(), err
}

// last is the name in a resource.
func last(object string) string {
	var named struct{ Name string }
	_ = json.Unmarshal([]byte(object), &named)
	return named.Name
}
