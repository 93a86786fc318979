// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// startAirflow starts an embedded Airflow that has the DAG load. Each request
// for a run passes before, where it is not nil.
func startAirflow(t *testing.T, before func()) (*airflowsim.Server, string) {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "load"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sim, serveAirflow(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && before != nil {
			before()
		}
		sim.ServeHTTP(w, r)
	}))
}

func serveAirflow(t *testing.T, airflow http.Handler) (url string) {
	server := httptest.NewServer(airflow)
	t.Cleanup(server.Close)
	return server.URL
}

// yesterday is the same for all dead letters of a test run: run ids depend on it.
var yesterday = time.Now().UTC().Truncate(time.Second).Add(-24 * time.Hour)

// letter is the record of an event of long ago, which failed yesterday.
func letter(n int) deadletter.Record {
	ce := event.CloudEvent{
		ID: fmt.Sprint(n), Source: "//example.com/orders", Type: "com.example.order.paid",
		Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), ContentType: "application/json", Data: []byte(`{"secret": "sesame"}`),
	}
	return deadletter.Record{
		Route: "default", DAGID: "load", RunID: fmt.Sprintf("run-%d", n), Reason: "no such param", Attempts: 1,
		Time: yesterday, FirstTime: yesterday, Event: ce,
	}
}

// letters are that many records.
func letters(count int) (all []deadletter.Record) {
	for n := range count {
		all = append(all, letter(n))
	}
	return all
}

// commanded runs a command line, and holds it to an exit status.
func commanded(ctx context.Context, t *testing.T, want int, settings map[string]string, stdin string, args ...string) (stdout,
	stderr string) {
	t.Helper()
	out, output := newOutput(), newOutput()
	if got := run(ctx, args, set(settings), strings.NewReader(stdin), out, output); got != want {
		t.Errorf("%s ended with %d, want %d:\n%s%s", strings.Join(args, " "), got, want, out, output)
	}
	if strings.Contains(out.String()+output.String(), "sesame") {
		t.Errorf("%s shows the data of an event", strings.Join(args, " "))
	}
	return out.String(), output.String()
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %q:\n%s", part, text)
		}
	}
}

// TestReplayIsRepeatableAfterFailedRemoval has the store fail between a run and
// the removal of its letter, as where the process dies there.
func TestReplayIsRepeatableAfterFailedRemoval(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{{"--yes"}, {"--yes", "--run-again"}} {
		sim, airflow := startAirflow(t, nil)
		g := newGoogle(t)
		g.store(letters(3)...)
		settings := g.settings(airflow)
		replay := append([]string{"dead-letters", "replay", "--rate", "1000"}, flags...)
		var once sync.Once
		g.storage.Intercept(func(w http.ResponseWriter, r *http.Request) (refused bool) {
			if r.Method == http.MethodDelete {
				once.Do(func() { refused = true; w.WriteHeader(http.StatusForbidden) })
			}
			return refused
		})
		out, _ := commanded(t.Context(), t, exitFailed, settings, "", replay...)
		contains(t, out, "      3  triggered  route default, DAG load\n2 removed: their runs exist\n1 left where they are\n",
			"    removing the dead letter in gs://acme/dead/run-", ".json: 403 Forbidden")
		if left := g.objects(); len(left) != 1 {
			t.Errorf("the store has %v", left)
		}
		out, _ = commanded(t.Context(), t, exitOK, settings, "", replay...)
		contains(t, out, "      1  duplicate  route default, DAG load\n1 removed: their runs exist\n")
		if left := g.objects(); len(left) != 0 || len(sim.Runs()) != 3 {
			t.Errorf("%v: the store has %v, and there are %d runs", flags, left, len(sim.Runs()))
		}
	}
}

// That another route's run exists says nothing of the run that failed.
func TestReplayKeepsALetterWithoutItsRoute(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	delete(settings, "DAG_ID")
	settings["DAGTRIGGER_CONFIG"] = "\nroutes: [{name: other, on: '*', dag: load}]"
	replay := []string{"dead-letters", "replay", "--yes"}
	g.store(letters(1)...)
	commanded(t.Context(), t, exitOK, settings, "", replay...) // under its new name the route starts what it had not
	g.store(letters(1)...)
	out, _ := commanded(t.Context(), t, exitFailed, settings, "", replay...)
	contains(t, out, "its route default no longer matches it, and the other routes have their runs: send it --through a current "+
		"route, or drop it")
	if left := g.objects(); len(left) != 1 || len(sim.Runs("load")) != 1 {
		t.Errorf("the store has %v, and there are %d runs", left, len(sim.Runs("load")))
	}
}

func TestRunAgainStartsAnotherRunPerLetter(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	settings := g.settings(airflow)
	for i, flags := range [][]string{{}, {}, {"--run-again"}, {"--run-again"}, {}} {
		g.store(letters(2)...) // the same ones
		commanded(t.Context(), t, exitOK, settings, "", append([]string{"dead-letters", "replay", "--yes", "--rate", "1000"}, flags...)...)
		want := 2
		if i >= 2 {
			want = 4
		}
		if got := len(sim.Runs()); got != want {
			t.Errorf("after replay %d (%v) there are %d runs, want %d", i+1, flags, got, want)
		}
	}
}

