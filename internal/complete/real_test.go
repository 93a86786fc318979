// SPDX-License-Identifier: Apache-2.0

package complete_test

import (
	"errors"
	"net/http"
	"testing"

	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
	"example.com/dagtrigger/internal/rest"
)

// What the simulator claims is compared with a server that somebody else wrote.
func TestSetsOnARealStorageServer(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedStorage)
	storage, err := googlereal.StartStorageIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	checker := complete.Checker{Bucket: &complete.Storage{Client: rest.ForGoogle(rest.Options{Transport: transport, Emulator: storage.URL})}}
	if err := storage.CreateBucket(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	look := func(keys, want string) {
		t.Helper()
		plan, err := checker.Complete(t.Context(), planOf(t, "a", keys))
		got := "complete"
		if err != nil {
			got = err.Error()
		} else if len(plan.Conf) == 0 {
			t.Errorf("%s: no conf", keys)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
	}
	look("names: [a, b ü]", "the set gs://acme/d/ is not complete: missing a, b ü")
	for _, o := range []struct{ name, text string }{{"d/b ü", "1"}, {"d/m", `{"files":["a","b ü"]}`}, {"e/a", "1"}} {
		if err := storage.Upload(t.Context(), "acme", o.name, "text/plain", []byte(o.text)); err != nil {
			t.Fatal(err)
		}
	}
	look("names: [a, b ü]", "the set gs://acme/d/ is not complete: missing a")
	look("manifest: d/m", "the set gs://acme/d/ is not complete: missing a")
	look("manifest: d/n", "the set gs://acme/d/ is not complete: missing the manifest d/n")
	for range 2 { // it is written again
		if err := storage.Upload(t.Context(), "acme", "d/a", "text/plain", []byte("1")); err != nil {
			t.Fatal(err)
		}
		look("names: [a, b ü]", "complete")
		look("manifest: d/m", "complete")
		look("count: 3", "complete")
		look("count: 4", "the set gs://acme/d/ is not complete: missing 1 of 4 objects")
	}
	other := planOf(t, "a", "count: 1")
	other.Set.Bucket = "missing"
	_, err = checker.Complete(t.Context(), other)
	if e, ok := errors.AsType[*complete.Error](err); !ok || e.Kind != complete.Permanent {
		t.Errorf("a bucket that is missing: %v", err)
	}
}
