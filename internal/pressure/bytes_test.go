// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

const mib = 1 << 20

// sender is the other end of a body: it sends so many bytes, and then goes on
// or stalls. It obeys the deadline, as a connection does.
type sender struct{ net.Conn }

// send starts a sender of so many bytes, in chunks with a pause before each.
// At the end it closes the body, unless it stalls.
func send(size, chunk int, pause time.Duration, stalls bool) *sender {
	near, far := net.Pipe()
	go func() {
		for sent := 0; sent < size; sent += chunk {
			<-time.After(pause)
			if _, err := far.Write(make([]byte, min(chunk, size-sent))); err != nil {
				return
			}
		}
		if !stalls {
			_ = far.Close()
		}
	}()
	return &sender{near}
}

// receive reads a whole body, as a request's handler does.
func receive(ctx context.Context, b *pressure.Bytes, s *sender) (*pressure.Body, int64, error) {
	body := b.Body(ctx, s, -1, s.SetReadDeadline)
	n, err := io.Copy(io.Discard, struct{ io.Reader }{body})
	return body, n, err
}

func TestBytesAreCountedAsTheyAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(0)
		body, n, err := receive(t.Context(), b, send(3*mib, mib, 0, false))
		if err != nil || n != 3*mib || b.InFlight() != 3*mib {
			t.Errorf("read %d, %v, and %d are in flight", n, err, b.InFlight())
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
		if b.InFlight() != 3*mib {
			t.Error("closing a body forgets it, though the event is still there")
		}
		body.Release()
		body.Release()
		if b.InFlight() != 0 {
			t.Errorf("%d bytes are left", b.InFlight())
		}
	})
}

func TestBodyIsReadUnchanged(t *testing.T) {
	t.Parallel()
	want := make([]byte, 100_000)
	for i := range want {
		want[i] = byte(rand.Uint32())
	}
	b := pressure.NewBytes(0)
	body := b.Body(t.Context(), io.NopCloser(bytes.NewReader(want)), -1, func(time.Time) error { return errors.ErrUnsupported })
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func TestSingleBodyOfAnySizeIsAdmitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(mib)
		body, n, err := receive(t.Context(), b, send(16*mib, mib, time.Millisecond, false))
		if err != nil || n != 16*mib {
			t.Errorf("read %d, %v", n, err)
		}
		body.Release()
	})
}

func TestBodyWaitsForMemoryUntilItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(2 * mib)
		first, _, _ := receive(t.Context(), b, send(2*mib, mib, 0, false))
		second, _, _ := receive(t.Context(), b, send(mib, mib, 0, false)) // the one beyond the bound
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		began := time.Now()
		third, n, err := receive(ctx, b, send(mib, mib, 0, true))
		if !errors.Is(err, pressure.ErrMemory) || !errors.Is(err, context.DeadlineExceeded) || n != 0 || time.Since(began) != 5*time.Minute {
			t.Errorf("read %d, %v after %v", n, err, time.Since(began))
		}
		const want = "this instance holds as many bytes of requests as it may: send it again later (context deadline exceeded)"
		if err.Error() != want {
			t.Errorf("%v", err)
		}
		_ = third.Close()
		third.Release()
		done := make(chan error)
		go func() {
			_, _, err := receive(t.Context(), b, send(mib, mib, 0, false))
			done <- err
		}()
		synctest.Wait()
		first.Release()
		if err := <-done; err != nil {
			t.Errorf("after another was released: %v", err)
		}
		second.Release()
	})
}

