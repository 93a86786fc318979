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
