// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Clients that give up must leave nothing behind that holds the next one up.
// The CloudEvents SDK's own receiver fails this: it hands requests over one
// channel, and blocks forever once nobody takes them
// (https://github.com/cloudevents/sdk-go/issues/1332).
func TestFunctionAnswersAfterManyClientsGaveUp(t *testing.T) {
	t.Parallel()
	const clients = 400
	requests := 4000
	if full() {
		requests = 10000
	}
	airflow := newAirflow(t)
	url := newFunction(t, map[string]string{"DAG_ID": "load", "AIRFLOW_URL": airflow.URL})
	n := seed(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	var answered, left atomic.Int64
	for c := range clients {
		rng := rand.New(rand.NewPCG(n, uint64(c)))
		group.Go(func() {
			for i := range requests / clients {
				// From at once to long after the answer, however slow the machine.
				patience := time.Millisecond << rng.IntN(10)
				if giveUp(t.Context(), client, url, c*requests+i, patience) {
					answered.Add(1)
				} else {
					left.Add(1)
				}
			}
		})
	}
	group.Wait()
	if reached := len(airflow.sim.Runs()); reached == 0 || answered.Load() == 0 || left.Load() == 0 {
		t.Errorf("it was no storm: %d runs, %d clients answered, %d gave up", reached, answered.Load(), left.Load())
	}
	for i := range 10 {
		if status, body := post(t, url, upload("acme", "lone.csv", i)); status != http.StatusOK {
			t.Fatalf("lone request %d was answered %d %s", i, status, body)
		}
	}
}

// giveUp sends an event and goes away after patience. It reports whether it was
// answered before.
func giveUp(ctx context.Context, client *http.Client, url string, generation int, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := upload("acme", "a.csv", generation).WithContext(ctx)
	address, err := r.URL.Parse(url)
	if err != nil {
		return false
	}
	r.URL, r.Host = address, ""
	resp, err := client.Do(r)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return true
}