// An event of a few bytes is handled while large ones wait for memory.
func TestSmallBodyDoesNotWaitForLargeOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(mib)
		full, _, _ := receive(t.Context(), b, send(mib, mib, 0, false))
		beyond, _, _ := receive(t.Context(), b, send(mib, mib, 0, false))
		ended, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for size, want := range map[int64]error{1000: nil, 32 << 10: nil, 33 << 10: pressure.ErrMemory, -1: pressure.ErrMemory} {
			s := send(1000, 1000, 0, false)
			body := b.Body(ended, s, size, s.SetReadDeadline)
			if _, err := io.ReadAll(body); !errors.Is(err, want) {
				t.Errorf("%d bytes announced: %v, want %v", size, err, want)
			}
			if want == nil && body.WaitForMemory() != nil {
				t.Errorf("%d bytes announced: what is computed for it waits", size)
			}
			body.Release()
			_ = s.Close()
		}
		full.Release()
		beyond.Release()
	})
}

func TestOldestBodyIsServedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(mib)
		full, _, _ := receive(t.Context(), b, send(mib, mib, 0, false))
		beyond, _, _ := receive(t.Context(), b, send(mib, mib, 0, false))
		bodies := make([]*pressure.Body, 5)
		for i := range bodies {
			s := send(mib, mib, 0, false)
			bodies[i] = b.Body(t.Context(), s, -1, s.SetReadDeadline)
		}
		var mu sync.Mutex
		var order []int
		for i := range bodies { // the youngest begins to wait first
			go func() {
				n, err := io.ReadFull(bodies[4-i], make([]byte, mib))
				if err != nil {
					t.Errorf("body %d: %d, %v", 4-i, n, err)
				}
				mu.Lock()
				order = append(order, 4-i)
				mu.Unlock()
				bodies[4-i].Release()
			}()
			synctest.Wait()
		}
		full.Release() // what is left is all taken: one at a time goes beyond it
		synctest.Wait()
		beyond.Release()
		if fmt.Sprint(order) != "[0 1 2 3 4]" {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestStalledSenderIsDisconnected(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		s     func() *sender
		after time.Duration
		ok    bool
	}{
		{"nothing comes", func() *sender { return send(0, 1, 0, true) }, 10 * time.Second, false},
		{"it stalls in the middle", func() *sender { return send(15*mib, mib, 0, true) }, 10 * time.Second, false},
		{"a byte now and then", func() *sender { return send(mib, 1, time.Second, false) }, 10 * time.Second, false},
		{"slowly, but it goes on", func() *sender { return send(mib, 16<<10, 9*time.Second, false) }, 64 * 9 * time.Second, true},
		{"little, but it ends", func() *sender { return send(9, 1, time.Second, false) }, 9 * time.Second, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := pressure.NewBytes(0)
				began := time.Now()
				body, _, err := receive(t.Context(), b, row.s())
				if took := time.Since(began); took != row.after {
					t.Errorf("it took %v, want %v", took, row.after)
				}
				if row.ok != (err == nil) || !row.ok && !errors.Is(err, pressure.ErrStalled) {
					t.Errorf("read: %v", err)
				}
				_ = body.Close()
				body.Release()
				if b.InFlight() != 0 {
					t.Errorf("%d bytes are left", b.InFlight())
				}
				<-time.After(time.Minute) // the sender notices
			})
		})
	}
}

func TestStalledSenderIsDisconnectedSoonerWhenOthersWait(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name         string
		pause        time.Duration // before each half of what it sends
		others, want time.Duration // when another comes, and when it is cut off
	}{
		{"another comes at once", 0, 0, 2 * time.Second},
		{"another comes soon", 0, time.Second, 3 * time.Second},
		{"another comes late", 0, 9 * time.Second, 10 * time.Second},
		{"it goes on while another waits", 1500 * time.Millisecond, time.Second, 5 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := pressure.NewBytes(mib)
				full, _, _ := receive(t.Context(), b, send(mib, mib, 0, false))
				defer full.Release()
				began, cut := time.Now(), make(chan time.Duration, 1)
				go func() { // the one that may go on beyond the bound
					body, _, err := receive(t.Context(), b, send(mib/2, mib/4, row.pause, true))
					if !errors.Is(err, pressure.ErrStalled) {
						t.Errorf("the one that stalls: %v", err)
					}
					cut <- time.Since(began)
					_ = body.Close()
					body.Release()
				}()
				synctest.Wait()
				<-time.After(row.others)
				other, _, err := receive(t.Context(), b, send(mib/2, mib/2, 0, false))
				if err != nil {
					t.Errorf("the one that waits: %v", err)
				}
				other.Release()
				if after := <-cut; after != row.want {
					t.Errorf("it was cut off after %v, want %v", after, row.want)
				}
				<-time.After(time.Minute) // the sender notices
			})
		})
	}
}

