// SPDX-License-Identifier: Apache-2.0

package tail_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/outcomelog"
	"example.com/dagtrigger/internal/operator/tail"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/route/pattern"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// object is an event of an object of the bucket acme.
func object(name string) outcomelog.Example {
	return outcomelog.Example{EventID: "1", Source: "//storage.googleapis.com/projects/_/buckets/acme", Subject: "objects/" + name}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	upload := object("sales/a.csv")
	line := func(outcome, route string, e outcomelog.Example) outcomelog.Line {
		return outcomelog.Line{Outcome: outcome, Route: route, EventID: e.EventID, Source: e.Source, Subject: e.Subject}
	}
	burst := outcomelog.Line{Outcome: "unmatched", Count: 9, Examples: []outcomelog.Example{object("b"), upload}}
	message := outcomelog.Example{EventID: "7", Source: "//pubsub.googleapis.com/projects/acme/topics/orders"}
	for _, row := range []struct {
		name             string
		line             outcomelog.Line
		outcomes, routes []string
		object           string
		want             bool
	}{
		{"all", line("triggered", "r", upload), nil, nil, "", true},
		{"of a shadow", outcomelog.Line{Shadow: "would_trigger"}, nil, nil, "", false},
		{"an outcome", line("triggered", "r", upload), []string{"deferred", "triggered"}, nil, "", true},
		{"another outcome", line("triggered", "r", upload), []string{"deferred"}, nil, "", false},
		{"a route", line("triggered", "r", upload), nil, []string{"q", "r"}, "", true},
		{"another route", line("triggered", "r", upload), nil, []string{"R"}, "", false},
		{"an object", line("triggered", "r", upload), nil, nil, "sales/*.csv", true},
		{"another object", line("triggered", "r", upload), nil, nil, "*.csv", false},
		{"a URL", line("triggered", "r", upload), nil, nil, "gs://acme/**.csv", true},
		{"another bucket", line("triggered", "r", upload), nil, nil, "gs://acne/**", false},
		{"a burst with it", burst, nil, nil, "sales/*", true},
		{"a burst without it", burst, nil, nil, "c", false},
		{"a message", line("triggered", "r", message), nil, nil, "**", false},
		{"both", line("triggered", "r", upload), []string{"triggered"}, []string{"q"}, "**", false},
	} {
		s := tail.Selection{Outcomes: row.outcomes, Routes: row.routes, URL: strings.HasPrefix(row.object, "gs://")}
		if row.object != "" {
			p, err := pattern.Parse(row.object)
			if err != nil {
				t.Fatal(err)
			}
			s.Object = p
		}
		if got := s.Selects(&row.line); got != row.want {
			t.Errorf("%s: selected %t, want %t", row.name, got, row.want)
		}
	}
}

func TestCountsAreOfOutcomesByKind(t *testing.T) {
	t.Parallel()
	counts := tail.Counts{}
	for _, l := range []outcomelog.Line{
		{Outcome: "unmatched", Count: 9}, {Outcome: "triggered", Route: "b", Count: 1}, {Outcome: "triggered", Route: "a"},
		{Outcome: "unmatched"},
	} {
		counts.Add(&l)
	}
	want := []tail.Kind{{"triggered", "a"}, {"triggered", "b"}, {"unmatched", ""}}
	if diff := cmp.Diff(want, counts.Kinds()); diff != "" || counts.Total() != 12 || counts[want[2]] != 10 {
		t.Errorf("%v of %d (-want +got):\n%s", counts, counts.Total(), diff)
	}
	for i := range 2000 {
		counts.Add(&outcomelog.Line{Outcome: "deferred", Route: fmt.Sprint(i)})
	}
	if len(counts) > 1001 || counts.Total() != 2012 {
		t.Errorf("%d kinds of %d outcomes", len(counts), counts.Total())
	}
}

// world is a Cloud Logging that is followed.
type world struct {
	log   *googlesim.Logging
	cloud tail.Cloud
	got   []string
	notes []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{log: googlesim.NewLogging(func(r *http.Request) { t.Errorf("unknown request %s %s", r.Method, r.URL) })}
	client := &rest.Client{HTTP: &http.Client{Transport: w.log}, Root: outcomelog.CloudLogging, Once: true}
	w.cloud = tail.Cloud{
		Log:     &outcomelog.Cloud{Client: client, Project: "acme"},
		Filter:  outcomelog.Filter{Since: time.Now()},
		Skipped: func() { w.notes = append(w.notes, "skipped") },
		Failed:  func(err error) { w.notes = append(w.notes, err.Error()) },
	}
	return w
}

// add adds an outcome of an event, with an age.
func (w *world) add(t *testing.T, id string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age).UTC().Format(time.RFC3339Nano)
	entry := fmt.Sprintf(`{"insertId":"i%s","timestamp":%q,"jsonPayload":{"outcome":"triggered","event_id":%q}}`, id, at, id)
	if err := w.log.Add("acme", entry); err != nil {
		t.Error(err)
	}
}

