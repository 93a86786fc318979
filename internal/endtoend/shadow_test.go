// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// routePool are routes of every kind: %s is the name.
var routePool = []string{
	`{name: %s, on: object.finalized, dag: load, conf: {n: "${object.name}", g: "${object.generation}"}}`,
	`{name: %s, on: object.finalized, object: "{day=*}/**", dag: load, run_id: "${path.day}", conf: {day: "${path.day}"}}`,
	`{name: %s, on: object.finalized, dag: typed, conf: {rows: many}}`, // which Airflow refuses
	`{name: %s, on: object.finalized, object: "**.tmp", reject: "no ${object.name}"}`,
	`{name: %s, on: object.finalized, dag: load, conf: {x: "${object.etag}"}}`, // which fails
	`{name: %s, on: object.finalized, dag: load, when: "int(object.generation) %% 2 == 0"}`,
	`{name: %s, on: object.finalized, dag: load, every: 5m}`,
	`{name: %s, on: object.deleted, dag: load}`,
	`{name: %s, on: object.finalized, object: "{day=*}/*", dag: load, complete: {prefix: "${path.day}/", count: 2}}`,
	`{name: %s, on: object.finalized, object: "**", dag: load, complete: {prefix: "${object.name}", names: [x]}, bucket: acme}`,
	`{name: %s, on: object.finalized, dag: "${object.name}", dags: [load]}`,
}

// hostilePool are routes that only a shadow has here: they take all that a route may.
var hostilePool = []string{
	`{name: %s, on: object.finalized, dag: load, when: "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, [1,2,3,4,5,6,7,8].all(c, ` +
		`[1,2,3,4,5,6,7,8].all(d, [1,2,3,4,5,6,7,8].all(e, [1,2,3,4,5,6,7,8].all(f, a+b+c+d+e+f > 0))))))"}`,
	`{name: %s, on: object.finalized, dag: load, conf: {x: "${[1,2,3,4,5,6,7,8].map(a, [1,2,3,4,5,6,7,8].map(b, [1,2,3,4,5,6,7,8].map(c, ` +
		`object)))}"}}`,
	`{name: %s, on: object.finalized, dag: load, dead_letter: "file:///nowhere/at/all"}`,
	`{name: %s, on: "*", dag: load, when_paused: unpause, skip_active: true}`,
}

// trial is a function in front of an Airflow, with all that can be seen of it.
type trial struct {
	handler *dagtrigger.Function
	airflow *airflowsim.Server
	letters string
	log     bytes.Buffer
}

func newTrial(t *testing.T, google, routes, shadow string) *trial {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow110, Auth: airflowsim.AuthOpen, ExperimentalAPI: true,
		DAGs:    []airflowsim.DAG{{ID: "load"}, {ID: "typed", Params: `{"rows": {"type": "integer", "default": 1}}`}},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	w := &trial{airflow: sim, letters: t.TempDir()}
	settings := map[string]string{
		"AIRFLOW_URL": server.URL, "AIRFLOW_API": "experimental", "DEAD_LETTER": "file://" + w.letters, "STORAGE_EMULATOR_HOST": google,
		"DAGTRIGGER_CONFIG": routes, "DAGTRIGGER_SHADOW": shadow,
	}
	c, err := config.FromEnv(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatalf("%v in\n%s\nand\n%s", err, routes, shadow)
	}
	if w.handler, err = dagtrigger.New(c, cloudlog.New(&w.log, slog.LevelInfo), nil); err != nil {
		t.Fatal(err)
	}
	return w
}

// runs are those that Airflow has, less their times.
func (w *trial) runs() (all []string) {
	for _, run := range w.airflow.Runs() {
		all = append(all, fmt.Sprintf("%s %s %s", run.DAG, run.ID, run.Conf))
	}
	slices.Sort(all) // of one event, several are requested at once
	return all
}

// stored are the dead letters, less what differs between two functions.
func (w *trial) stored(t *testing.T) (all []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.letters, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var letter map[string]any
		if err := json.Unmarshal(text, &letter); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"time", "first_time", "last_time", "routes_digest"} {
			delete(letter, name)
		}
		rest, err := json.Marshal(letter)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(rest))
	}
	slices.Sort(all)
	return all
}

// outcomes are the lines of live routes, less times and what a comparison needs. Of
// unmatched events not every line is there without shadows.
func (w *trial) outcomes(t *testing.T) (all []map[string]any, shadows int) {
	t.Helper()
	w.handler.Close() // nothing is written any more
	for dec := json.NewDecoder(&w.log); ; {
		var line map[string]any
		if err := dec.Decode(&line); err == io.EOF {
			return all, shadows
		} else if err != nil {
			t.Fatal(err)
		}
		if line["shadow"] != nil {
			shadows++
		}
		if line["outcome"] == nil || line["outcome"] == "unmatched" {
			continue
		}
		for _, name := range []string{"time", "age_seconds", "duration_seconds", "event_key", "conf_digest", "rest_digest", "routes_digest"} {
			delete(line, name)
		}
		all = append(all, line)
	}
}

