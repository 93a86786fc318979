// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
)

// place is one kind of place that keeps letters.
type place struct {
	name     string
	stateful bool // failures of one event and route are one record
	open     func(t *testing.T) (deadletter.Store, deadletter.Archive)
}

func places() []place {
	return []place{
		{"bucket", true, func(t *testing.T) (deadletter.Store, deadletter.Archive) { return openBucket(t, newStorage(t)) }},
		{"folder", true, func(t *testing.T) (deadletter.Store, deadletter.Archive) {
			return opened(t, "file://"+filepath.ToSlash(t.TempDir())+"/letters", deadletter.Options{})
		}},
		{"topic", false, func(t *testing.T) (deadletter.Store, deadletter.Archive) {
			return openTopic(t, newPubSub(t, topicName), 0)
		}},
	}
}

// everywhere runs a test against each kind of place.
func everywhere(t *testing.T, test func(t *testing.T, p place, s deadletter.Store, a deadletter.Archive)) {
	t.Helper()
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			store, archive := p.open(t)
			test(t, p, store, archive)
			if err := archive.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func put(t *testing.T, s deadletter.Store, records ...deadletter.Record) {
	t.Helper()
	for _, r := range records {
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// list gives each letter as NAME attempts reason, sorted.
func list(t *testing.T, a deadletter.Archive, f deadletter.Filter) []string {
	t.Helper()
	var got []string
	for l, err := range a.List(t.Context(), f) {
		if err != nil {
			got = append(got, "error: "+err.Error())
			continue
		}
		got = append(got, fmt.Sprintf("%s %d %s", l.Name(), l.Attempts, l.Reason))
	}
	slices.Sort(got)
	return got
}

func TestGetReturnsWhatPutStored(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, _ place, s deadletter.Store, a deadletter.Archive) {
		want := failure("dagtrigger__sales__5f3c", "400: no", 0)
		put(t, s, want)
		l, err := a.Get(t.Context(), "dagtrigger__sales__5f3c")
		if err != nil {
			t.Fatal(err)
		}
		want.FirstTime, want.Attempts = want.Time, 1 // as a store fills them in
		if diff := cmp.Diff(want, l.Record, cmpopts.IgnoreUnexported(event.CloudEvent{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := string(l.Event.Data); got != `{"a": 1}` {
			t.Errorf("data = %s", got)
		}
	})
}

func TestPutCountsFailuresInOneRecord(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p place, s deadletter.Store, a deadletter.Archive) {
		put(t, s, failure("x", "first", 0), failure("y", "other", 0), failure("x", "second", time.Hour), failure("x", "third", 2*time.Hour))
		want := []string{"x 3 third", "y 1 other"}
		if !p.stateful {
			want = []string{"x 1 first", "x 1 second", "x 1 third", "y 1 other"}
		}
		if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		l, err := a.Get(t.Context(), "x")
		if err != nil || !l.FirstTime.Equal(noon) || p.stateful && !l.Time.Equal(noon.Add(2*time.Hour)) {
			t.Errorf("failed first %v, last %v, %v", l.FirstTime, l.Time, err)
		}
	})
}

func TestPutIgnoresARepeatedFailure(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p place, s deadletter.Store, a deadletter.Archive) {
		if !p.stateful {
			t.Skip("a topic holds no state")
		}
		put(t, s, failure("x", "first", 0), failure("x", "second", time.Hour), failure("x", "second", time.Hour))
		if diff := cmp.Diff([]string{"x 2 second"}, list(t, a, deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestConcurrentFailuresAreAllCounted(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p place, s deadletter.Store, a deadletter.Archive) {
		const writers = 4 // fewer than Put's tries, so that each gets its turn
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() {
				if err := s.Put(t.Context(), failure("x", "no", time.Duration(i)*time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		want := []string{"x 4 no"}
		if !p.stateful {
			want = slices.Repeat([]string{"x 1 no"}, writers)
		}
		if diff := cmp.Diff(want, list(t, a, deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, _ place, s deadletter.Store, a deadletter.Archive) {
		a1 := failure("a1", "400: Not a Param", 0)
		a2 := failure("a2", "422: no", time.Hour)
		b1 := failure("b1", "422: no", 2*time.Hour)
		b1.Route, b1.DAGID = "returns", "take_back"
		put(t, s, a1, a2, b1)
		for _, row := range []struct {
			name   string
			filter deadletter.Filter
			want   string
		}{
			{"all", deadletter.Filter{}, "a1 a2 b1"},
			{"route", deadletter.Filter{Route: "sales"}, "a1 a2"},
			{"whole route", deadletter.Filter{Route: "sale"}, ""},
			{"dag", deadletter.Filter{DAGID: "take_back"}, "b1"},
			{"reason", deadletter.Filter{Reason: "not a param"}, "a1"},
			{"since", deadletter.Filter{Since: noon.Add(time.Hour)}, "a2 b1"},
			{"until", deadletter.Filter{Until: noon.Add(time.Hour)}, "a1"},
			{"all of it", deadletter.Filter{Route: "sales", Since: noon.Add(time.Minute)}, "a2"},
		} {
			var names []string
			for _, line := range list(t, a, row.filter) {
				names = append(names, strings.Fields(line)[0])
			}
			if got := strings.Join(names, " "); got != row.want {
				t.Errorf("%s: %s, want %s", row.name, got, row.want)
			}
		}
	})
}

func TestListFindsByName(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, _ place, s deadletter.Store, a deadletter.Archive) {
		put(t, s, failure("x", "no", 0), failure("y", "no", 0), failure("z", "other", 0))
		names := []string{"z", "x", "none"}
		if diff := cmp.Diff([]string{"x 1 no", "z 1 other"}, list(t, a, deadletter.Filter{Names: names})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"z 1 other"}, list(t, a, deadletter.Filter{Names: names, Reason: "other"})); diff != "" {
			t.Errorf("and by more, (-want +got):\n%s", diff)
		}
	})
}

func TestListCanBeStoppedEarly(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, _ place, s deadletter.Store, a deadletter.Archive) {
		for i := range 5 {
			put(t, s, failure(fmt.Sprint("x", i), "no", 0))
		}
		seen := make(map[string]bool)
		for l, err := range a.List(t.Context(), deadletter.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[l.Name()] = true; len(seen) == 3 {
				break
			}
		}
		if len(seen) != 3 || len(list(t, a, deadletter.Filter{})) != 5 {
			t.Errorf("seen %v, then %v", seen, list(t, a, deadletter.Filter{}))
		}
	})
}

func TestRemovedLetterIsGone(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, _ place, s deadletter.Store, a deadletter.Archive) {
		put(t, s, failure("x", "no", 0), failure("y", "no", 0))
		letters := make(map[string]deadletter.Letter)
		for l, err := range a.List(t.Context(), deadletter.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			letters[l.Name()] = l
			if l.Name() == "x" { // while the listing goes on, as replay does
				if err := a.Remove(t.Context(), l); err != nil {
					t.Error(err)
				}
			}
		}
		if got := slices.Sorted(maps.Keys(letters)); !slices.Equal(got, []string{"x", "y"}) {
			t.Errorf("listed %v", got)
		}
		if err := a.Remove(t.Context(), letters["x"]); err != nil {
			t.Errorf("removing it twice: %v", err)
		}
		if diff := cmp.Diff([]string{"y 1 no"}, list(t, a, deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, err := a.Get(t.Context(), "x"); !errors.Is(err, deadletter.ErrNotFound) {
			t.Errorf("Get = %v", err)
		}
	})
}

func TestRemoveRefusesAChangedLetter(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p place, s deadletter.Store, a deadletter.Archive) {
		put(t, s, failure("x", "first", 0))
		l, err := a.Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, failure("x", "second", time.Hour))
		err = a.Remove(t.Context(), l)
		want := "x 2 second"
		if !p.stateful { // the second failure is a separate letter
			want = "x 1 second"
		} else if !errors.Is(err, deadletter.ErrChanged) {
			t.Errorf("Remove = %v", err)
		}
		if diff := cmp.Diff([]string{want}, list(t, a, deadletter.Filter{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestRemoveRefusesALetterOfAnotherStore(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p place, s deadletter.Store, a deadletter.Archive) {
		put(t, s, failure("x", "no", 0))
		for _, other := range places() {
			otherStore, otherArchive := other.open(t)
			put(t, otherStore, failure("x", "no", 0))
			l, err := otherArchive.Get(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			if p.name == other.name && p.name != "folder" {
				continue // the fakes have one name each
			}
			if err := a.Remove(t.Context(), l); err == nil || !strings.Contains(err.Error(), "it is not from") {
				t.Errorf("removing one of a %s: %v", other.name, err)
			}
		}
	})
}

func TestAnyRunIDIsAValidName(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, _ place, s deadletter.Store, a deadletter.Archive) {
		names := []string{"manual__2026-11-22T12:00:00+00:00", "../../x", "a/b", "a b%2Fc", ".hidden", strings.Repeat("n", 250)}
		for _, name := range names {
			put(t, s, failure(name, "no", 0))
		}
		for _, name := range names {
			if l, err := a.Get(t.Context(), name); err != nil || l.RunID != name {
				t.Errorf("Get(%q) = %q, %v", name, l.RunID, err)
			}
		}
		if got := list(t, a, deadletter.Filter{}); len(got) != len(names) {
			t.Errorf("listed %q", got)
		}
	})
}

func TestEveryCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, _ place, s deadletter.Store, a deadletter.Archive) {
		put(t, s, failure("x", "no", 0))
		l, err := a.Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Put(ctx, failure("y", "no", 0)); !errors.Is(err, context.Canceled) {
			t.Errorf("Put = %v", err)
		}
		if err := a.Remove(ctx, l); !errors.Is(err, context.Canceled) {
			t.Errorf("Remove = %v", err)
		}
		for _, err := range a.List(ctx, deadletter.Filter{}) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("List = %v", err)
			}
		}
	})
}
