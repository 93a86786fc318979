// SPDX-License-Identifier: Apache-2.0

package pressure_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/pressure"
)

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