// follow follows the log while other works on it.
func (w *world) follow(t *testing.T, other func()) error {
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		other()
		cancel()
	})
	return w.cloud.Follow(ctx, func(l *outcomelog.Line) { w.got = append(w.got, l.EventID) })
}

// pass lets time pass on the bubble's clock.
func pass(d time.Duration) { <-time.After(d) }

func TestEachLineOfCloudLoggingIsPassedOnOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.add(t, "old", time.Second)
		w.add(t, "1", 0)
		err := w.follow(t, func() {
			pass(4 * time.Second)
			w.add(t, "2", 0)
			pass(20 * time.Second)
			w.add(t, "3", 0)
			pass(5 * time.Second)
			w.add(t, "late", 20*time.Second) // Cloud Logging had it late
			pass(2 * time.Minute)
			w.add(t, "4", 0)
			pass(5 * time.Second)
		})
		if got := strings.Join(w.got, " "); err != nil || got != "1 2 3 late 4" || w.notes != nil {
			t.Errorf("got %s, %v, %v, want 1 2 3 late 4", got, err, w.notes)
		}
	})
}

// A failure that passes is reported, and polled again more and more rarely.
func TestCloudLoggingThatFails(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name          string
		first, status int32
		fails         bool
		notes         string // what the reports begin with
	}{
		{"at first", 503, 200, true, ""},
		{"later, for a while", 200, 503, false, "reading the log of the project acme: 503"},
		{"later, over the quota", 200, 429, false, "reading the log of the project acme: 429"},
		{"later, permanently", 200, 403, true, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var status atomic.Int32
			status.Store(row.first)
			w.log.Intercept(func(rw http.ResponseWriter, _ *http.Request) bool {
				now := int(status.Load())
				if now != http.StatusOK {
					googlesim.Refuse(rw, now, "no")
				}
				return now != http.StatusOK
			})
			err := w.follow(t, func() {
				pass(2 * time.Second)
				status.Store(row.status)
				pass(10 * time.Second)
				status.Store(http.StatusOK)
				w.add(t, "1", 0)
				pass(time.Minute)
			})
			_, refused := errors.AsType[*outcomelog.Error](err)
			if refused != row.fails || !row.fails && strings.Join(w.got, "") != "1" {
				t.Errorf("%s: %v, got %s", row.name, err, w.got)
			}
			if n := len(w.notes); row.notes != "" && (n < 2 || n > 3 || !strings.HasPrefix(w.notes[0], row.notes)) {
				t.Errorf("%s: reported %v", row.name, w.notes)
			}
		})
	}
}

// endless has more lines than a poll reads at most.
type endless struct{ *outcomelog.Cloud }

func (e endless) Read(_ context.Context, _ outcomelog.Query, yield func(*outcomelog.Line) bool) (bool, error) {
	yield(&outcomelog.Line{Time: time.Now().Format(time.RFC3339Nano), Outcome: "triggered"})
	return true, nil
}

func TestMoreLinesThanAPollReadsAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.Log = endless{}
		err := w.follow(t, func() { pass(time.Second) })
		if err != nil || len(w.got) != 1 || len(w.notes) != 1 {
			t.Errorf("%v, got %v, reported %v", err, w.got, w.notes)
		}
	})
}

// empty has more pages than a poll reads, of which none has a line: so Cloud Logging
// answers while it is still searching.
type empty struct{ since chan time.Time }

func (e empty) Read(_ context.Context, q outcomelog.Query, _ func(*outcomelog.Line) bool) (bool, error) {
	e.since <- q.Filter.Since
	return true, nil
}

func TestPollWithoutALineKeepsItsBeginning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		begin := w.cloud.Filter.Since
		log := empty{make(chan time.Time, 10)}
		w.cloud.Log = log
		if err := w.follow(t, func() { pass(4 * time.Second) }); err != nil {
			t.Error(err)
		}
		close(log.since)
		polls := 0
		for since := range log.since {
			if polls++; !since.Equal(begin) {
				t.Errorf("poll %d began at %s, want %s", polls, since, begin)
			}
		}
		if polls != 2 {
			t.Errorf("polled %d times, want twice", polls)
		}
	})
}

// Each step writes to the file, and the line is read from it.
func TestFileIsFollowed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.log")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(path, []byte("first, which is long\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, err := tail.Open(ctx, path)
	must(err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for _, step := range []struct {
		line  string
		write func() error
	}{
		{"first, which is long", func() error { return nil }},
		{"appended", func() error {
			file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			must(err)
			_, err = file.WriteString("appended\n")
			return errors.Join(err, file.Close())
		}},
		{"truncated", func() error { return os.WriteFile(path, []byte("truncated\n"), 0o600) }},
		{"replaced", func() error {
			must(os.WriteFile(path+".new", []byte("replaced\n"), 0o600))
			return os.Rename(path+".new", path)
		}},
	} {
		must(step.write())
		if !lines.Scan() || lines.Text() != step.line {
			t.Fatalf("read %q, want %q", lines.Text(), step.line)
		}
	}
	cancel()
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("read %q, %v after the end", lines.Text(), lines.Err())
	}
	if _, err := tail.Open(t.Context(), path+".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
