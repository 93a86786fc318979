// SPDX-License-Identifier: Apache-2.0

// Command sample does in Go what Google's samples for triggering a DAG do: a
// CloudEvent function that posts the event's data as conf, without a run id, by
// a client that each event makes, and logs the answer.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/cloudevents/sdk-go/v2/event"
)

func main() {
	functions.CloudEvent("TriggerDAG", trigger)
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}

func trigger(ctx context.Context, e event.Event) error {
	var conf map[string]any
	if err := e.DataAs(&conf); err != nil {
		return fmt.Errorf("reading the event's data: %w", err)
	}
	body, err := json.Marshal(map[string]any{"conf": conf})
	if err != nil {
		return fmt.Errorf("encoding the run: %w", err)
	}
	url := os.Getenv("AIRFLOW_URL") + "/api/v1/dags/" + os.Getenv("DAG_ID") + "/dagRuns"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: 90 * time.Second}
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("creating the run: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("creating the run: answered %d: %s", response.StatusCode, answer)
	}
	log.Printf("created a run: %s", answer)
	return nil
}
