// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"example.com/dagtrigger/internal/operator/pull"
)

// While Airflow is down or overloaded, messages are held: none is delivered twice, and
// Airflow gets few requests.
func TestMessagesAreHeldWhileAirflowRefuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			q := newQueue(t)
			a, f := newAirflow(t)
			a.refuse(status, "1")
			stop := start(t, q.puller(f, func(p *pull.Puller) { p.Pauses.First, p.Pauses.Longest = time.Second, time.Second }))
			q.publish(50, `{"order":1}`)
			eventually(t, "Airflow refuses some", func() bool { return a.requests.Load() > 2 })
			<-time.After(2 * time.Second)        // of an outage
			if n := a.requests.Load(); n > 250 { // the function itself tries three times, and looks
				t.Errorf("Airflow got %d requests for 50 messages in 2 s", n)
			}
			a.refusing.Store(nil)
			eventually(t, "50 messages are acknowledged", func() bool { n, _ := q.count(1); return n == 50 })
			if err := stop(); err != nil {
				t.Error(err)
			}
			if _, deliveries := q.count(1); len(a.Runs("load")) != 50 || deliveries != 1 {
				t.Errorf("%d runs, %d deliveries of a message", len(a.Runs("load")), deliveries)
			}
		})
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	times := make(chan time.Time, 2)
	start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		times <- time.Now()
		if len(times) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}), nil))
	q.publish(1, "x")
	eventually(t, "it is acknowledged", func() bool { n, _ := q.count(1); return n == 1 })
	if paused := -(<-times).Sub(<-times); paused < time.Second {
		t.Errorf("the next try came after %s", paused)
	}
}

// Airflow may ask for a day: no lease is extended for so long.
func TestRetryAfterHoldsNoMessageLongerThanOthers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*pull.Puller){
		"held": func(p *pull.Puller) { p.Pauses.Hold = 20 * time.Millisecond },
		"crowded": func(p *pull.Puller) {
			p.AtOnce, p.Pauses.Crowded = 1, 20*time.Millisecond
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t)
			start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "86400")
				w.WriteHeader(http.StatusServiceUnavailable)
			}), change))
			q.publish(4, "x")
			eventually(t, "one is returned", func() bool { _, most := q.count(0); return most > 1 })
		})
	}
}

// Messages that are held for longer than others can wait for are returned.
func TestHeldMessagesLeaveOthersTheirTurn(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	const held = 12 // 4 for each that is handled at once are pulled
	q.publish(held, "held")
	var tries atomic.Int64
	start(t, q.puller(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if string(decode(r)) == "held" {
			tries.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}), func(p *pull.Puller) { p.AtOnce, p.Pauses.Crowded = 1, 10*time.Millisecond }))
	eventually(t, "those that are held fill it", func() bool { return tries.Load() > 4 })
	q.publish(1, "other")
	eventually(t, "the other is acknowledged", func() bool { n, _ := q.count(1); return n == 1 })
}
