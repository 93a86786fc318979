// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
)

// What the benchmarks send, and the run that it starts.
const (
	resource = `{"kind":"storage#object","bucket":"acme","name":"eu/a.csv","generation":"17","metageneration":"1","size":"3"}`
	benchRun = "dagtrigger__default__30db3192e426dc5bce4e"
)

// canned is a transport that answers every trigger with the run asked for,
// without a network.
type canned struct{ runID string }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	body := `{"dag_run_id":"` + c.runID + `","dag_id":"load","logical_date":null,"state":"queued","conf":{},"note":null}`
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// BenchmarkUpload is the cost of an event, the network left out.
func BenchmarkUpload(b *testing.B) {
	c, err := config.FromEnv(func(name string) string {
		return map[string]string{"DAG_ID": "load", "AIRFLOW_URL": "http://127.0.0.1:1", "AIRFLOW_API": "v2"}[name]
	})
	if err != nil {
		b.Fatal(err)
	}
	f, err := dagtrigger.New(c, cloudlog.New(io.Discard, slog.LevelInfo), canned{benchRun})
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, f)
}

// BenchmarkBareUpload is what the shortest function that names its runs costs:
// it decodes, posts, and answers, and says nothing.
func BenchmarkBareUpload(b *testing.B) {
	client := &http.Client{Transport: canned{benchRun}}
	benchmark(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ce, err := cloudevents.NewEventFromHTTPRequest(r)
		if err != nil || ce.Validate() != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var conf map[string]any
		if err := json.Unmarshal(ce.Data(), &conf); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		digest := sha256.Sum256([]byte(ce.Source() + ce.ID()))
		body, err := json.Marshal(map[string]any{"dag_run_id": hex.EncodeToString(digest[:10]), "logical_date": nil, "conf": conf})
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		post, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://127.0.0.1:1/api/v2/dags/load/dagRuns",
			bytes.NewReader(body))
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		post.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(post)
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
	}))
}

func benchmark(b *testing.B, h http.Handler) {
	b.Helper()
	b.ReportAllocs()
	header := upload("acme", "eu/a.csv", 17).Header
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(resource))
		r.Header = header
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusOK {
			b.Fatalf("answered %d %s", recorder.Code, recorder.Body)
		}
	}
}
