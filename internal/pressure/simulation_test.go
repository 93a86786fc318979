// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

// most is the default of AIRFLOW_MAX_IN_FLIGHT, and the concurrency of one
// instance of the function.
const most = pressure.DefaultMaxInFlight

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// seeds are those of the noise: a rule that meets a table by luck meets it once.
var seeds = []uint64{1, 2, 3, 4}

// full reports whether all rows are simulated with all seeds, and not only those
// that take little time: DAGTRIGGER_PROOF=all go test ./internal/pressure.
var full = os.Getenv("DAGTRIGGER_PROOF") == "all"

// A server that takes any number of requests at once is given all of them,
// however its latency changes.
func TestGateFollowsTheLatencyOfAnUnlimitedServer(t *testing.T) {
	t.Parallel()
	type row struct {
		before, after time.Duration // its latency; before 0: the first one is measured
		noisy         bool
		within        time.Duration
		share         float64 // of what there is without a gate, at least
	}
	constant := func(latency int) row { return row{after: ms(latency), within: 5 * time.Second, share: 0.9} }
	step := func(before, after int) row {
		return row{before: ms(before), after: ms(after), within: 5 * time.Second, share: 0.9}
	}
	noise := func(latency int) row {
		return row{after: ms(latency), noisy: true, within: 10 * time.Second, share: 0.8}
	}
	for _, row := range []row{
		constant(5), constant(20), constant(100), constant(300),
		{before: time.Microsecond, after: ms(100), within: 5 * time.Second, share: 0.9},
		step(20, 100), step(5, 50), step(30, 300), step(300, 30),
		noise(20), noise(100), noise(300),
	} {
		for _, seed := range seeds {
			if (!row.noisy || !full) && seed > seeds[0] {
				break
			}
			t.Run(fmt.Sprintf("%v to %v, noisy %v, seed %d", row.before, row.after, row.noisy, seed), func(t *testing.T) {
				t.Parallel()
				simulate(t, func(t *testing.T, ctx context.Context) {
					s := &server{workers: unlimited, service: row.before}
					g := pressure.New(pressure.Config{})
					best := most / row.after.Seconds()
					if row.noisy {
						s.noise = uneven(seed)
						best /= unevenMean
					}
					if row.before > 0 {
						// The clock stands still while all senders are served, so that a
						// server that takes no time takes a little.
						s.service = max(row.before, ms(1))
						saturate(ctx, g, s, most)
						watch(t, most, 7300*time.Millisecond, g)
						s.set(func() { s.service = row.after })
					} else {
						s.service = row.after
						saturate(ctx, g, s, most)
					}
					watch(t, most, row.within, g)
					s.take()
					limit := watch(t, most, 10*time.Second, g)
					share := float64(s.take().served) / 10 / best
					t.Logf("%.2f of what there is without a gate, limit %.1f", share, limit)
					if share < row.share {
						t.Errorf("want %.2f", row.share)
					}
				})
			})
		}
	}
}

// A server that works on so many requests at once is given about as many, and
// is kept busy. Where every request takes another time, that holds for the mean
// of several minutes.
func TestGateKeepsToWhatTheServerTakes(t *testing.T) {
	t.Parallel()
	type row struct {
		workers int
		service time.Duration
		noisy   bool
	}
	// A check of a slow server with few workers takes long.
	slack := func(r row) float64 { return max(0, min(0.1, r.service.Seconds()/5/float64(r.workers))) }
	even := func(workers, service int) row { return row{workers, ms(service), false} }
	noisy := func(workers, service int) row { return row{workers, ms(service), true} }
	for _, row := range []row{
		even(1, 20), even(4, 20), even(16, 20), even(64, 20), even(1, 200), even(4, 200), even(16, 300), even(64, 300),
		even(2, 200), even(3, 200), even(8, 400), even(2, 1000),
		noisy(1, 200), noisy(2, 200), noisy(4, 200), noisy(8, 400), noisy(16, 300), noisy(64, 300),
	} {
		t.Run(fmt.Sprintf("%d of %v, noisy %v", row.workers, row.service, row.noisy), func(t *testing.T) {
			t.Parallel()
			var limit, goodput mean
			for _, seed := range seeds {
				simulate(t, func(t *testing.T, ctx context.Context) {
					s := &server{workers: row.workers, service: row.service}
					if row.noisy {
						s.noise = erlang(seed)
					}
					g := pressure.New(pressure.Config{})
					saturate(ctx, g, s, most)
					watch(t, most, 20*time.Second+40*row.service, g)
					s.take()
					const measured = 2 * time.Minute
					limit.add(watch(t, most, measured, g) / float64(row.workers))
					goodput.add(s.take().worked.Seconds() / measured.Seconds() / float64(row.workers))
				})
				if !row.noisy {
					break
				}
			}
			t.Logf("limit %.2f of what it takes, goodput %.3f of its best, %.3f at least", limit.mean(), goodput.mean(), goodput.least)
			highest, best, least := 1.5, 0.95, 0.95
			if row.noisy {
				highest, best, least = 1.75, 0.85, 0.75
			}
			best, least = best-slack(row), least-slack(row)
			if limit.mean() < 0.5 || limit.mean() > highest || goodput.mean() < best || goodput.least < least {
				t.Errorf("want a limit of 0.5 to %v, and goodput %v, %v at least", highest, best, least)
			}
		})
	}
}

