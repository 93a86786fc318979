// SPDX-License-Identifier: Apache-2.0

package complete_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/route/fileset"
)

// bucket answers as Cloud Storage's JSON API for the bucket acme. Nothing listens.
type bucket struct {
	t     *testing.T
	delay time.Duration // of a listing, after it was taken
	fail  int           // the status of every response, 0 for none
	said  string        // its body

	mu       sync.Mutex
	objects  map[string]string // their content
	clock    int
	made     map[string]int // their generations
	listings int
}

func newBucket(t *testing.T, names ...string) *bucket {
	b := &bucket{t: t, objects: map[string]string{}, made: map[string]int{}}
	for _, name := range names {
		b.write(name, "")
	}
	return b
}

func (b *bucket) write(name, content string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock++
	b.objects[name], b.made[name] = content, b.clock
}

func (b *bucket) storage() *complete.Storage {
	return &complete.Storage{Client: &rest.Client{HTTP: &http.Client{Transport: b}, Root: "https://storage.googleapis.com"}}
}

func (b *bucket) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	path, query, prefix := r.URL.Path, r.URL.Query(), "/storage/v1/b/acme/o"
	switch {
	case b.fail != 0:
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(b.fail)
		_, _ = io.WriteString(w, b.said)
	case r.Method == http.MethodGet && path == prefix:
		b.list(w, query)
		_ = clock.Sleep(r.Context(), b.delay)
	case r.Method == http.MethodGet && query.Get("alt") == "media":
		b.mu.Lock()
		content, ok := b.objects[strings.TrimPrefix(path, prefix+"/")]
		b.mu.Unlock()
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, content)
	default:
		b.t.Errorf("unknown route %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotImplemented)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// list answers with two objects a page at least, whatever is asked for.
func (b *bucket) list(w io.Writer, query url.Values) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listings++
	size := 2
	if len(b.objects) > 1000 {
		size = 1000
	}
	page := map[string]any{}
	var items []map[string]any
	for _, name := range slices.Sorted(maps.Keys(b.objects)) {
		if !strings.HasPrefix(name, query.Get("prefix")) || name <= query.Get("pageToken") {
			continue
		}
		if len(items) == size {
			page["nextPageToken"] = items[size-1]["name"]
			break
		}
		items = append(items, map[string]any{
			"name": name, "generation": fmt.Sprint(b.made[name]), "size": fmt.Sprint(len(b.objects[name])), "updated": "2026-11-22T09:30:00Z",
		})
	}
	page["items"] = items
	if err := json.NewEncoder(w).Encode(page); err != nil {
		b.t.Error(err)
	}
}

// look compares a set with a listing that begins now.
func look(ctx context.Context, storage *complete.Storage, s *fileset.Set) (fileset.State, error) {
	listed, err := storage.List(ctx, s)
	if err != nil {
		return fileset.State{}, err
	}
	return s.Compare(listed, s.Names), nil
}

// counted is a set of so many objects.
func counted(n int) *fileset.Set { return &fileset.Set{Bucket: "acme", Prefix: "d/", Count: n} }

