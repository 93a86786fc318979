// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

// windowed is the one plan of a route of uploads with the given keys.
func windowed(t *testing.T, keys string, ev *event.Event) route.Plan {
	t.Helper()
	d := load(t, "- {name: r, on: '*', dag: d, "+keys+"}").Decide(t.Context(), ev)
	if len(d.Plans) != 1 {
		t.Fatalf("decided %+v", d)
	}
	return d.Plans[0]
}

// at is an upload at a time of 2026-11-22, UTC.
func at(t *testing.T, clock string) *event.Event {
	t.Helper()
	ev := upload(t, "acme", "sales/a.csv")
	day, err := time.Parse(time.RFC3339, "2026-11-22T"+clock+"Z")
	if err != nil {
		t.Fatal(err)
	}
	ev.Time = day
	return ev
}

func TestWindowIsOneRun(t *testing.T) {
	t.Parallel()
	got := windowed(t, "every: 5m", at(t, "12:07:59.5"))
	begin := time.Date(2026, 11, 22, 12, 5, 0, 0, time.UTC)
	end := begin.Add(5 * time.Minute)
	want := route.Plan{
		Route: "r", DAG: "d",
		Identity: []string{"window", "2026-11-22T12:05:00Z", "2026-11-22T12:10:00Z"},
		Conf:     []byte(`{"window":{"begin":"2026-11-22T12:05:00Z","end":"2026-11-22T12:10:00Z"}}`),
		Note:     "what came from 2026-11-22T12:05:00Z to 2026-11-22T12:10:00Z",
		Window: &route.Window{Begin: begin, End: end, Start: end.Add(time.Minute), Late: &route.Plan{
			Route: "r", DAG: "d",
			Identity: append([]string{"window", "2026-11-22T12:05:00Z", "2026-11-22T12:10:00Z"}, at(t, "12:07:59.5").Key()...),
			Conf:     []byte(`{"window":{"begin":"2026-11-22T12:05:00Z","end":"2026-11-22T12:10:00Z","late":true}}`),
			Note:     "gs://acme/sales/a.csv, generation 7: finalized",
			Window:   &route.Window{Begin: begin, End: end},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Who lists a bucket for what came in a window finds objects by their own time.
func TestWindowOfAnObjectIsByItsTime(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ change, updated, begin string }{
		{"finalized", `"2026-11-22T12:09:59.9Z"`, "12:05:00"},
		{"finalized", `"no time"`, "12:10:00"},
		{"finalized", `null`, "12:10:00"},
		{"deleted", `"2026-11-22T12:09:59.9Z"`, "12:10:00"},
	} {
		ev := newEvent(t, "google.cloud.storage.object.v1."+row.change, "//storage.googleapis.com/projects/_/buckets/acme",
			`{"bucket":"acme","name":"a","generation":"7","updated":`+row.updated+`}`)
		ev.Time = time.Date(2026, 11, 22, 12, 10, 0, 1e8, time.UTC)
		if begin := windowed(t, "every: 5m", ev).Window.Begin.Format(time.TimeOnly); begin != row.begin {
			t.Errorf("%s with updated %s is in the window of %s, want %s", row.change, row.updated, begin, row.begin)
		}
	}
}

func TestEventsOfOneWindowAreOneRunAndOthersAreNot(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, keys, first, second string
		same                      bool
	}{
		{"the first and the last moment", "every: 5m", "12:05:00", "12:09:59.999999", true},
		{"the next window", "every: 5m", "12:09:59.999999", "12:10:00", false},
		{"a day", "every: 24h", "00:00:00", "23:59:59", true},
		{"another run_id", `every: 24h, run_id: "${string(event.time)}"`, "12:00:00", "13:00:00", false},
		{"one run_id", `every: 24h, run_id: "${object.bucket}"`, "12:00:00", "13:00:00", true},
		{"one run_id, another window", `every: 1h, run_id: "${object.bucket}"`, "12:00:00", "13:00:00", false},
	} {
		first, second := windowed(t, row.keys, at(t, row.first)), windowed(t, row.keys, at(t, row.second))
		if same := slices.Equal(first.Identity, second.Identity); same != row.same {
			t.Errorf("%s: %q and %q", row.name, first.Identity, second.Identity)
		}
		if slices.Equal(first.Window.Late.Identity, first.Identity) {
			t.Errorf("%s: a late event is %q, as its window is", row.name, first.Identity)
		}
	}
}

func TestWindowIsInTheConf(t *testing.T) {
	t.Parallel()
	const window = `"window":{"begin":"2026-11-22T12:00:00Z","end":"2026-11-22T13:00:00Z"}`
	for _, row := range []struct{ conf, want string }{
		{`{a: 1}`, `{` + window + `,"a":1}`},
		{`{}`, `{` + window + `}`},
		{`{a: {window: 1}, b: "${object.name}"}`, `{` + window + `,"a":{"window":1},"b":"sales/a.csv"}`},
		{`"${object.metadata}"`, `{` + window + `,"a":"b"}`},
	} {
		ev := newEvent(t, "google.cloud.storage.object.v1.finalized", "//storage.googleapis.com/projects/_/buckets/acme",
			`{"bucket":"acme","name":"sales/a.csv","generation":"7","metadata":{"a":"b"}}`)
		ev.Time = time.Date(2026, 11, 22, 12, 30, 0, 0, time.FixedZone("", 0))
		if got := string(windowed(t, "every: 1h, conf: "+row.conf, ev).Conf); got != row.want {
			t.Errorf("conf: %s is %s, want %s", row.conf, got, row.want)
		}
	}
}

func TestLateEvents(t *testing.T) {
	t.Parallel()
	p := windowed(t, "every: 5m, grace: 10m, late: ignore", at(t, "12:07:00"))
	if p.Window.Late != nil || !p.Window.Start.Equal(p.Window.End.Add(10*time.Minute)) {
		t.Errorf("got %+v", p.Window)
	}
}

func TestEventWithoutATimeFailsInAWindow(t *testing.T) {
	t.Parallel()
	timeless := upload(t, "acme", "a.csv")
	timeless.Time = time.Time{}
	taken := newEvent(t, "com.acme.made", "//acme", `{"window": 1}`)
	for _, row := range []struct {
		keys string
		ev   *event.Event
		want string
	}{
		{"every: 5m", timeless, "every on line 1, column 37: the event does not say when it happened: have its sender set time, or " +
			"leave every out"},
		{`every: 5m, conf: "${data}"`, taken,
			"conf on line 1, column 37: it has a key window, under which every puts its window: name it otherwise"},
	} {
		d := load(t, "- {name: r, on: '*', dag: d, "+row.keys+"}").Decide(t.Context(), row.ev)
		if len(d.Failures) != 1 || d.Failures[0].Err.Error() != row.want {
			t.Errorf("%s: decided %+v", row.keys, d)
		}
	}
}

func TestLimitsAreInThePlan(t *testing.T) {
	t.Parallel()
	want := route.Limits{DeadLetter: "gs://a/b", MaxActive: 3, WhenPaused: route.PausedDefer}
	if p := windowed(t, "max_active: 3, when_paused: defer, dead_letter: gs://a/b", at(t, "12:00:00")); p.Limits != want {
		t.Errorf("got %+v", p.Limits)
	}
	for text, want := range map[string]route.Limits{
		"skip_active: true, when_paused: unpause": {SkipActive: true, WhenPaused: route.PausedUnpause},
		"skip_active: false, max_active: 2":       {MaxActive: 2},
	} {
		if p := windowed(t, text, at(t, "12:00:00")); p.Limits != want {
			t.Errorf("%s: got %+v", text, p.Limits)
		}
	}
}

func TestErrorsOfWindowsAndLimits(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{good + "  every: 300", `4:10: every takes a duration such as 90s, 5m, 24h or 2d, and this is the number 300: write it as every: 5m`},
		{good + "  every: -5m", `4:10: every takes a duration such as 90s, 5m, 24h or 2d, and this is the text "-5m": write it as every: 5m`},
		{good + "  every: 1500ms", `4:10: every: 1.5s is not in whole seconds: round it`},
		{good + "  grace: 5m", `4:10: grace stands without every: leave it out, or add every: 5m`},
		{good + "  late: run", `4:9: late stands without every: leave it out, or add every: 5m`},
		{good + "  every: 5m\n  late: never", `5:9: late is "never": use one of run, ignore`},
		{good + "  every: 5m\n  logical_date: ${event.time}",
			`5:17: logical_date cannot be combined with every, which sets when the run starts: leave one of the two out`},
		{good + "  every: 5m\n  max_active: 2",
			`5:15: max_active cannot be combined with every, whose waiting run counts as active: leave max_active out: every makes one run of ` +
				`a window`},
		{good + "  every: 5m\n  conf: {a: 1, window: 2}", `5:16: conf has a key window, under which every puts its window: name it otherwise`},
		{good + "  max_active: many", `4:15: max_active takes a whole number of one or more, and this is the text "many": ` +
			`write it as max_active: 16`},
		{good + "  max_active: 0", `4:15: max_active takes a whole number of one or more, and this is the number 0: write it as max_active: 16`},
		{
			good + "  max_active: 2\n  skip_active: true",
			`5:16: skip_active cannot be combined with max_active, which defers what skip_active would skip: leave one of the two out`,
		},
		{
			good + "  every: 5m\n  skip_active: true",
			`5:16: skip_active cannot be combined with every, whose waiting run counts as active: ` +
				`leave skip_active out: every makes one run of a window`,
		},
		{
			good + "  skip_active: yes please",
			`4:16: skip_active takes true or false, and this is the text "yes please": write it as skip_active: true`,
		},
		{good + "  when_paused: defr", `4:16: when_paused is "defr": did you mean defer?`},
	} {
		specs, problems := decode(t, row.text)
		_, more := route.Compile(specs, route.Options{Default: "prod"})
		var got []string
		for _, f := range append(problems, more...) {
			got = append(got, f.String())
		}
		if s := strings.Join(got, "|"); s != row.want {
			t.Errorf("%s\ngot  %s\nwant %s", row.text, s, row.want)
		}
	}
}