// mean of what was added, and the least of it.
type mean struct {
	sum, least float64
	n          int
}

func (m *mean) add(x float64) {
	if m.n == 0 || x < m.least {
		m.least = x
	}
	m.sum += x
	m.n++
}

func (m *mean) mean() float64 { return m.sum / float64(m.n) }

// A server that is offered three times its capacity works as much as it can,
// and nothing that it takes waits long.
func TestGateKeepsAnOverloadedServerAtItsBest(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		workers int
		service time.Duration
	}{{1, ms(100)}, {2, ms(100)}, {4, ms(150)}, {8, ms(200)}, {16, ms(300)}} {
		t.Run(fmt.Sprintf("%d of %v", row.workers, row.service), func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				s := &server{workers: row.workers, service: row.service}
				g := pressure.New(pressure.Config{})
				go offer(ctx, g, s, 3*capacity(row.workers, row.service))
				const measured = 2 * time.Minute
				watch(t, most, measured, g)
				c := s.take()
				goodput := c.worked.Seconds() / measured.Seconds() / float64(row.workers)
				// A request waits at the gate for at most pressure.DefaultWait before.
				slowest := c.latencies[len(c.latencies)*99/100] + pressure.DefaultWait
				t.Logf("goodput %.3f of its best, slowest of 100 %v", goodput, slowest)
				if goodput < 0.95 || slowest > 3*time.Second {
					t.Error("want goodput 0.95, and the slowest of 100 within 3 s")
				}
			})
		})
	}
}

// One gate after the other meets a server that has other workers or another
// service time than before.
func TestGateFollowsTheCapacityOfTheServer(t *testing.T) {
	t.Parallel()
	simulate(t, func(t *testing.T, ctx context.Context) {
		s := &server{workers: 8, service: ms(200)}
		g := pressure.New(pressure.Config{})
		saturate(ctx, g, s, most)
		for _, row := range []struct {
			workers int
			service time.Duration
		}{{8, ms(200)}, {2, ms(200)}, {64, ms(200)}, {4, ms(20)}, {16, ms(400)}, {1, ms(400)}, {32, ms(100)}} {
			s.set(func() { s.workers, s.service = row.workers, row.service })
			watch(t, most, time.Minute, g)
			s.take()
			limit := watch(t, most, time.Minute, g)
			goodput := s.take().worked.Seconds() / 60 / float64(row.workers)
			t.Logf("%d workers of %v: limit %.1f, goodput %.3f", row.workers, row.service, limit, goodput)
			if limit > 1.5*float64(row.workers) || goodput < 0.95 {
				t.Errorf("%d workers of %v: want a limit within half, and goodput 0.95", row.workers, row.service)
			}
		}
	})
}