func TestObjectsAreListedWithTheirGenerations(t *testing.T) {
	t.Parallel()
	b := newBucket(t, "d/b", "d/a")
	set := counted(2)
	s, err := look(t.Context(), b.storage(), set)
	if err != nil {
		t.Fatal(err)
	}
	got, err := set.JSON(s)
	const want = `{"bucket":"acme","prefix":"d/","files":[{"name":"d/a","generation":"2","size":"0","updated":"2026-11-22T09:30:00Z"},` +
		`{"name":"d/b","generation":"1","size":"0","updated":"2026-11-22T09:30:00Z"}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	if key := s.Key(); !slices.Equal(key, []string{"d/a#2", "d/b#1"}) {
		t.Errorf("key %v", key)
	}
}

func TestTooManyObjectsArePermanent(t *testing.T) {
	t.Parallel()
	many := newBucket(t)
	for i := range fileset.MaxObjects + 1 {
		many.write(fmt.Sprintf("d/%05d", i), "")
	}
	_, err := many.storage().List(t.Context(), counted(1))
	const want = "listing gs://acme/d/: there are over 10000 objects: give complete a prefix with fewer objects below it"
	if e, ok := errors.AsType[*complete.Error](err); !ok || e.Kind != complete.Permanent || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Each row is a refusal of Cloud Storage, and what it means for the event.
func TestRefusalsOfStorage(t *testing.T) {
	t.Parallel()
	const doing = "listing gs://acme/d/: "
	for _, row := range []struct {
		status int
		body   string
		kind   complete.Kind
		want   string
	}{
		{403, `{"error":{"message":"no  storage.objects.list"}}`, complete.Permanent,
			"403 Forbidden: no storage.objects.list; give the function's account the role roles/storage.objectViewer on gs://acme, then " +
				"replay the event"},
		{403, `{"error":{"errors":[{"reason":"rateLimitExceeded"}],"message":"slow down"}}`, complete.Throttled, "403 Forbidden: slow down"},
		{404, "", complete.Permanent, "404 Not Found; the bucket does not exist: fix bucket in the route, or create it"},
		{400, "", complete.Permanent, "400 Bad Request"},
		{401, "", complete.Transient, "401 Unauthorized"},
		{429, "", complete.Throttled, "429 Too Many Requests"},
		{503, "", complete.Transient, "503 Service Unavailable"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBucket(t)
			b.fail, b.said = row.status, row.body
			_, err := b.storage().List(t.Context(), counted(1))
			e, ok := errors.AsType[*complete.Error](err)
			if !ok || e.Kind != row.kind || e.Reason != doing+row.want || e.RetryAfter != 3*time.Second {
				t.Errorf("%d: %+v", row.status, err)
			}
		})
	}
}

func TestAManifestThatCannotBeReadDefersTheEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t)
		b.fail = 503
		_, _, err := b.storage().Manifest(t.Context(), &fileset.Set{Bucket: "acme", Prefix: "d/", Manifest: "d/m"})
		if e, ok := errors.AsType[*complete.Error](err); !ok || e.Reason != "reading the manifest gs://acme/d/m: 503 Service Unavailable" {
			t.Errorf("%v", err)
		}
	})
}

// TestTheLastObjectSeesTheWholeSet writes the objects of sets in any order and
// looks once after each write, on one of two instances, while listings are slow:
// a burst shares listings, and of each set at least one look finds it complete.
func TestTheLastObjectSeesTheWholeSet(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			b := newBucket(t)
			b.delay = 100 * time.Millisecond
			instances := []*complete.Storage{b.storage(), b.storage()}
			set := fileset.Set{Bucket: "acme", Prefix: "d/", Names: strings.Split("abcdefghij", "")}
			var mu sync.Mutex
			found, looks := 0, 0
			var all sync.WaitGroup
			for _, i := range rng.Perm(len(set.Names)) {
				after := time.Duration(rng.IntN(300)) * time.Millisecond
				instance := instances[rng.IntN(len(instances))]
				all.Go(func() {
					_ = clock.Sleep(t.Context(), after)
					b.write("d/"+set.Names[i], "")
					s, err := look(t.Context(), instance, &set)
					mu.Lock()
					defer mu.Unlock()
					looks++
					if err != nil {
						t.Error(err)
					}
					if s.Complete {
						found++
					}
				})
			}
			all.Wait()
			if found == 0 {
				t.Errorf("seed %d: %d looks, and none found the set complete", seed, looks)
			}
		})
	}
}

func TestABurstSharesListings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, "d/a")
		b.delay = time.Second
		storage := b.storage()
		var all sync.WaitGroup
		for range 80 {
			all.Go(func() {
				if s, err := look(t.Context(), storage, counted(1)); err != nil || !s.Complete {
					t.Errorf("%+v, %v", s, err)
				}
			})
		}
		all.Wait()
		if b.listings > 8 {
			t.Errorf("%d listings for a burst of 80", b.listings)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := look(ctx, storage, counted(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a look outlives its context: %v", err)
		}
	})
}
