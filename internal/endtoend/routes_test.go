// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/simulator/airflowsim"
	"example.com/dagtrigger/internal/trigger"
)

const routesFile = `
routes:
  - name: sales-csv
    on: object.finalized
    bucket: acme
    object: sales/{region=*}/*.csv
    when: int(object.size) > 0
    dag: load_sales
    conf:
      uri: gs://${object.bucket}/${object.name}
      size: ${int(object.size)}
      region: ${path.region}
  - name: every-object
    on: object.finalized
    object: "**.csv"
    dag: audit
  - name: broken
    on: object.finalized
    object: broken/**
    dag: audit
    note: ${object.etag}
`

// An upload of size bytes.
func sized(name, size string) *event.Event {
	data := fmt.Sprintf(`{"bucket":"acme","name":%q,"generation":"17","metageneration":"1","size":%q}`, name, size)
	ev := event.New(event.CloudEvent{
		ID: "1276", Type: "google.cloud.storage.object.v1.finalized", Source: "//storage.googleapis.com/projects/_/buckets/acme",
		ContentType: "application/json", Data: []byte(data),
	})
	return &ev
}

// routed is a function with the routes of a file, and what it logs.
func routed(t *testing.T, level slog.Level, settings map[string]string) (*dagtrigger.Function, *bytes.Buffer) {
	t.Helper()
	c, err := config.FromEnv(func(name string) string { return settings[name] })
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	f, err := dagtrigger.New(c, cloudlog.New(&log, level), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, &log
}

func TestEveryRouteThatMatchesStartsItsDAG(t *testing.T) {
	t.Parallel()
	sim, err := airflowsim.New(airflowsim.Config{
		Version: airflowsim.Airflow33, Auth: airflowsim.AuthOpen, DAGs: []airflowsim.DAG{{ID: "load_sales"}, {ID: "audit"}},
		Unknown: func(r *http.Request) { t.Errorf("unknown route: %s %s", r.Method, r.URL) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(path, []byte(routesFile), 0o600); err != nil {
		t.Fatal(err)
	}
	f, log := routed(t, slog.LevelInfo, map[string]string{"DAGTRIGGER_CONFIG": path, "AIRFLOW_URL": server.URL})

	for _, row := range []struct{ name, size, want string }{
		{"sales/eu/a.csv", "3", "sales-csv triggered load_sales, every-object triggered audit"},
		{"sales/eu/a.csv", "3", "sales-csv duplicate load_sales, every-object duplicate audit"},
		{"sales/eu/b.csv", "0", "every-object triggered audit"},
		{"broken/c.csv", "3", "every-object triggered audit, broken rejected audit"},
		{"stock/d.txt", "3", " unmatched "},
	} {
		var got []string
		for _, o := range f.Handle(t.Context(), sized(row.name, row.size), trigger.Replay{}) {
			got = append(got, o.Route+" "+string(o.Kind)+" "+o.DAGID)
		}
		if all := strings.Join(got, ", "); all != row.want {
			t.Errorf("%s came to %s, want %s", row.name, all, row.want)
		}
	}
	f.Close() // nothing is logged any more
	runs := sim.Runs("load_sales")
	if len(runs) != 1 || string(runs[0].Conf) != `{"uri":"gs://acme/sales/eu/a.csv","size":3,"region":"eu"}` {
		t.Errorf("Airflow holds %+v", runs)
	}
	if n := len(sim.Runs("audit")); n != 3 {
		t.Errorf("audit ran %d times, want 3", n)
	}
	if first, _, _ := strings.Cut(log.String(), "\n"); !strings.Contains(first, `"message":"routes loaded"`) ||
		!strings.Contains(first, `"file":"`+path+`"`) {
		t.Errorf("the log begins with %s", first)
	}
}

func TestUnmatchedEventGivesTheReason(t *testing.T) {
	t.Parallel()
	f, log := routed(t, slog.LevelInfo, map[string]string{"DAGTRIGGER_CONFIG": routesFile, "AIRFLOW_URL": "http://127.0.0.1:1"})
	outcomes := f.Handle(t.Context(), sized("sales/eu/b.txt", "3"), trigger.Replay{})
	const want = `no route matched: sales-csv: object is "sales/eu/b.txt", not sales/{region=*}/*.csv; ` +
		`every-object: object is "sales/eu/b.txt", not **.csv; broken: object is "sales/eu/b.txt", not broken/**`
	if len(outcomes) != 1 || outcomes[0].Reason != want {
		t.Errorf("outcomes are %+v, want the reason %s", outcomes, want)
	}
	quoted, err := json.Marshal(want)
	if err != nil || !strings.Contains(log.String(), `"reason":`+string(quoted)) {
		t.Errorf("the log holds no such reason: %s", log)
	}
}

// Most objects of a bucket may be of no interest: their lines would be most of
// the log.
func TestUnmatchedEventsAreAddedUpInTheLog(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		level slog.Level
		want  []string // count of each line
	}{
		{slog.LevelInfo, []string{"1", "9", "10", "10"}},
		{slog.LevelDebug, slices.Repeat([]string{"1"}, 30)},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, log := routed(t, row.level, map[string]string{"DAGTRIGGER_CONFIG": routesFile, "AIRFLOW_URL": "http://127.0.0.1:1"})
			log.Reset()
			for range 30 {
				f.Handle(t.Context(), sized("stock/d.txt", "3"), trigger.Replay{})
				time.Sleep(100 * time.Millisecond) //nolint:forbidigo // the bubble's clock: no time passes outside
			}
			f.Close()
			var got []string
			for line := range strings.Lines(log.String()) {
				var entry struct {
					Count json.Number `json:"count"`
				}
				if err := json.Unmarshal([]byte(line), &entry); err != nil {
					t.Fatal(err)
				}
				got = append(got, entry.Count.String())
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("counts at %s (-want +got):\n%s", row.level, diff)
			}
		})
	}
}