// TestInterruptedReplayLosesNothing ends it while Airflow is busy with
// the first letters.
func TestInterruptedReplayLosesNothing(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	sim, airflow := startAirflow(t, func() { end() })
	g := newGoogle(t)
	g.store(letters(40)...)
	settings := g.settings(airflow)
	out, output := commanded(ctx, t, exitFailed, settings, "", "dead-letters", "replay", "--yes", "--rate", "1000")
	contains(t, output, "finishing the events in progress: ")
	contains(t, out, " triggered  route default, DAG load\n", "interrupted: the remaining ones are unchanged\n")
	left, runs := len(g.objects()), len(sim.Runs())
	if runs == 0 || runs == 40 || left != 40-runs {
		t.Errorf("%d letters are left, and there are %d runs", left, runs)
	}
	commanded(t.Context(), t, exitOK, settings, "", "dead-letters", "replay", "--yes", "--rate", "1000")
	if left := g.objects(); len(left) != 0 || len(sim.Runs()) != 40 {
		t.Errorf("in the end %v are left, and there are %d runs", left, len(sim.Runs()))
	}
}

func TestInterruptAtTheConfirmationDoesNothing(t *testing.T) {
	t.Parallel()
	_, airflow := startAirflow(t, func() { t.Error("Airflow was asked for a run") })
	g := newGoogle(t)
	g.store(letter(1))
	ctx, end := context.WithCancel(t.Context())
	defer end()
	out, output := newOutput(), newOutput()
	silent, speaker := io.Pipe()
	defer speaker.Close()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"dead-letters", "replay"}, set(g.settings(airflow)), silent, out, output)
	}()
	out.after(t, "1 dead letter in ", ended)
	end()
	if status := <-ended; status != exitFailed || len(g.objects()) != 1 {
		t.Errorf("it ended with %d, and %v is left:\n%s%s", status, g.objects(), out, output)
	}
	contains(t, output.String(), "interrupted before anything was done")
}

func TestReplayAcknowledgesMessagesWhoseRunsExist(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	other := letter(3)
	other.DAGID = "other"
	g.store(letter(1), letter(2), other)
	g.pubsub.Publish(deadTopic, []byte("no record"), nil)
	store := []string{"--store", "pubsub://projects/proj-1/topics/dead", "--subscription", "dead-pull", "--idle", "20ms"}
	with := func(args ...string) []string { return append(append([]string{"dead-letters"}, args...), store...) }

	out, output := commanded(t.Context(), t, exitFailed, g.settings(airflow), "", with("list")...)
	contains(t, out, "run-1\n", "3 dead letters in pubsub://projects/proj-1/topics/dead\n")
	contains(t, output, "projects/proj-1/subscriptions/dead-pull#4 is no dead letter: ")
	if i := slices.IndexFunc(g.messages(), func(m googlesim.Message) bool { return m.Leased || m.Acknowledged }); i >= 0 {
		t.Errorf("message %d was not given back", i)
	}
	out, _ = commanded(t.Context(), t, exitFailed, g.settings(airflow), "y\n", with("replay", "--dag", "load", "--rate", "1000")...)
	contains(t, out, "      2  start a run, or find the existing one: route default, DAG load\n      1  cannot be read or sent\n",
		"      2  triggered  route default, DAG load\n2 removed: their runs exist\n1 left where they are\n")
	var gone []bool
	for _, m := range g.messages() {
		gone = append(gone, m.Acknowledged)
		if m.Leased && !m.Acknowledged {
			t.Error("a message was not given back")
		}
	}
	if diff := cmp.Diff([]bool{true, true, false, false}, gone); diff != "" || len(sim.Runs()) != 2 {
		t.Errorf("%d runs; acknowledged (-want +got):\n%s", len(sim.Runs()), diff)
	}
	out, _ = commanded(t.Context(), t, exitFailed, g.settings(airflow), "", with("drop", "run-3", "--yes")...)
	contains(t, out, "1 dropped, 1 left\n")
	if left := g.messages(); !left[2].Acknowledged || left[3].Acknowledged {
		t.Error("another message was dropped than the one that was named")
	}
}

func TestReplayRetriesADeferredLetter(t *testing.T) {
	t.Parallel()
	sim, airflow := startAirflow(t, nil)
	g := newGoogle(t)
	g.store(letter(1))
	sim.Inject(airflowsim.Fault{Kind: airflowsim.Refuse, Method: http.MethodPost, Status: http.StatusTooManyRequests})
	out, output := commanded(t.Context(), t, exitOK, g.settings(airflow), "", "dead-letters", "replay", "--yes")
	contains(t, out, "      1  triggered  route default, DAG load\n1 removed: their runs exist\n")
	contains(t, output, "waiting 1s for the DAG load: 429 ")
}
