// SPDX-License-Identifier: Apache-2.0

package shadowlog_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/operator/shadowlog"
)

// live and shadow are lines of a log, of KEY ROUTE DAG RUN CONF.
func live(outcome string, fields ...string) string { return line("outcome", outcome, fields) }

func shadow(kind string, fields ...string) string {
	return line("shadow", kind, append(fields, "shadow_file=new.yaml", "shadow_digest=0123456789abcdef"))
}

// ofRoutes is a line of a route with shadow: true.
func ofRoutes(kind string, fields ...string) string { return line("shadow", kind, fields) }

// line writes fields, the first five of which may be without a name.
func line(what, kind string, fields []string) string {
	values := map[string]any{"severity": "INFO", what: kind, "event_id": "1", "event_source": "//s", "count": 1}
	for i, field := range fields {
		name, value, named := strings.Cut(field, "=")
		if !named {
			name, value = []string{"event_key", "route", "dag_id", "dag_run_id", "conf_digest"}[i], field
		}
		if value != "" {
			values[name] = value
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		panic(err) // of texts: never fails
	}
	return string(text)
}

// counts are what differs from zero in a summary.
func counts(s *shadowlog.Summary) string {
	text := ""
	for _, c := range []struct {
		name string
		n    int
	}{
		{"same", s.Same}, {"different", s.Different}, {"only_live", s.OnlyLive}, {"only_shadow", s.OnlyShadow}, {"neither", s.Neither},
		{"not_compared", s.NotCompared}, {"left_out", s.LeftOut}, {"summed", s.Summed},
	} {
		if c.n > 0 {
			text += fmt.Sprintf("%s %d ", c.name, c.n)
		}
	}
	for in, n := range s.In {
		text += fmt.Sprintf("(%s) %d ", in, n)
	}
	return strings.TrimSpace(text)
}

// Each row is a log, and what is counted.
func TestWhatIsCompared(t *testing.T) {
	t.Parallel()
	would, triggered := shadow("would_trigger", "k", "r", "d", "id", "c"), live("triggered", "k", "r", "d", "id", "c")
	for _, row := range []struct {
		name string
		log  []string
		want string
	}{
		{"the same", []string{triggered, would}, "same 1"},
		{"in the other order", []string{would, triggered}, "same 1"},
		{"and delivered again", []string{triggered, would, live("duplicate", "k", "r", "d", "id", "c"), would}, "same 1"},
		{"whatever Airflow made of it", []string{live("deferred", "k", "r", "d", "id", "c", "cause=throttled"), would}, "same 1"},
		{"and where it refuses", []string{live("dead_lettered", "k", "r", "d", "id", "c", "cause=invalid"), would}, "same 1"},
		{"a late event", []string{live("triggered", "k", "r", "d", "late", "c", "window_run_id=id"), would}, "same 1"},

		{"another DAG", []string{live("triggered", "k", "r", "e", "id", "c"), would}, "different 1 (DAG) 1"},
		{"another run id", []string{live("triggered", "k", "r", "d", "other", "c"), would}, "different 1 (run id) 1"},
		{"another conf", []string{live("triggered", "k", "r", "d", "id", "x"), would}, "different 1 (conf) 1"},
		{"another environment", []string{live("triggered", "k", "r", "d", "id", "c", "environment=e"), would}, "different 1 (environment) 1"},
		{"another date", []string{live("triggered", "k", "r", "d", "id", "c", "rest_digest=a"),
			shadow("would_trigger", "k", "r", "d", "id", "c", "rest_digest=b")}, "different 1 (logical date, partition key or note) 1"},
		{"several", []string{live("triggered", "k", "r", "e", "x", "y"), would}, "different 1 (DAG, run id, conf) 1"},
		{"an asset", []string{live("triggered", "k", "r", "", "id", "c", "asset=a"),
			shadow("would_trigger", "k", "r", "", "id", "c", "asset=b")}, "different 1 (asset) 1"},
		{"a materialization, whose DAG is known later", []string{live("triggered", "k", "r", "d", "id", "c", "asset=a"),
			shadow("would_trigger", "k", "r", "", "id", "c", "asset=a")}, "same 1"},
		{"it fails there", []string{triggered, shadow("would_fail", "k", "r", "d", "", "", "cause=expression")}, "different 1 (decision) 1"},
		{"it fails in both", []string{live("dead_lettered", "k", "r", "d", "", "", "cause=expression"),
			shadow("would_fail", "k", "r", "d", "", "", "cause=expression")}, "same 1"},
		{"a set that waits in both", []string{live("unmatched", "k", "r", "d", "id", "", "cause=incomplete"),
			shadow("unmatched", "k", "r", "d", "id", "", "cause=incomplete")}, "same 1"},
		{"a run that is active", []string{live("unmatched", "k", "r", "d", "id", "c", "cause=active"), would}, "same 1"},

		{"only live", []string{triggered, shadow("unmatched", "k")}, "only_live 1"},
		{"only in the shadow", []string{live("unmatched", "k"), would}, "only_shadow 1"},
		{"neither", []string{live("unmatched", "k"), shadow("unmatched", "k")}, "neither 1"},
		{"a route that is renamed", []string{live("triggered", "k", "old", "d", "x", "c"), would}, "different 1 (run id) 1"},
		{"a route more", []string{triggered, would, shadow("would_trigger", "k", "s", "e", "id2", "c")}, "same 1 only_shadow 1"},
		{"a route less", []string{triggered, live("triggered", "k", "s", "e", "id2", "c"), would}, "same 1 only_live 1"},

		{"a route with shadow: true", []string{triggered, ofRoutes("would_trigger", "k", "r2", "d", "id2", "c")}, "same 1"},
		{"and another conf", []string{triggered, ofRoutes("would_trigger", "k", "r2", "d", "id2", "x")}, "different 1 (conf) 1"},
		{"the nearest of several", []string{live("triggered", "k", "q", "e", "id", "c"), triggered,
			ofRoutes("would_trigger", "k", "r2", "d", "x", "c")}, "same 1"},
		{"which matches nothing", []string{triggered, ofRoutes("unmatched", "k")}, "only_live 1"},
		{"alone", []string{live("unmatched", "k"), ofRoutes("would_trigger", "k", "r2", "d", "id2", "c")}, "only_shadow 1"},
		{"both kinds of shadow", []string{triggered, ofRoutes("would_trigger", "k", "r2", "d", "id2", "c"), would}, "same 2"},

		{"one side alone", []string{triggered, shadow("would_trigger", "k2", "r", "d", "id", "c")}, "not_compared 2"},
		{"not decided", []string{triggered, shadow("not_evaluated", "k")}, "not_compared 1"},
		{"not decided at first", []string{triggered, shadow("not_evaluated", "k", "r", "d"), would}, "same 1"},
		{"nor again", []string{triggered, would, shadow("not_evaluated", "k", "r", "d")}, "same 1"},
		{"the live side at first", []string{live("deferred", "k", "cause=no_time"), triggered, would}, "same 1"},
		{"the last decision counts", []string{
			live("deferred", "k", "r", "d", "id", "x", "time=2026-11-30T10:00:00Z"),
			live("triggered", "k", "r", "d", "id", "c", "time=2026-11-30T11:00:00Z"),
			would}, "same 1"},
		{"from the newest to the oldest as well", []string{
			live("triggered", "k", "r", "d", "id", "c", "time=2026-11-30T11:00:00Z"),
			live("deferred", "k", "r", "d", "id", "x", "time=2026-11-30T10:00:00Z"),
			would}, "same 1"},

		{"lines from before the shadow", []string{live("triggered", "", "r"), triggered, would}, "same 1"},
		{"sums of a large batch", []string{strings.Replace(triggered, `"count":1`, `"count":40`, 1), would}, "not_compared 1 summed 40"},
		{"events of a burst that neither matches", []string{live("unmatched", "k"), shadow("unmatched", "k"),
			strings.Replace(live("unmatched", ""), `"count":1`, `"count":7,"since":"2026-11-30T10:00:00Z"`, 1)}, "neither 1 left_out 7"},
		{"what earlier versions left out", []string{shadow("unmatched", "k"),
			strings.Replace(live("unmatched", "k"), `"count":1`, `"left_out":7`, 1)}, "neither 1 left_out 7"},
		{"nothing", nil, ""},
	} {
		s, err := shadowlog.Compare(strings.NewReader(strings.Join(row.log, "\n")), 3)
		if got := counts(&s); err != nil || got != row.want {
			t.Errorf("%s: %s, %v, want %s", row.name, got, err, row.want)
		}
		if s.Differs() != strings.ContainsAny(row.want, "y(") && !strings.Contains(row.want, "only") {
			t.Errorf("%s: differs is %t", row.name, s.Differs())
		}
	}
}

func TestExamplesAreTheFirstOfEachKind(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	for i := range 5 {
		key := fmt.Sprint("k", i)
		log.WriteString(live("triggered", key, "r", "d", "id", "c", "event_id="+key) + "\n")
		log.WriteString(shadow("would_trigger", key, "r", "d", "id", "x") + "\n")
		log.WriteString(live("triggered", key+"u", "r", "d", "id", "c", "event_id="+key+"u") + "\n")
		log.WriteString(shadow("unmatched", key+"u", "reason=no route matched: s: x") + "\n")
	}
	s, err := shadowlog.Compare(strings.NewReader(log.String()), 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range s.Examples {
		got = append(got, fmt.Sprint(d.Kind, d.In, d.EventID, d.Reason))
	}
	want := []string{"different[conf]k0", "only_live[]k0uno route matched: s: x", "different[conf]k1", "only_live[]k1uno route matched: s: x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new.yaml 0123456789ab"}, s.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// A log may be longer than memory: events are counted as they leave.
func TestALongLogIsCountedWhole(t *testing.T) {
	t.Parallel()
	const events = 60_000 // more than are held
	in, out := io.Pipe()
	go func() {
		for i := range events {
			key := fmt.Sprint("k", i)
			_, _ = fmt.Fprintf(out, `{"outcome":"unmatched","event_key":%q}`+"\n"+`{"shadow":"unmatched","event_key":%q}`+"\n", key, key)
		}
		_ = out.Close()
	}()
	s, err := shadowlog.Compare(in, 1)
	if err != nil || s.Events != events || s.Neither != events {
		t.Errorf("%+v, %v", s, err)
	}
}
