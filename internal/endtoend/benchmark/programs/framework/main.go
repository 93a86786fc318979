// SPDX-License-Identifier: Apache-2.0

// Command framework is the shortest function that names its runs: it decodes
// the event, creates the run through one client for all events, and answers
// with Airflow's status. It has no retries, no limits, no routes and no log.
//
// With LOG=1 it does what an operator needs at least: it decodes the event's data,
// reads from Airflow's answer which run was created, and logs a line.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	cloudevents "github.com/cloudevents/sdk-go/v2"
)

func main() {
	url := os.Getenv("AIRFLOW_URL") + "/api/v1/dags/" + os.Getenv("DAG_ID") + "/dagRuns"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	logs, logger := os.Getenv("LOG") != "", slog.New(slog.NewJSONHandler(os.Stderr, nil))
	functions.HTTP("TriggerDAG", func(w http.ResponseWriter, r *http.Request) {
		event, err := cloudevents.NewEventFromHTTPRequest(r)
		if err != nil || event.Validate() != nil {
			http.Error(w, "not an event", http.StatusBadRequest)
			return
		}
		var conf any = json.RawMessage(event.Data())
		if logs {
			if err := json.Unmarshal(event.Data(), &conf); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		digest := sha256.Sum256([]byte(event.Source() + " " + event.ID()))
		body, err := json.Marshal(map[string]any{"dag_run_id": hex.EncodeToString(digest[:10]), "conf": conf})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		post, err := http.NewRequestWithContext(r.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		post.Header.Set("Content-Type", "application/json")
		response, err := client.Do(post)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer func() { _ = response.Body.Close() }()
		if logs {
			var run struct {
				ID string `json:"dag_run_id"`
			}
			if err := json.NewDecoder(response.Body).Decode(&run); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			logger.Info("created a run", "event_id", event.ID(), "dag_run_id", run.ID, "status", response.StatusCode)
		}
		_, _ = io.Copy(io.Discard, response.Body) // only so that the connection is used again
		w.WriteHeader(response.StatusCode)
	})
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
