// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/complete"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// untouched fails the test where a shadow stores a dead letter.
type untouched struct{ *testing.T }

func (t untouched) Put(context.Context, deadletter.Record) error {
	t.Error("a dead letter was stored")
	return nil
}

// deciding is a shadow that decides d.
func deciding(d route.Decision) trigger.ShadowRoutes {
	return trigger.ShadowRoutes{Decide: func(context.Context, *event.Event, route.Decision) route.Decision { return d }}
}

// Each row is what a shadow decides, and what its line says of it. The scripted Airflow
// fails the test at any request, and so does the store.
func TestWhatWouldComeOfAShadow(t *testing.T) {
	t.Parallel()
	waiting := plan()
	waiting.Set, waiting.Conf = &route.Set{}, nil
	elsewhere := route.Plan{Route: "r", Environment: "new", DAG: "d", Conf: []byte("{}"), Identity: []string{"a"}}
	failure := func(err error) route.Decision {
		return route.Decision{Failures: []route.Failure{{Route: "f", DAG: "load", Err: err}}}
	}
	planned := func(p route.Plan) route.Decision { return route.Decision{Plans: []route.Plan{p}} }
	id := trigger.RunID(&waiting)
	for _, row := range []struct {
		name string
		d    route.Decision
		set  error
		want string
	}{
		{"a plan", planned(plan()), nil, "would_trigger default load " + id + " digest  "},
		{"of an environment that there is not", planned(elsewhere), nil, "would_trigger r d " + trigger.RunID(&elsewhere) + " digest  "},
		{"an expression", failure(errors.New("odd")), nil, "would_fail f load   expression odd"},
		{"a rejection", failure(&route.RejectedError{Text: "no date"}), nil, "would_fail f load   reject no date"},
		{"no time", failure(context.DeadlineExceeded), nil, "not_evaluated f load   no_time context deadline exceeded"},
		{"no route", route.Decision{Misses: []route.Miss{{Route: "a", Reason: "b"}}}, nil, "unmatched      no route matched: a: b"},
		{"a set that is complete", planned(waiting), nil, "would_trigger default load " + id + " digest  "},
		{"a set that is not", planned(waiting), &complete.Error{Kind: complete.Incomplete, Reason: "x"},
			"unmatched default load " + id + "  incomplete x"},
		{"a set that may not be listed", planned(waiting), &complete.Error{Kind: complete.Permanent, Reason: "x"},
			"would_fail default load " + id + "  listing x"},
		{"a set that is not listed now", planned(waiting), &complete.Error{Reason: "x"}, "not_evaluated default load " + id + "  listing x"},
	} {
		p := &trigger.Pipeline{
			Airflows: map[string]trigger.Airflow{"default": &scripted{t: t}}, Sets: sets{row.set}, DeadLetters: untouched{t}, Compare: true,
		}
		s := trigger.Shadows{Pipeline: p, Turns: pressure.NewTurns(1), Routes: []trigger.ShadowRoutes{deciding(row.d)}}
		o := s.Judge(t.Context(), &event.Event{ID: "1"}, route.Decision{}, nil)[0].Outcomes[0]
		digest := ""
		if o.ConfDigest != "" {
			digest = "digest"
		}
		if got := strings.Join([]string{string(o.Kind), o.Route, o.DAGID, o.RunID, digest, o.Cause, o.Reason}, " "); got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.name, got, row.want)
		}
		if o.EventKey == "" {
			t.Errorf("%s: no event key", row.name)
		}
	}
}

