// SPDX-License-Identifier: Apache-2.0

package replay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/replay"
	"example.com/dagtrigger/internal/trigger"
)

// list is events as a listing gives them.
func list(events ...replay.Event) iter.Seq2[replay.Event, error] {
	return func(yield func(replay.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// outcome is that of route r, whose DAG is d.
func outcome(kind trigger.Kind) trigger.Outcome {
	return trigger.Outcome{Kind: kind, Route: "r", Environment: "prod", DAGID: "d", RunID: "run"}
}

// script is an event whose tries come to what stands in it, one after the
// other, the last for ever.
type script struct {
	place   string
	tries   [][]trigger.Outcome
	err     error
	settles error

	mu      sync.Mutex
	sent    []time.Duration // since the start
	settled int
}

func (s *script) event() replay.Event {
	started := time.Now()
	return replay.Event{
		Place: s.place,
		Send: func(context.Context) ([]trigger.Outcome, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sent = append(s.sent, time.Since(started))
			if s.err != nil {
				return nil, s.err
			}
			return slices.Clone(s.tries[min(len(s.sent), len(s.tries))-1]), nil
		},
		Settle: func(context.Context) error {
			s.settled++
			return s.settles
		},
	}
}

func TestEventIsSettledOnceAllItsRunsExist(t *testing.T) {
	t.Parallel()
	triggered, duplicate := outcome(trigger.Triggered), outcome(trigger.Duplicate)
	unmatched, rejected := outcome(trigger.Unmatched), outcome(trigger.Rejected)
	stuck := outcome(trigger.Deferred)
	stuck.Operator = true
	failed := errors.New("it failed")
	for _, row := range []struct {
		name     string
		outcomes []trigger.Outcome
		err      error
		settled  bool
	}{
		{"a run", []trigger.Outcome{triggered}, nil, true},
		{"a run that was there", []trigger.Outcome{duplicate}, nil, true},
		{"both", []trigger.Outcome{triggered, duplicate}, nil, true},
		{"no route", []trigger.Outcome{unmatched}, nil, false},
		{"no outcome", nil, nil, false},
		{"one of two failed", []trigger.Outcome{triggered, rejected}, nil, false},
		{"one of two waits", []trigger.Outcome{duplicate, stuck}, nil, false},
		{"no event", nil, failed, false},
	} {
		s := &script{place: row.name, tries: [][]trigger.Outcome{row.outcomes}, err: row.err}
		var ends []replay.End
		pass := replay.Pass{Ended: func(e replay.End) { ends = append(ends, e) }}
		sum, err := pass.Run(t.Context(), list(s.event()))
		if err != nil || (s.settled == 1) != row.settled || (sum.Settled == 1) != row.settled || sum.Events != 1 || len(s.sent) != 1 {
			t.Errorf("%s: settled %d times, sent %d times, summed up as %+v, %v", row.name, s.settled, len(s.sent), sum, err)
		}
		if len(ends) != 1 || ends[0].Place != row.name || ends[0].Settled() != row.settled || !errors.Is(ends[0].Err, row.err) {
			t.Errorf("%s: got %+v", row.name, ends)
		}
	}
}

func TestUnsettledEventsAreListed(t *testing.T) {
	t.Parallel()
	s := &script{tries: [][]trigger.Outcome{{outcome(trigger.Triggered)}}, settles: errors.New("the record has changed")}
	var end replay.End
	pass := replay.Pass{Ended: func(e replay.End) { end = e }}
	sum, err := pass.Run(t.Context(), list(s.event()))
	if err != nil || sum.Settled != 0 || !end.Ran() || end.Settled() || !errors.Is(end.Err, s.settles) {
		t.Errorf("got %+v, summed up as %+v, %v", end, sum, err)
	}
}

func TestRateIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var begun []time.Duration
		started := time.Now()
		slow := replay.Event{Send: func(context.Context) ([]trigger.Outcome, error) {
			mu.Lock()
			n := len(begun)
			begun = append(begun, time.Since(started))
			mu.Unlock()
			if n == 3 {
				<-time.After(10 * time.Second) // which holds up nothing
			}
			return []trigger.Outcome{outcome(trigger.Triggered)}, nil
		}}
		pass := replay.Pass{Rate: 4}
		if _, err := pass.Run(t.Context(), list(slices.Repeat([]replay.Event{slow}, 8)...)); err != nil {
			t.Fatal(err)
		}
		for i, at := range begun {
			if want := time.Duration(i) * 250 * time.Millisecond; at != want {
				t.Errorf("try %d began after %s, want %s", i, at, want)
			}
		}
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		under, most := 0, 0
		slow := replay.Event{Send: func(context.Context) ([]trigger.Outcome, error) {
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return []trigger.Outcome{outcome(trigger.Triggered)}, nil
		}}
		taken := 0
		events := func(yield func(replay.Event, error) bool) {
			for range 20 {
				taken++
				mu.Lock()
				if over := taken - under; over > 20 || under > 3 {
					t.Errorf("%d are under way, and another is taken", under)
				}
				mu.Unlock()
				if !yield(slow, nil) {
					return
				}
			}
		}
		pass := replay.Pass{AtOnce: 3}
		sum, err := pass.Run(t.Context(), events)
		if err != nil || sum.Settled != 20 || most != 3 {
			t.Errorf("at most %d at once, %+v, %v", most, sum, err)
		}
	})
}