// Instances know nothing of each other. Those that share a server come to limits
// that it can work on. Their shares can differ by much, which the log shows.
func TestTenGatesShareAServer(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		workers int
		service time.Duration
	}{{40, ms(200)}, {20, ms(100)}, {100, ms(200)}} {
		if !full && row.workers != 40 {
			continue
		}
		t.Run(fmt.Sprintf("%d of %v", row.workers, row.service), func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				s := &server{workers: row.workers, service: row.service}
				var gates []*pressure.Gate
				for range 10 {
					g := pressure.New(pressure.Config{})
					gates = append(gates, g)
					saturate(ctx, g, s, most)
					watch(t, most, 700*time.Millisecond, gates...) // they do not start together
				}
				watch(t, most, 2*time.Minute, gates...)
				s.take()
				const measured = time.Minute
				var least, highest float64
				var group sync.WaitGroup
				limits := make([]float64, len(gates))
				for i, g := range gates {
					group.Go(func() { limits[i] = watch(t, most, measured, g) })
				}
				group.Wait()
				least, highest = slices.Min(limits), slices.Max(limits)
				sum := 0.0
				for _, l := range limits {
					sum += l
				}
				goodput := s.take().worked.Seconds() / measured.Seconds() / float64(row.workers)
				t.Logf("limits %.2f of what it takes, the highest %.1f and the least %.1f, goodput %.3f", sum/float64(row.workers), highest, least,
					goodput)
				if sum > 6*float64(row.workers) || goodput < 0.95 {
					t.Error("want limits of at most six times what it takes, and goodput 0.95")
				}
			})
		})
	}
}

func TestGateStaysBelowWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	simulate(t, func(t *testing.T, ctx context.Context) {
		s := &server{workers: unlimited, service: ms(200), most: 5} // its latency says nothing
		g := pressure.New(pressure.Config{})
		saturate(ctx, g, s, most)
		watch(t, most, time.Minute, g)
		s.take()
		watch(t, most, 2*time.Minute, g)
		c := s.take()
		refused, goodput := float64(c.refused)/float64(c.served), c.worked.Seconds()/120/5
		t.Logf("goodput %.3f, refused %.4f", goodput, refused)
		if goodput < 0.85 || refused > 0.02 {
			t.Error("want goodput 0.85, and 2 of 100 refused")
		}
	})
}

func TestGateStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		most int
		s    *server
	}{
		{"a server that could do more", 3, &server{workers: 50, service: ms(80)}},
		{"a server that refuses nearly everything", 8, &server{workers: 8, service: ms(80), most: 1}},
		{"one at a time", 1, &server{workers: 8, service: ms(80)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				g := pressure.New(pressure.Config{MaxInFlight: row.most})
				go offer(ctx, g, row.s, 100)
				watch(t, row.most, time.Minute, g)
				row.s.set(func() {
					if row.s.peak > row.most {
						t.Errorf("%d requests were at the server at once, of at most %d", row.s.peak, row.most)
					}
					if row.s.served < 50 {
						t.Errorf("%d requests were served in a minute", row.s.served)
					}
				})
			})
		})
	}
}

// A burst for one route leaves the others their turns.
func TestRoutesTakeTurns(t *testing.T) {
	t.Parallel()
	simulate(t, func(t *testing.T, ctx context.Context) {
		s := &server{workers: 4, service: ms(100)}
		g := pressure.New(pressure.Config{})
		saturate(pressure.WithRoute(ctx, "burst"), g, s, most)
		watch(t, most, 20*time.Second, g)
		var longest time.Duration
		for range 50 {
			<-time.After(ms(370))
			began := time.Now()
			done, err := g.Enter(pressure.WithRoute(ctx, "quiet"))
			if err != nil {
				t.Fatal(err)
			}
			longest = max(longest, time.Since(began))
			done(s.do())
		}
		if longest > ms(300) {
			t.Errorf("an event of the quiet route waited %v beside a burst", longest)
		}
	})
}

// Where a fast Airflow leaves the function's own processor as what is waited
// for, the limit is low. It grows again when Airflow becomes slow: within 5 s
// from about 20. From 10 and less it takes longer, for instances that share a server
// have to agree first that it has no queue.
func TestGateGrowsWhenAFastServerBecomesSlow(t *testing.T) {
	t.Parallel()
	for _, busy := range []int{20, 40} {
		t.Run(fmt.Sprintf("%d at once", busy), func(t *testing.T) {
			t.Parallel()
			simulate(t, func(t *testing.T, ctx context.Context) {
				s := &server{workers: busy, service: ms(30)}
				g := pressure.New(pressure.Config{})
				saturate(ctx, g, s, most)
				before := watch(t, most, 7300*time.Millisecond, g)
				s.set(func() { s.workers, s.service = unlimited, ms(300) })
				watch(t, most, 5*time.Second, g)
				s.take()
				limit := watch(t, most, 10*time.Second, g)
				share := float64(s.take().served) / 10 / capacity(most, ms(300))
				t.Logf("%.2f of what there is without a gate, limit %.1f before and %.1f after", share, before, limit)
				if share < 0.9 {
					t.Error("want 0.9")
				}
			})
		})
	}
}
