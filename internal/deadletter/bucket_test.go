// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

func TestFirstPutCostsOneRequest(t *testing.T) {
	t.Parallel()
	f := newStorage(t)
	s, _ := openBucket(t, f)
	put(t, s, failure("x", "no", 0))
	if diff := cmp.Diff([]string{"POST /upload/storage/v1/b/acme-dead/o"}, f.Requests()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if o, _ := f.Object("acme-dead", "letters/x.json"); o.ContentType != "application/json" {
		t.Errorf("a browser would not show it: %q", o.ContentType)
	}
}

func TestLostUploadResponseCountsOnce(t *testing.T) {
	t.Parallel()
	f := newStorage(t)
	s, a := openBucket(t, f)
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		f.Intercept(nil)
		f.ServeHTTP(discard{header: http.Header{}}, r)
		googlesim.Refuse(w, http.StatusServiceUnavailable, "Backend Error")
		return true
	})
	put(t, s, failure("x", "no", 0)) // sends it again, and finds what it stored
	if diff := cmp.Diff([]string{"x 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// discard is where a lost answer goes.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return io.Discard.Write(b) }
func (d discard) WriteHeader(int)             {}

func TestPutRecreatesARecordRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newStorage(t)
	s, a := openBucket(t, f)
	put(t, s, failure("x", "first", 0))
	f.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet { // between Put's first write and its read
			f.Delete("acme-dead", "letters/x.json")
		}
		return false
	})
	put(t, s, failure("x", "second", time.Hour))
	f.Intercept(nil)
	if diff := cmp.Diff([]string{"x 1 second"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBucketReportsAndReplacesInvalidRecord(t *testing.T) {
	t.Parallel()
	f := newStorage(t)
	s, a := openBucket(t, f)
	f.Put("acme-dead", googlesim.Object{Name: "letters/x.json", Body: []byte("hush"), ContentType: "text/plain"})
	f.Put("acme-dead", googlesim.Object{Name: "letters/notes.txt", Body: []byte("mine"), ContentType: "text/plain"})
	f.Put("acme-dead", googlesim.Object{Name: "letters/below/y.json", Body: []byte("{}"), ContentType: "application/json"})
	f.Put("acme-dead", googlesim.Object{Name: "lettersz.json", Body: []byte("{}"), ContentType: "application/json"})
	want := []string{"error: gs://acme-dead/letters/x.json is no dead letter: it is not a JSON record: byte 1: move it elsewhere"}
	if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	put(t, s, failure("x", "no", 0))
	if diff := cmp.Diff([]string{"x 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStorageRefusalNamesTheFix(t *testing.T) {
	t.Parallel()
	const storing = "storing the dead letter in gs://acme-dead/letters/x.json: "
	for _, row := range []struct {
		status int
		want   string
	}{
		{401, storing + "401 Unauthorized: said; give this account the role roles/storage.objectUser on the bucket"},
		{403, storing + "403 Forbidden: said; give this account the role roles/storage.objectUser on the bucket"},
		{404, storing + "404 Not Found: said; make the bucket: gcloud storage buckets create gs://acme-dead"},
		{400, storing + "400 Bad Request; nothing was stored"},
		{413, storing + "413 Request Entity Too Large; nothing was stored"},
		{429, storing + "429 Too Many Requests: said"},
		{503, storing + "503 Service Unavailable: said"},
	} {
		f := newStorage(t)
		s, _ := openBucket(t, f)
		f.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			googlesim.Refuse(w, row.status, " said\n")
			return true
		})
		if err := s.Put(t.Context(), failure("x", "no", 0)); err == nil || err.Error() != row.want {
			t.Errorf("Put =\n%v, want\n%s", err, row.want)
		}
	}
}

func TestPutFailsAfterFiveLostRaces(t *testing.T) {
	t.Parallel()
	f := newStorage(t)
	s, _ := openBucket(t, f)
	put(t, s, failure("x", "no", 0))
	f.ForgetRequests()
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			googlesim.Refuse(w, http.StatusPreconditionFailed, "conditionNotMet")
			return true
		}
		return false
	})
	if err := s.Put(t.Context(), failure("x", "no", time.Hour)); err == nil {
		t.Fatal("Put claims to have stored it")
	}
	writes := slices.DeleteFunc(f.Requests(), func(line string) bool { return line[:4] != "POST" })
	if len(writes) != 5 {
		t.Errorf("%d writes, want 5", len(writes))
	}
}