func TestDeferredEventIsRetried(t *testing.T) {
	t.Parallel()
	full, operator := outcome(trigger.Deferred), outcome(trigger.Deferred)
	full.RetryAfter = 10 * time.Second
	operator.Operator = true
	soon, done := outcome(trigger.Deferred), outcome(trigger.Triggered)
	duplicate, rejected := outcome(trigger.Duplicate), outcome(trigger.Rejected)
	other := done
	other.RunID, other.DAGID = "other", "other"
	metAgain := other
	metAgain.Kind = trigger.Duplicate
	seconds := func(all ...int) (list []time.Duration) {
		for _, s := range all {
			list = append(list, time.Duration(s)*time.Second)
		}
		return list
	}
	for _, row := range []struct {
		name  string
		tries [][]trigger.Outcome
		sent  []time.Duration
		end   []trigger.Outcome
	}{
		{"doubling the pause", [][]trigger.Outcome{{soon}, {soon}, {soon}, {done}}, seconds(0, 1, 3, 7), []trigger.Outcome{done}},
		{"when Airflow says", [][]trigger.Outcome{{full}, {full}, {duplicate}}, seconds(0, 10, 20), []trigger.Outcome{duplicate}},
		{"no longer than patience lasts", [][]trigger.Outcome{{soon}}, seconds(0, 1, 3, 7, 15, 31), []trigger.Outcome{soon}},
		{"not where somebody has to fix it", [][]trigger.Outcome{{operator}}, seconds(0), []trigger.Outcome{operator}},
		{"not where another failed permanently", [][]trigger.Outcome{{rejected}}, seconds(0), []trigger.Outcome{rejected}},
		{"what it has triggered before counts as triggered", [][]trigger.Outcome{{other, soon}, {metAgain, done}}, seconds(0, 1),
			[]trigger.Outcome{other, done}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{tries: row.tries}
			var end replay.End
			waited := 0
			pass := replay.Pass{
				Patience: time.Minute,
				Ended:    func(e replay.End) { end = e },
				Waiting: func(_ string, o trigger.Outcome, _ time.Duration) {
					waited++
					if o.Kind != trigger.Deferred {
						t.Errorf("waiting for %+v", o)
					}
				},
			}
			if _, err := pass.Run(t.Context(), list(s.event())); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.sent, s.sent); diff != "" {
				t.Errorf("%s: sent at (-want +got):\n%s", row.name, diff)
			}
			if diff := cmp.Diff(row.end, end.Outcomes); diff != "" || waited != len(row.sent)-1 {
				t.Errorf("%s: got %d pauses, ended (-want +got):\n%s", row.name, waited, diff)
			}
		})
	}
}