// Whatever shadows there are, beside any live routes and in any place, and whatever they
// do: statuses, answers, runs with their confs, dead letters and the lines of live
// routes are those of the same function without them.
func TestAShadowNeverChangesLiveOutcomes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(seed(t), 1))
	storage := googlesim.NewStorage(func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }, "acme")
	storage.Put("acme", googlesim.Object{Name: "d1/a"})
	storage.Put("acme", googlesim.Object{Name: "d1/b.tmp"})
	google := httptest.NewServer(storage)
	t.Cleanup(google.Close)
	for range 4 {
		live, both := randomRoutes(rng)
		shadow := ""
		if rng.IntN(2) == 0 {
			other, _ := randomRoutes(rng)
			shadow = other + fmt.Sprintf("  - "+hostilePool[rng.IntN(len(hostilePool))]+"\n", "h")
		}
		plain, shadowed := newTrial(t, google.URL, live, ""), newTrial(t, google.URL, both, shadow)
		for i := range 4 {
			bucket := []string{"acme", "gone"}[rng.IntN(2)]
			name := []string{"d1/a", "d1/b.tmp", "load", "d2/x"}[rng.IntN(4)]
			var got [2]string
			for k, w := range []*trial{plain, shadowed} {
				recorder := httptest.NewRecorder()
				request := upload(bucket, name, 1+i/2)
				request.Header.Set("Ce-Time", "2026-01-02T10:00:00Z")
				w.handler.ServeHTTP(recorder, request)
				got[k] = fmt.Sprint(recorder.Code, recorder.Body, recorder.Header())
			}
			if got[0] != got[1] && !strings.Contains(got[0], `"unmatched"`) {
				t.Errorf("answered\n%s\nwith shadows\n%s", got[0], got[1])
			}
		}
		same(t, "runs", plain.runs(), shadowed.runs())
		same(t, "dead letters", plain.stored(t), shadowed.stored(t))
		want, none := plain.outcomes(t)
		lines, some := shadowed.outcomes(t)
		same(t, "lines", want, lines)
		if none > 0 || some == 0 {
			t.Errorf("%d lines of shadows without them, %d with", none, some)
		}
		if t.Failed() {
			t.Fatalf("live\n%s\nwith shadows\n%s\nshadow file\n%s", live, both, shadow)
		}
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	text := func(v any) string { b, _ := json.MarshalIndent(v, "", " "); return string(b) }
	if diff := cmp.Diff(text(want), text(got)); diff != "" {
		t.Errorf("%s (-alone +with shadows):\n%s", what, diff)
	}
}

// randomRoutes is a file of live routes, and the same with shadows between them.
func randomRoutes(rng *rand.Rand) (live, both string) {
	head := "routes:\n"
	if rng.IntN(2) == 0 {
		head = "match: first\n" + head
	}
	live, both = head, head
	shadows := func() {
		for range rng.IntN(3) {
			pool := [][]string{routePool, hostilePool}[rng.IntN(2)]
			text := fmt.Sprintf(pool[rng.IntN(len(pool))], fmt.Sprintf("s%d", len(both)))
			both += "  - " + strings.TrimSuffix(text, "}") + ", shadow: true}\n"
			live += "  # so that the others stand on the same lines\n"
		}
	}
	for i := range 1 + rng.IntN(4) {
		shadows()
		one := fmt.Sprintf("  - "+routePool[rng.IntN(len(routePool))]+"\n", fmt.Sprintf("r%d", i))
		live, both = live+one, both+one
	}
	both += fmt.Sprintf("  - {name: last, on: %q, dag: load, shadow: true}\n", "*")
	return live, both
}

// BenchmarkShadow is the cost of an event, the network left out, without a shadow and with.
func BenchmarkShadow(b *testing.B) {
	const file = "routes: [{name: default, on: object.finalized, dag: load}]\n"
	for _, row := range []struct{ name, shadow string }{{"none", ""}, {"file", file}} {
		b.Run(row.name, func(b *testing.B) {
			settings := map[string]string{
				"DAGTRIGGER_CONFIG": file, "DAGTRIGGER_SHADOW": row.shadow, "AIRFLOW_URL": "http://127.0.0.1:1", "AIRFLOW_API": "v2",
			}
			c, err := config.FromEnv(func(name string) string { return settings[name] })
			if err != nil {
				b.Fatal(err)
			}
			f, err := dagtrigger.New(c, cloudlog.New(io.Discard, slog.LevelInfo), canned{benchRun})
			if err != nil {
				b.Fatal(err)
			}
			benchmark(b, f)
		})
	}
}
