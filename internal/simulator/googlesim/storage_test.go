// SPDX-License-Identifier: Apache-2.0

package googlesim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/simulator/googlesim"
)

// exchange is a request and the response that it must get.
type exchange struct {
	name, request string // METHOD PATH
	body          string
	status        int
	want          string // the whole body
}

func check(t *testing.T, h http.Handler, rows ...exchange) {
	t.Helper()
	for _, row := range rows {
		method, target, _ := strings.Cut(row.request, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(row.body)))
		if w.Code != row.status {
			t.Errorf("%s: status %d, want %d", row.name, w.Code, row.status)
		}
		if diff := cmp.Diff(row.want, w.Body.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// unknown fails the test on an unknown request.
func unknown(t *testing.T) func(*http.Request) {
	return func(r *http.Request) { t.Errorf("unknown request %s %s", r.Method, r.URL) }
}

var morning = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func newStorage(t *testing.T, names ...string) *googlesim.Storage {
	s := googlesim.NewStorage(unknown(t), "acme")
	s.Now = func() time.Time { return morning }
	for _, name := range names {
		s.Put("acme", googlesim.Object{Name: name, Body: []byte("1,2"), ContentType: "text/csv"})
	}
	return s
}

const objects = "/storage/v1/b/acme/o"

func refusal(status, reason, message string) string {
	return `{"error":{"code":` + status + `,"errors":[{"domain":"global","message":"` + message + `","reason":"` + reason +
		`"}],"message":"` + message + `"}}`
}

func TestStorageListsAndGetsObjects(t *testing.T) {
	t.Parallel()
	const all = `{"bucket":"acme","contentType":"text/csv","generation":"1","id":"acme/a b.csv/1","kind":"storage#object",` +
		`"metageneration":"1","name":"a b.csv","size":"3","storageClass":"STANDARD","timeCreated":"2026-11-22T06:00:00Z",` +
		`"updated":"2026-11-22T06:00:00Z"}`
	check(t, newStorage(t, "a b.csv"), []exchange{
		{"list", "GET " + objects, "", 200, `{"kind":"storage#objects","items":[` + all + `]}`},
		{"list nothing", "GET " + objects + "?prefix=b", "", 200, `{"kind":"storage#objects"}`},
		{"list some fields", "GET " + objects + "?fields=items(name,size),nextPageToken", "", 200, `{"items":[{"name":"a b.csv","size":"3"}]}`},
		{"list a wrong selection", "GET " + objects + "?fields=items(name))", "", 400,
			refusal("400", "Bad Request", "Invalid field selection items(name))")},
		{"get the resource", "GET " + objects + "/a%20b.csv", "", 200, all},
		{"get a field", "GET " + objects + "/a%20b.csv?fields=generation", "", 200, `{"generation":"1"}`},
		{"get the content", "GET " + objects + "/a%20b.csv?alt=media", "", 200, "1,2"},
		{"get what is missing", "GET " + objects + "/b?alt=media", "", 404, refusal("404", "Not Found", "No such object: acme/b")},
		{"another bucket", "GET /storage/v1/b/other/o", "", 404, refusal("404", "Not Found", "The specified bucket does not exist.")},
	}...)
}

func TestStorageListsInPages(t *testing.T) {
	t.Parallel()
	const fields = "&fields=items(name),prefixes,nextPageToken"
	s := newStorage(t, "a/1", "a/2", "a/b/3", "a/b/4", "a/c", "b")
	check(t, s, []exchange{
		{"one at most", "GET " + objects + "?maxResults=1" + fields, "", 200, `{"items":[{"name":"a/1"}],"nextPageToken":"YS8x"}`},
		{"the last page", "GET " + objects + "?pageToken=YS9j" + fields, "", 200, `{"items":[{"name":"b"}]}`},
		{"not a token", "GET " + objects + "?pageToken=!" + fields, "", 400, refusal("400", "Bad Request", "Invalid argument.")},
		{"folders", "GET " + objects + "?prefix=a/&delimiter=/" + fields, "", 200,
			`{"items":[{"name":"a/1"},{"name":"a/2"},{"name":"a/c"}],"prefixes":["a/b/"]}`},
	}...)
	s.PageSize = 3
	check(t, s, []exchange{
		{"a page ends with a folder", "GET " + objects + "?prefix=a/&delimiter=/&maxResults=100" + fields, "", 200,
			`{"items":[{"name":"a/1"},{"name":"a/2"}],"nextPageToken":"YS9iL_SPv78=","prefixes":["a/b/"]}`},
		{"and the next begins behind it", "GET " + objects + "?prefix=a/&delimiter=/&pageToken=YS9iL_SPv78=" + fields, "", 200,
			`{"items":[{"name":"a/c"}]}`},
	}...)
}

func TestStorageWritesOnlyWhereTheGenerationMatches(t *testing.T) {
	t.Parallel()
	const upload = "POST /upload" + objects + "?uploadType=media&fields=generation&name=x&ifGenerationMatch="
	changed := refusal("412", "Precondition Failed", "At least one of the pre-conditions you specified did not hold.")
	s := newStorage(t)
	check(t, s, []exchange{
		{"a new one", upload + "0", "1", 200, `{"generation":"1"}`},
		{"new twice", upload + "0", "2", 412, changed},
		{"in place of the first", upload + "1", "3", 200, `{"generation":"2"}`},
		{"read", "GET " + objects + "/x?alt=media", "", 200, "3"},
		{"remove another", "DELETE " + objects + "/x?ifGenerationMatch=1", "", 412, changed},
		{"remove", "DELETE " + objects + "/x?ifGenerationMatch=2", "", 204, ""},
		{"remove again", "DELETE " + objects + "/x?ifGenerationMatch=2", "", 404, refusal("404", "Not Found", "No such object: acme/x")},
	}...)
	if names := s.Names("acme"); len(names) != 0 {
		t.Errorf("%v are left", names)
	}
}

func TestStorageKeepsAGivenResourceAsItIs(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	const resource = `{ "name": "a&b", "rate": 1.10 }`
	s.Put("acme", googlesim.Object{Name: "a&b", Resource: []byte(resource)})
	check(t, s, exchange{"list", "GET " + objects, "", 200, `{"kind":"storage#objects","items":[` + resource + `]}`})
	s.Delete("acme", "a&b")
	if o, ok := s.Object("acme", "a&b"); ok {
		t.Errorf("%+v was not removed", o)
	}
}

func TestStorageReportsUnknownRequests(t *testing.T) {
	t.Parallel()
	var got int
	s := googlesim.NewStorage(func(*http.Request) { got++ }, "acme")
	s.Put("acme", googlesim.Object{Name: "x"})
	requests := []string{
		"GET /", "GET /storage/v1/b/acme", "GET " + objects + "?generatoin=1", "GET /upload" + objects, "PATCH " + objects + "/x",
		"POST " + objects, "DELETE " + objects + "/x", "GET " + objects + "/x?prefix=1",
		"POST /upload" + objects + "?uploadType=media&name=y", "POST /upload" + objects + "?uploadType=resumable&name=y&ifGenerationMatch=0",
	}
	for _, request := range requests {
		method, target, _ := strings.Cut(request, " ")
		got = 0
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		if got != 1 || w.Code != http.StatusNotFound {
			t.Errorf("%s: reported %d times, status %d", request, got, w.Code)
		}
	}
	if _, ok := s.Object("acme", "y"); ok {
		t.Error("an upload without a precondition was stored")
	}
}

func TestNextRequestsFail(t *testing.T) {
	t.Parallel()
	s := newStorage(t, "x")
	s.FailNext("slow down", http.StatusTooManyRequests, http.StatusServiceUnavailable)
	check(t, s, []exchange{
		{"first", "GET " + objects + "/x?alt=media", "", 429, refusal("429", "Too Many Requests", "slow down")},
		{"second", "GET " + objects + "/x?alt=media", "", 503, refusal("503", "Service Unavailable", "slow down")},
		{"third", "GET " + objects + "/x?alt=media", "", 200, "1,2"},
	}...)
	s.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusTeapot)
		return true
	})
	check(t, s, exchange{"intercepted", "GET /", "", 418, ""})
	if got := s.Requests(); len(got) != 4 || got[3] != "GET /" {
		t.Errorf("requests %q", got)
	}
}

