// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

const setRoutes = `
routes:
- name: daily
  on: object.finalized
  bucket: acme
  object: sales/{day=*}/{shop=*}.csv
  complete: {prefix: "sales/${path.day}/", names: [a.csv, b.csv, c.csv, d.csv]}
  dag: load_0
  conf: {day: "${path.day}", files: "${complete.files.map(f, f.name)}"}
`

// Files of sets arrive in any order at two instances, some events twice, some after
// their sender gave up, one file is deleted and written again, and Airflow and Cloud
// Storage fail now and then: each complete set has exactly one run, with all its files,
// and a set that lacks one has none.
func TestEverySetEndsInExactlyOneRun(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"v2", "v1", "experimental"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			proveSets(t, api)
		})
	}
}

// arrival is one file that is written, and the deliveries of its event.
type arrival struct {
	name      string
	after     time.Duration
	twice     bool // written, deleted and written again
	functions []string
	impatient bool // the sender of the first delivery gives up at once
}

func proveSets(t *testing.T, api string) {
	n := seed(t)
	rng := rand.New(rand.NewPCG(n, 1))
	sim, settings := proofAirflow(t, api)
	storage := googlesim.NewStorage(func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }, "acme")
	unreliable(storage, n)
	google := httptest.NewServer(storage)
	t.Cleanup(google.Close)
	settings["STORAGE_EMULATOR_HOST"], settings["DAGTRIGGER_CONFIG"] = google.URL, setRoutes
	instances := []string{newFunction(t, settings), newFunction(t, settings)}
	sim.InjectRandom(rand.New(rand.NewPCG(n, 2)), 0.05, airflowsim.EveryFault()...)

	wanted := map[string]string{}
	var all sync.WaitGroup
	for day := range 10 {
		names := []string{"a", "b", "c", "d"}
		if day == 0 {
			names = names[:3] // its d never comes
		} else {
			files := `["sales/DAY/a.csv","sales/DAY/b.csv","sales/DAY/c.csv","sales/DAY/d.csv"]`
			wanted[fmt.Sprint("d", day)] = strings.ReplaceAll(files, "DAY", fmt.Sprint("d", day))
		}
		for i, name := range names {
			a := arrival{
				name: fmt.Sprintf("sales/d%d/%s.csv", day, name), after: time.Duration(rng.IntN(300)) * time.Millisecond, twice: i == 0,
				impatient: rng.IntN(4) == 0,
			}
			for range 1 + rng.IntN(3) {
				a.functions = append(a.functions, instances[rng.IntN(2)])
			}
			all.Go(func() { a.deliver(t, storage) })
		}
	}
	all.Wait()
	got := map[string]string{}
	for _, run := range sim.Runs() {
		var conf struct {
			Day   string
			Files json.RawMessage
		}
		if err := json.Unmarshal(run.Conf, &conf); err != nil {
			t.Fatal(err)
		}
		if _, twice := got[conf.Day]; twice {
			t.Errorf("the set %s has two runs", conf.Day)
		}
		got[conf.Day] = strings.ReplaceAll(string(conf.Files), " ", "")
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("sets and runs (-want +got):\n%s", diff)
	}
}

