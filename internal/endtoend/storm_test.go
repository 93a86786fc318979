// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Clients that give up must leave nothing behind that holds the next one up.
// The CloudEvents SDK's own receiver fails this: it hands requests over one
// channel, and blocks for good once nobody takes them
// (https://github.com/cloudevents/sdk-go/issues/1332).
func TestAStormOfClientsThatGiveUpLeavesTheFunctionAnswering(t *testing.T) {
	t.Parallel()
	const clients = 400
	requests := 4000
	if full() {
		requests = 20000
	}
	airflow := newAirflow(t)
	url := newFunction(t, map[string]string{"DAG_ID": "load", "AIRFLOW_URL": airflow.URL})
	n := seed(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for c := range clients {
		rng := rand.New(rand.NewPCG(n, uint64(c)))
		group.Go(func() {
			for i := range requests / clients {
				giveUp(t.Context(), client, url, c*requests+i, time.Duration(rng.IntN(20_000))*time.Microsecond)
			}
		})
	}
	group.Wait()
	for i := range 10 {
		if status, body := post(t, url, upload("acme", "lone.csv", i)); status != http.StatusOK {
			t.Fatalf("lone request %d was answered %d %s", i, status, body)
		}
	}
}

// giveUp sends an event and goes away after patience, answered or not.
func giveUp(ctx context.Context, client *http.Client, url string, generation int, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := upload("acme", "a.csv", generation).WithContext(ctx)
	address, err := r.URL.Parse(url)
	if err != nil {
		return
	}
	r.URL, r.Host = address, ""
	resp, err := client.Do(r)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}