func TestEventsWaitTogetherForADAGThatMakesNoRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := outcome(trigger.Deferred)
		var events []replay.Event
		for i := range 100 {
			s := &script{place: fmt.Sprint(i), tries: [][]trigger.Outcome{{down}}}
			events = append(events, s.event())
		}
		started := time.Now()
		pass := replay.Pass{Patience: time.Minute}
		sum, err := pass.Run(t.Context(), list(events...))
		took := time.Since(started)
		if err != nil || sum.Settled != 0 || sum.Events != 100 || took > time.Minute {
			t.Errorf("it took %s: %+v, %v", took, sum, err)
		}
		rows := sum.Rows()
		if diff := cmp.Diff([]replay.Row{{Outcome: trigger.Deferred, Route: "r", DAGID: "d", Count: 100}}, rows); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestCreatedRunRestartsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// A DAG that makes one run every 40 seconds, and patience for a minute.
		full := outcome(trigger.Deferred)
		full.RetryAfter = 20 * time.Second
		var events []replay.Event
		for range 5 {
			s := &script{tries: [][]trigger.Outcome{{full}, {full}, {outcome(trigger.Triggered)}}}
			events = append(events, s.event())
		}
		pass := replay.Pass{Patience: time.Minute, AtOnce: 1}
		if sum, err := pass.Run(t.Context(), list(events...)); err != nil || sum.Settled != 5 {
			t.Errorf("%+v, %v", sum, err)
		}
	})
}

func TestCancelFinishesEventsInProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		settled := 0
		slow := replay.Event{
			Send: func(ctx context.Context) ([]trigger.Outcome, error) {
				end()
				<-time.After(time.Second)
				return []trigger.Outcome{outcome(trigger.Triggered)}, ctx.Err()
			},
			Settle: func(ctx context.Context) error {
				settled++
				return ctx.Err()
			},
		}
		waits := &script{tries: [][]trigger.Outcome{{outcome(trigger.Deferred)}}}
		never := &script{}
		events := []replay.Event{waits.event(), slow, never.event(), never.event()}
		ended := 0
		pass := replay.Pass{AtOnce: 2, Rate: 10, Ending: func() { ended++ }}
		sum, err := pass.Run(ctx, list(events...))
		if err != nil || ended != 1 || !sum.Interrupted || sum.Events != 2 || sum.Settled != 1 || settled != 1 || len(never.sent) > 0 ||
			len(waits.sent) != 1 {
			t.Errorf("%+v, %v; settled %d, began %d, waited for %d", sum, err, settled, len(never.sent), len(waits.sent))
		}
	})
}

func TestFailedListingEndsTheReplay(t *testing.T) {
	t.Parallel()
	failed := errors.New("listing failed")
	s := &script{tries: [][]trigger.Outcome{{outcome(trigger.Triggered)}}}
	pass := replay.Pass{}
	sum, err := pass.Run(t.Context(), func(yield func(replay.Event, error) bool) {
		if yield(s.event(), nil) {
			yield(replay.Event{}, failed)
		}
	})
	if !errors.Is(err, failed) || sum.Settled != 1 || sum.Interrupted {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestRowsAreSorted(t *testing.T) {
	t.Parallel()
	var events []replay.Event
	for _, kind := range []trigger.Kind{trigger.Rejected, trigger.Unmatched, trigger.Duplicate, trigger.Triggered, trigger.Triggered} {
		s := &script{tries: [][]trigger.Outcome{{outcome(kind)}}}
		events = append(events, s.event())
	}
	pass := replay.Pass{}
	sum, err := pass.Run(t.Context(), list(events...))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range sum.Rows() {
		got = append(got, fmt.Sprintf("%d %s", row.Count, row.Outcome))
	}
	if diff := cmp.Diff([]string{"2 triggered", "1 duplicate", "1 unmatched", "1 rejected"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if sum.Events != 5 || sum.Settled != 3 || sum.Unmatched != 1 || sum.Unsent != 0 {
		t.Errorf("summed up as %+v", sum)
	}
}