// The routes of one request wait at once: the one request that may go on beyond the
// bound ends only when all of them have gone on.
func TestRequestBeyondTheBoundGoesOnWithAllItsRoutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(mib)
		body := func() *pressure.Body {
			return b.Body(t.Context(), http.NoBody, 0, func(time.Time) error { return nil })
		}
		full, beyond, waits := body(), body(), body()
		full.Hold(2 * mib)
		if err := beyond.WaitForMemory(); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if err := waits.WaitForMemory(); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		beyond.Release()
		group.Wait()
		waits.Release()
		full.Release()
	})
}

func TestWaitingForMemoryDoesNotCountAsStalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(mib)
		full, _, _ := receive(t.Context(), b, send(mib, mib, 0, false))
		beyond, _, _ := receive(t.Context(), b, send(mib, mib, 0, false))
		done := make(chan error)
		go func() {
			_, _, err := receive(t.Context(), b, send(mib, mib, 0, false))
			done <- err
		}()
		<-time.After(time.Hour)
		full.Release()
		beyond.Release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestStalledSendersDoNotBlockOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most, size = 4 * mib, 2 * mib
		b := pressure.NewBytes(most)
		var group sync.WaitGroup
		handle := func(s *sender) error {
			body, _, err := receive(t.Context(), b, s)
			_ = body.Close()
			body.Release()
			return err
		}
		for range 100 {
			group.Go(func() {
				if err := handle(send(size, mib/4, time.Millisecond, true)); !errors.Is(err, pressure.ErrStalled) {
					t.Errorf("a stalled sender: %v", err)
				}
			})
		}
		for range 80 {
			group.Go(func() {
				if err := handle(send(mib/8, mib/8, time.Millisecond, false)); err != nil {
					t.Errorf("a good sender: %v", err)
				}
			})
		}
		watching, stop := context.WithCancel(t.Context())
		go func() {
			for watching.Err() == nil {
				if n := b.InFlight(); n > most+size+(32<<10) {
					t.Errorf("%d MiB are in flight", n/mib)
				}
				<-time.After(50 * time.Millisecond)
			}
		}()
		group.Wait()
		stop()
		<-time.After(time.Minute)
		if b.InFlight() != 0 {
			t.Errorf("%d bytes are left", b.InFlight())
		}
	})
}

func TestBodiesBeingReadDoNotDeadlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pressure.NewBytes(mib)
		var group sync.WaitGroup
		for range 50 { // together fifty times what may be in memory
			group.Go(func() {
				body, n, err := receive(t.Context(), b, send(mib, 64<<10, time.Millisecond, false))
				if err != nil || n != mib {
					t.Errorf("read %d, %v", n, err)
				}
				<-time.After(time.Second) // what is done with it
				body.Release()
			})
		}
		group.Wait()
	})
}

func TestConnectionOutlivesTheBodyDeadline(t *testing.T) {
	t.Parallel()
	b := pressure.NewBytes(0)
	var deadlines []time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := b.Body(r.Context(), r.Body, r.ContentLength, func(d time.Time) error {
			deadlines = append(deadlines, d)
			return http.NewResponseController(w).SetReadDeadline(d)
		})
		defer body.Release()
		if _, err := io.Copy(w, body); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	resp, err := server.Client().Post(server.URL, "text/plain", bytes.NewReader(make([]byte, mib)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); n != mib || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if last := deadlines[len(deadlines)-1]; !last.IsZero() {
		t.Errorf("the deadline stays at %v: the server would take it for the end of the connection", last)
	}
}
