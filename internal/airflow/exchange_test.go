// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// Nobody listened: the run cannot exist, and no look is needed.
func TestRefusedConnectionIsNotInDoubt(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	listener.Close()
	client := newClient(t, airflow.Config{URL: url, API: airflow.V2})
	_, err = client.Trigger(t.Context(), sales())
	if e := asKind(t, err, airflow.Network); e.InDoubt || !strings.HasPrefix(e.Error(), "network: no answer: dial tcp 127.0.0.1:") {
		t.Errorf("got %v, in doubt %v", e, e.InDoubt)
	}
}

// The server was reached and hung up, before or within its answer.
func TestLostResponseIsInDoubt(t *testing.T) {
	t.Parallel()
	for name, half := range map[string]string{"none": "", "half": `{"dag_id":"load_sales","dag_run_id":`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if half != "" {
					w.Header().Set("Content-Length", "1000")
					_, _ = io.WriteString(w, half)
					w.(http.Flusher).Flush()
				}
				panic(http.ErrAbortHandler)
			}))
			t.Cleanup(server.Close)
			client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2})
			_, err := client.Trigger(t.Context(), sales())
			if e := asKind(t, err, airflow.Network); !e.InDoubt {
				t.Errorf("no doubt is left after %v", e)
			}
		})
	}
}

func TestResetConnectionIsInDoubt(t *testing.T) {
	t.Parallel()
	reset := roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	})
	client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: reset})
	_, err := client.Trigger(t.Context(), sales())
	if e := asKind(t, err, airflow.Network); !e.InDoubt || !errors.Is(e, syscall.ECONNRESET) {
		t.Errorf("no doubt is left after %v", e)
	}
}

// slow are credentials that are never obtained.
type slow struct{ credentials }

func (*slow) Authorize(r *http.Request) error {
	<-r.Context().Done()
	return r.Context().Err()
}

func TestCanceledCallBeforeTheRequestIsNotInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: silent{}, Credentials: &slow{}})
		_, err := client.Trigger(ctx, sales())
		if e := asKind(t, err, airflow.Canceled); e.InDoubt {
			t.Errorf("nothing was sent, and yet a doubt is left by %v", e)
		}
		_, err = client.Trigger(t.Context(), sales())
		if e := asKind(t, err, airflow.NoCredentials); e.InDoubt || !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("got %+v", e)
		}
	})
}

func TestContextEndsTheCall(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		kind airflow.Kind
		is   error
	}{
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, airflow.Timeout, context.DeadlineExceeded},
		"cancel": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, airflow.Canceled, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := row.end(t.Context())
				defer cancel()
				start := time.Now()
				client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: silent{}})
				_, err := client.Trigger(ctx, sales())
				e := asKind(t, err, row.kind)
				if !e.InDoubt || !errors.Is(e, row.is) || time.Since(start) != time.Second {
					t.Errorf("got %+v after %v", e, time.Since(start))
				}
			})
		})
	}
}

// Every answer is read to its end, so that the next call finds the connection open.
func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	replies := []reply{html(500), json(404, `{"detail":"x"}`), created(airflow.V2), html(200), {status: 204},
		problem(409, strings.Repeat(" ", 300<<10))}
	var n atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer := replies[int(n.Add(1)-1)%len(replies)]
		w.WriteHeader(answer.status)
		_, _ = io.WriteString(w, answer.body)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2})
	for range 2 * len(replies) {
		_, _ = client.Trigger(t.Context(), sales())
	}
	if opened.Load() != 1 {
		t.Errorf("%d calls opened %d connections, want 1", 2*len(replies), opened.Load())
	}
}

func TestResponseHeaderIsBounded(t *testing.T) {
	t.Parallel()
	server := serve(t, script{postV2: created(airflow.V2).with("X-Long", strings.Repeat("x", 128<<10))})
	client := newClient(t, airflow.Config{URL: server.URL, API: airflow.V2})
	_, err := client.Trigger(t.Context(), sales())
	if e := asKind(t, err, airflow.Network); !e.InDoubt {
		t.Error(e)
	}
}