func TestStorageAnswersWithoutAListener(t *testing.T) {
	t.Parallel()
	client := http.Client{Transport: newStorage(t, "x")}
	resp, err := client.Get("https://storage.googleapis.com" + objects + "/x?alt=media")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "1,2" || resp.Header.Get("X-Goog-Generation") != "1" {
		t.Errorf("%s, %v, %v", body, resp.Header, err)
	}
}

func TestOpenStorageNeedsNoBucketAndNoPrecondition(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	const insert = "POST /upload/storage/v1/b/other/o?uploadType=media&name=m&fields=generation"
	check(t, s, exchange{"closed", insert, "{}", 404, refusal("404", "Not Found", "The specified bucket does not exist.")})
	s.Open = true
	check(t, s,
		exchange{"a new bucket", insert, "{}", 200, `{"generation":"1"}`},
		exchange{"again", insert, "[]", 200, `{"generation":"2"}`},
		exchange{"the content", "GET /storage/v1/b/other/o/m?alt=media", "", 200, "[]"},
		exchange{"another generation", insert + "&ifGenerationMatch=1", "", 412,
			refusal("412", "Precondition Failed", "At least one of the pre-conditions you specified did not hold.")},
		exchange{"an empty bucket", "GET /storage/v1/b/third/o", "", 200, `{"kind":"storage#objects"}`},
	)
}

func TestObjectWithUnknownContentIsListedAndNotRead(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	s.Put("made", googlesim.Object{Name: "m", Resource: []byte(`{"name":"m"}`)})
	check(t, s,
		exchange{"the listing", "GET /storage/v1/b/made/o", "", 200, `{"kind":"storage#objects","items":[{"name":"m"}]}`},
		exchange{"the content", "GET /storage/v1/b/made/o/m?alt=media", "", 404, refusal("404", "Not Found", "No such object: made/m")},
	)
}
