// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"context"
	"testing"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

// While a server is down few requests find that out. When it is back, the next
// one does, and soon it serves all of them again.
func TestGateFindsThatTheServerIsBack(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		hangs   time.Duration // how long a request takes to fail
		probing int           // requests at once, at most
	}{
		{"connections are refused", ms(1), 1},
		{"connections time out", ms(400), 1},
		{"requests hang", 5 * time.Second, 12},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				s := &server{workers: unlimited, service: ms(200)}
				g := pressure.New(pressure.Config{})
				saturate(ctx, g, s, most)
				watch(t, most, 10*time.Second, g)
				s.set(func() { s.down, s.hangs = true, row.hangs })
				<-time.After(2*row.hangs + 2*time.Second) // what was under way has failed
				if g.State().DownSince.IsZero() {
					t.Fatal("the server is down, and the gate does not know")
				}
				s.set(func() { s.probing = 0 })
				watch(t, most, 30*time.Second, g)
				s.set(func() {
					if s.probing > row.probing {
						t.Errorf("%d requests at once found the server down, want at most %d", s.probing, row.probing)
					}
					s.down = false
					s.count = count{}
				})
				<-time.After(time.Second + s.service)
				if down := g.State().DownSince; !down.IsZero() {
					t.Errorf("a second after it is back, the server is down since %v", down)
				}
				<-time.After(4*time.Second - s.service)
				s.take()
				watch(t, most, 5*time.Second, g)
				if share := float64(s.take().served) / 5 / capacity(most, s.service); share < 0.9 {
					t.Errorf("%.2f of the full rate 5 s after it is back", share)
				}
			})
		})
	}
}

// Requests that fail for a reason that concerns them alone leave the
// others the server.
func TestFailuresOfOneKindDoNotStopTheOthers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		result pressure.Result
		takes  time.Duration
	}{
		{"refused at once, as for want of a permission", pressure.Answered, ms(2)},
		{"not sent", pressure.Ignored, 0},
		{"broken off", pressure.Down, ms(50)},
		{"never answered", pressure.Down, 90 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				s := &server{workers: unlimited, service: ms(100)}
				g := pressure.New(pressure.Config{})
				saturate(pressure.WithRoute(ctx, "healthy"), g, s, most/2)
				for range most / 4 {
					go func() {
						for ctx.Err() == nil {
							if done, err := g.Enter(pressure.WithRoute(context.WithoutCancel(ctx), "failing")); err == nil {
								<-time.After(row.takes)
								done(row.result)
							}
							<-time.After(ms(10))
						}
					}()
				}
				watch(t, most, 10*time.Second, g)
				s.take()
				watch(t, most, 20*time.Second, g)
				if share := float64(s.take().served) / 20 / capacity(most/2, s.service); share < 0.9 {
					t.Errorf("%.2f of the healthy requests were served", share)
				}
			})
		})
	}
}