// What keeps a shadow from being evaluated is in its line alone.
func TestAShadowThatCannotBeEvaluatedSaysWhy(t *testing.T) {
	t.Parallel()
	full := pressure.NewBytes(1)
	full.Body(t.Context(), nil, -1, nil).Hold(1 << 20)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	taken := pressure.NewTurns(1)
	for range 4 {
		if _, err := taken.Take(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	bug := trigger.ShadowRoutes{Decide: func(context.Context, *event.Event, route.Decision) route.Decision { panic("a bug") }}
	for _, row := range []struct {
		name         string
		ctx          context.Context
		turns        *pressure.Turns
		routes       trigger.ShadowRoutes
		body         *pressure.Body
		cause, begin string
	}{
		{"no memory", t.Context(), pressure.NewTurns(1), bug, full.Body(t.Context(), nil, -1, nil), "no_memory", "this instance holds"},
		{"no turn", ended, taken, bug, nil, "no_time", "waiting to evaluate the routes: context canceled"},
		{"a bug", t.Context(), pressure.NewTurns(1), bug, nil, "other", "this is a bug in the program: report it: a bug\n"},
	} {
		s := trigger.Shadows{Pipeline: &trigger.Pipeline{Compare: true}, Turns: row.turns, Routes: []trigger.ShadowRoutes{row.routes}}
		o := s.Judge(row.ctx, &event.Event{ID: "1"}, route.Decision{}, row.body)[0].Outcomes[0]
		if o.Kind != trigger.NotEvaluated || o.Cause != row.cause || !strings.HasPrefix(o.Reason, row.begin) {
			t.Errorf("%s: %+v", row.name, o)
		}
	}
}

func TestConfDigestIsThatOfTheValue(t *testing.T) {
	t.Parallel()
	digest := func(conf string) string {
		p := plan()
		p.Conf = []byte(conf)
		s := trigger.Shadows{
			Pipeline: &trigger.Pipeline{Compare: true}, Turns: pressure.NewTurns(1),
			Routes: []trigger.ShadowRoutes{deciding(route.Decision{Plans: []route.Plan{p}})},
		}
		return s.Judge(t.Context(), &event.Event{}, route.Decision{}, nil)[0].Outcomes[0].ConfDigest
	}
	same := []string{`{"a":1,"b":{"c":[1,2],"d":null}}`, ` { "b" : {"d":null,"c":[1, 2]}, "a":1}` + "\n"}
	if digest(same[0]) != digest(same[1]) || len(digest(same[0])) != 20 {
		t.Errorf("the order counts: %s, %s", digest(same[0]), digest(same[1]))
	}
	seen := map[string]string{}
	long := strings.Repeat(" ", 1<<17)
	for _, conf := range []string{same[0], `{}`, `{"a":9007199254740993}`, `{"a":9007199254740992}`, `{"a":"1"}`, `{"a":1}`, `{"a":1.0}`,
		`{"a":[1,2]}`, `{"a":[2,1]}`, `{"a":` + long + `1}`} {
		if other, ok := seen[digest(conf)]; ok {
			t.Errorf("%.80s has the digest of %.80s", conf, other)
		}
		seen[digest(conf)] = conf
	}
}

// Each row is what live routes and shadows made of three events each, and the lines:
// an event that only one of the two matches is always in the log with both.
func TestLinesOfLiveRoutesAndShadows(t *testing.T) {
	t.Parallel()
	const miss, hit, would = "unmatched", "triggered r", "would_trigger s"
	for _, row := range []struct {
		name   string
		live   string
		shadow string
		want   []string
	}{
		{"both match", hit, would, []string{hit, "shadow " + would, hit, "shadow " + would, hit, "shadow " + would}},
		{"only the live one", hit, miss, []string{hit, "shadow unmatched", hit, "shadow unmatched", hit, "shadow unmatched"}},
		{"only the shadow", miss, would, []string{miss, "shadow " + would, miss, "shadow " + would, miss, "shadow " + would}},
		{"neither, of which one a second is logged", miss, miss, []string{miss, "shadow unmatched"}},
		{"a set that is not complete", "unmatched r", miss, []string{"unmatched r", "shadow unmatched", "unmatched r", "shadow unmatched",
			"unmatched r", "shadow unmatched"}},
		{"a shadow that is not evaluated", miss, "not_evaluated", []string{miss, "shadow not_evaluated", miss, "shadow not_evaluated",
			miss, "shadow not_evaluated"}},
	} {
		var log bytes.Buffer
		reporter := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "")
		for range 3 {
			report := reporter.Request()
			report.Event(t.Context(), &event.Event{ID: "1"}, []trigger.Outcome{outcomeOf(row.live)}, time.Now(), func() []trigger.Shadow {
				return []trigger.Shadow{{ShadowFile: trigger.ShadowFile{Name: "new.yaml"}, Outcomes: []trigger.Outcome{outcomeOf(row.shadow)}}}
			})
			report.End(t.Context())
		}
		var got []string
		for _, line := range lines(t, &log) {
			kind := line["outcome"]
			if kind == nil {
				kind = fmt.Sprint("shadow ", line["shadow"])
			}
			got = append(got, strings.TrimSpace(fmt.Sprint(kind, " ", line["route"])))
			if line["shadow"] != nil && (line["shadow_file"] != "new.yaml" || line["severity"] != "INFO" || line["outcome"] != nil) {
				t.Errorf("%s: the shadow's line is %v", row.name, line)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// outcomeOf is one of KIND ROUTE.
func outcomeOf(text string) trigger.Outcome {
	kind, name, _ := strings.Cut(text, " ")
	return trigger.Outcome{Kind: trigger.Kind(kind), Route: name}
}

// A batch's lines of shadows are bounded as those of live routes are, and separate.
func TestShadowLinesOverTheLimitAreAggregated(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	report := trigger.NewReporter(cloudlog.New(&log, slog.LevelInfo), "").Request()
	for range 90 {
		report.Event(t.Context(), &event.Event{ID: "1"}, []trigger.Outcome{outcomeOf("triggered r")}, time.Now(), func() []trigger.Shadow {
			return []trigger.Shadow{{Outcomes: []trigger.Outcome{outcomeOf("would_trigger s"), outcomeOf("would_fail s")}}}
		})
	}
	report.End(t.Context())
	live, shadow, counted := 0, 0, 0.0
	for _, line := range lines(t, &log) {
		if line["shadow"] == nil {
			live++
			continue
		}
		shadow++
		if count, _ := line["count"].(float64); count > 1 {
			counted += count
		}
	}
	if live != 90 || shadow != 102 || counted != 80 {
		t.Errorf("%d live lines, %d of shadows, which count %v, want 90, 102 and 80", live, shadow, counted)
	}
}

// A late event's line names the run of its window too, which is what its route decided.
func TestALateEventNamesTheRunOfItsWindow(t *testing.T) {
	t.Parallel()
	late := window()
	p := &trigger.Pipeline{
		Airflows: map[string]trigger.Airflow{"default": &scripted{t: t, script: []step{post(refused(airflow.RunExists)), post(nil)}}},
		Now:      func() time.Time { return late.Window.Start.Add(time.Hour) }, Compare: true,
	}
	o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{*late}}, trigger.Replay{})[0]
	if o.WindowRunID != trigger.RunID(late) || o.RunID != trigger.RunID(late.Window.Late) || o.ConfDigest == "" {
		t.Errorf("got %+v", o)
	}
}
