// SPDX-License-Identifier: Apache-2.0

package complete_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
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
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// bucket is the bucket acme of a simulated Cloud Storage. Nothing listens.
type bucket struct {
	*googlesim.Storage
	delay time.Duration // of a response, after it was made
}

func newBucket(t *testing.T, names ...string) *bucket {
	unknown := func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }
	b := &bucket{Storage: googlesim.NewStorage(unknown, "acme")}
	b.PageSize = 2
	b.Now = func() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC) }
	for _, name := range names {
		b.write(name, "")
	}
	return b
}

func (b *bucket) write(name, content string) {
	b.Put("acme", googlesim.Object{Name: name, Body: []byte(content)})
}

// refuse refuses every request.
func (b *bucket) refuse(status int, body string) {
	b.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	})
}

func (b *bucket) storage() *complete.Storage {
	return &complete.Storage{Client: &rest.Client{HTTP: &http.Client{Transport: b}, Root: rest.CloudStorage}}
}

func (b *bucket) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.Storage.RoundTrip(r)
	if err == nil && clock.Sleep(r.Context(), b.delay) != nil {
		return nil, r.Context().Err()
	}
	return response, err
}

// look compares a set with a listing that begins now.
func look(ctx context.Context, storage *complete.Storage, s *fileset.Set) (fileset.State, error) {
	listed, err := storage.List(ctx, s)
	if err != nil {
		return fileset.State{}, err
	}
	names, err := s.Whole(s.Names)
	return s.Compare(listed, names), err
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
	many.PageSize = 1000
	for i := range fileset.MaxObjects + 1 {
		many.write(fmt.Sprintf("d/%05d", i), "")
	}
	_, err := many.storage().List(t.Context(), counted(1))
	const want = "listing gs://acme/d/: there are over 10000 objects: give complete a prefix with fewer objects below it"
	if e, ok := errors.AsType[*complete.Error](err); !ok || e.Kind != complete.Permanent || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A page of the longest names, each of whose bytes is escaped.
func TestObjectsWithLongNamesAreListed(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	b.PageSize = 1000
	for i := range b.PageSize {
		b.write(fmt.Sprintf("d/%s%04d", strings.Repeat("\x01", 1018), i), "")
	}
	if s, err := look(t.Context(), b.storage(), counted(b.PageSize)); err != nil || !s.Complete {
		t.Errorf("%+v, %v", s.Missing, err)
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
			b.refuse(row.status, row.body)
			_, err := b.storage().List(t.Context(), counted(1))
			e, ok := errors.AsType[*complete.Error](err)
			if !ok || e.Kind != row.kind || e.Reason != doing+row.want || e.RetryAfter != 3*time.Second {
				t.Errorf("%d: %+v", row.status, err)
			}
		})
	}
}

func TestManifestDefersTheEventWhenItCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t)
		b.refuse(503, "")
		_, _, err := b.storage().Manifest(t.Context(), &fileset.Set{Bucket: "acme", Prefix: "d/", Manifest: "d/m"})
		if e, ok := errors.AsType[*complete.Error](err); !ok || e.Reason != "reading the manifest gs://acme/d/m: 503 Service Unavailable" {
			t.Errorf("%v", err)
		}
	})
}

// TestListForTheLastObjectReturnsTheWholeSet writes the objects of sets in any order and
// looks once after each write, on one of two instances, while listings are slow:
// a burst shares listings, and of each set at least one look finds it complete.
func TestListForTheLastObjectReturnsTheWholeSet(t *testing.T) {
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

func TestListSharesListingsInABurst(t *testing.T) {
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
		if listings := len(b.Requests()); listings > 8 {
			t.Errorf("%d listings for a burst of 80", listings)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := look(ctx, storage, counted(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a look outlives its context: %v", err)
		}
	})
}