// The event of an asset, and its materialization, wait for the set as a run does.
func TestSetPublishesOrMaterializesAnAssetOnce(t *testing.T) {
	t.Parallel()
	const complete = `complete: {prefix: "${path.day}/", names: [a, b]}, asset: s3://acme/days`
	for _, row := range []struct {
		name, keys string
		want       []string
	}{
		{"an event", `extra: {files: "${complete.files.map(f, f.name)}"}`, []string{
			`{"files":["d1/a","d1/b"],"dagtrigger_id":"dagtrigger__set__1118d59bb909f9cd83c3","from_rest_api":true}`, "on_asset ",
		}},
		{"a materialization", `materialize: true, conf: {n: "${size(complete.files)}"}`, []string{`make_asset {"n":2}`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			sim, settings := airflowWithAsset(t)
			storage := googlesim.NewStorage(func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }, "acme")
			google := httptest.NewServer(storage)
			t.Cleanup(google.Close)
			settings["STORAGE_EMULATOR_HOST"] = google.URL
			settings["DAGTRIGGER_CONFIG"] = "\nroutes:\n- {name: set, on: object.finalized, object: '{day=*}/*', " + complete + ", " + row.keys + "}"
			instances := []string{newFunction(t, settings), newFunction(t, settings)}
			for i, delivery := range []struct{ name, outcome string }{
				{"a", "unmatched"}, {"b", "triggered"}, {"b", "duplicate"}, {"a", "duplicate"},
			} {
				generation := int(storage.Put("acme", googlesim.Object{Name: "d1/" + delivery.name}))
				status, body := post(t, instances[i%2], upload("acme", "d1/"+delivery.name, generation))
				if status != http.StatusOK || !strings.Contains(body, `"outcome":"`+delivery.outcome+`"`) {
					t.Errorf("event %d was answered %d %s", i, status, body)
				}
			}
			if diff := cmp.Diff(row.want, eventsAndRuns(sim)); diff != "" {
				t.Errorf("Airflow's events and runs (-want +got):\n%s", diff)
			}
		})
	}
}

// airflowWithAsset is an Airflow 3.4 with an asset that one DAG waits for and another makes.
func airflowWithAsset(t *testing.T) (*airflowsim.Server, map[string]string) {
	t.Helper()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow34, Auth: airflowsim.AuthOpen,
		DAGs:    []airflowsim.DAG{{ID: "on_asset"}, {ID: "make_asset"}},
		Assets:  []airflowsim.Asset{{URI: "s3://acme/days", Consumers: []string{"on_asset"}, Producers: []string{"make_asset"}}},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, map[string]string{"AIRFLOW_URL": server.URL}
}

// eventsAndRuns are what an Airflow holds: the extra of each asset event, and the DAG and
// the conf of each run.
func eventsAndRuns(sim *airflowsim.Server) (all []string) {
	for _, e := range sim.AssetEvents() {
		all = append(all, strings.ReplaceAll(string(e.Extra), " ", ""))
	}
	for _, r := range sim.Runs() {
		all = append(all, r.DAG+" "+string(r.Conf))
	}
	return all
}

// unreliable has Cloud Storage refuse a part of all requests.
func unreliable(storage *googlesim.Storage, n uint64) {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(n, 3))
	storage.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if rng.IntN(5) > 0 {
			return false
		}
		googlesim.Refuse(w, []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}[rng.IntN(2)], "try again")
		return true
	})
}

// deliver writes the file, and delivers its event until it is acknowledged.
func (a arrival) deliver(t *testing.T, storage *googlesim.Storage) {
	_ = clock.Sleep(t.Context(), a.after)
	generation := storage.Put("acme", googlesim.Object{Name: a.name})
	if a.twice {
		a.event(t, int(generation))
		storage.Delete("acme", a.name)
		generation = storage.Put("acme", googlesim.Object{Name: a.name})
	}
	a.event(t, int(generation))
}

func (a arrival) event(t *testing.T, generation int) {
	var all sync.WaitGroup
	for i, function := range a.functions {
		all.Go(func() {
			if i == 0 && a.impatient {
				client := &http.Client{Timeout: time.Millisecond}
				if r, err := http.NewRequest(http.MethodPost, function, upload("acme", a.name, generation).Body); err == nil {
					r.Header = upload("acme", a.name, generation).Header
					if resp, err := client.Do(r); err == nil {
						_ = resp.Body.Close()
					}
				}
			}
			for range 1000 {
				if status, body := post(t, function, upload("acme", a.name, generation)); status == http.StatusOK {
					return
				} else if status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
					t.Errorf("%s: %d %s", a.name, status, body)
					return
				}
				_ = clock.Sleep(t.Context(), 100*time.Millisecond)
			}
			t.Errorf("%s was never acknowledged", a.name)
		})
	}
	all.Wait()
}
