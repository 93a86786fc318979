// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// Ten callers come at once where two are served, three wait and a request takes a second.
func TestCapacityServesQueuesAndRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, open33(t))
		s.SetCapacity(airflowsim.Capacity{AtOnce: 2, Waiting: 3, PerRequest: time.Second, RetryAfter: 4 * time.Second})
		begin := time.Now()
		var mu sync.Mutex
		var all sync.WaitGroup
		var served []time.Duration
		refused := 0
		for i := range 10 {
			all.Go(func() {
				w := do(t, s, v2Trigger("d", wish(fmt.Sprintf("r%d", i), "")).as("-"))
				mu.Lock()
				defer mu.Unlock()
				switch w.Code {
				case http.StatusOK:
					served = append(served, time.Since(begin))
				case http.StatusServiceUnavailable:
					refused++
					if w.Header().Get("Retry-After") != "4" {
						t.Errorf("got %v", w.Header())
					}
				}
			})
		}
		all.Wait()
		slices.Sort(served)
		if want := []time.Duration{1e9, 1e9, 2e9, 2e9, 3e9}; !slices.Equal(served, want) || refused != 5 {
			t.Errorf("served after %v, want %v; refused %d, want 5", served, want, refused)
		}
		if got := s.Requests(); got.Peak < 5 || got.Total != 10 || got.Triggers != 10 {
			t.Errorf("got %+v", got)
		}
		s.SetCapacity(airflowsim.Capacity{})
		if w := do(t, s, get("/api/v2/version").as("-")); w.Code != http.StatusOK || s.Requests().Reads != 1 {
			t.Errorf("got %d, %+v", w.Code, s.Requests())
		}
	})
}

func TestConcurrentTriggersOfOneRunID(t *testing.T) {
	t.Parallel()
	for version, race := range map[airflowsim.Version]struct {
		req   request
		loser int
	}{
		airflowsim.Airflow110: {experiment("d", exactly("r", "")), http.StatusBadRequest},
		airflowsim.Airflow211: {v1Trigger("d", `{"dag_run_id": "r"}`), http.StatusConflict},
		airflowsim.Airflow33:  {v2Trigger("d", wish("r", "")), http.StatusConflict},
	} {
		t.Run(string(version), func(t *testing.T) {
			t.Parallel()
			c := config(t, version)
			if version == airflowsim.Airflow110 {
				c.Auth = airflowsim.AuthOpen
			}
			s := newServer(t, c)
			const racers = 64
			codes := make([]int, racers)
			var all sync.WaitGroup
			for i := range racers {
				all.Go(func() { codes[i] = do(t, s, race.req).Code })
			}
			all.Wait()
			slices.Sort(codes)
			want := append([]int{http.StatusOK}, slices.Repeat([]int{race.loser}, racers-1)...)
			if !slices.Equal(codes, want) || len(s.Runs()) != 1 {
				t.Errorf("got %v and %d runs", codes, len(s.Runs()))
			}
		})
	}
}
