// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// caller meets a Server over a real connection, where a reset is a reset. It
// follows no redirect and keeps no connection, so that every call is one request.
type caller struct {
	*airflowsim.Server
	url    string
	client *http.Client
}

func listen(t *testing.T, config airflowsim.Config) caller {
	t.Helper()
	s := newServer(t, config)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return caller{s, server.URL, &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// reply is what came back over the connection.
type reply struct {
	status int
	header http.Header
	body   string
}

// trigger asks for a run of a DAG on v2, open to everybody.
func (c caller) trigger(ctx context.Context, t *testing.T, dag, id string) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/api/v2/dags/"+dag+"/dagRuns", strings.NewReader(wish(id, "")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

func open33(t *testing.T) airflowsim.Config {
	c := airflow33(t)
	c.Auth = airflowsim.AuthOpen
	return c
}

func TestInjectedFault(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault  airflowsim.Fault
		err    error
		status int
		header string // name: value
		body   string
	}{
		"a hang-up": {fault: airflowsim.Fault{Kind: airflowsim.HangUp}, err: io.EOF},
		"a reset":   {fault: airflowsim.Fault{Kind: airflowsim.Reset}, err: syscall.ECONNRESET},
		"a refusal": {fault: airflowsim.Fault{Kind: airflowsim.Refuse}, status: 503, header: "Content-Type: text/html; " +
			"charset=utf-8", body: "<h1>503 Service Unavailable</h1>"},
		"a refusal to come back": {
			fault: airflowsim.Fault{Kind: airflowsim.Refuse, Status: 429, RetryAfter: 7 * time.Second}, status: 429, header: "Retry-After: 7",
		},
		"a redirect to a login": {
			fault: airflowsim.Fault{Kind: airflowsim.LoginRedirect}, status: 302, header: "Location: /login/?next=/api/v2/dags/d/dagRuns",
		},
		"a redirect to Google's": {
			fault:  airflowsim.Fault{Kind: airflowsim.LoginRedirect, Location: "https://accounts.google.com/o/oauth2/v2/auth?client_id=x"},
			status: 302, header: "Location: https://accounts.google.com/o/oauth2/v2/auth?client_id=x",
		},
		"a login page": {fault: airflowsim.Fault{Kind: airflowsim.LoginPage}, status: 200, header: "Content-Type: text/html; " +
			"charset=utf-8", body: "Sign In - Airflow"},
		"a stall that is over": {
			fault: airflowsim.Fault{Kind: airflowsim.Stall, Delay: time.Nanosecond}, status: 200, body: `"dag_run_id":"r"`,
		},
		"an answer after a stall": {
			fault: airflowsim.Fault{Kind: airflowsim.Stall, Delay: time.Nanosecond, Served: true}, status: 200, body: `"dag_run_id":"r"`,
		},
		"a lost answer": {fault: airflowsim.Fault{Kind: airflowsim.HangUp, Served: true}, err: io.EOF},
		"an answer that is spoilt": {
			fault: airflowsim.Fault{Kind: airflowsim.Refuse, Status: 502, Served: true}, status: 502, body: "<h1>502 Bad Gateway</h1>",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := listen(t, open33(t))
			c.Inject(row.fault)
			got, err := c.trigger(t.Context(), t, "d", "r")
			if !errors.Is(err, row.err) {
				t.Fatalf("got %v, want %v", err, row.err)
			}
			if row.err == nil {
				name, value, _ := strings.Cut(row.header, ": ")
				if got.status != row.status || got.header.Get(name) != value || !strings.Contains(got.body, row.body) {
					t.Errorf("got %+v", got)
				}
			}
			made := row.fault.Served || row.fault.Kind == airflowsim.Stall
			if runs := len(c.Runs()); (runs == 1) != made {
				t.Errorf("got %d runs, want one: %t", runs, made)
			}
			again, err := c.trigger(t.Context(), t, "d", "r")
			if want := map[bool]int{true: 409, false: 200}[made]; err != nil || again.status != want {
				t.Errorf("again: got %v %+v, want %d", err, again, want)
			}
		})
	}
}

func TestFaultSelectsItsRequests(t *testing.T) {
	t.Parallel()
	c := listen(t, open33(t))
	c.Inject(
		airflowsim.Fault{DAG: "paused", Kind: airflowsim.Refuse, Status: 500, Count: 2},
		airflowsim.Fault{Method: http.MethodGet, Kind: airflowsim.Refuse, Status: 501, Count: -1},
		airflowsim.Fault{DAG: "paused", Kind: airflowsim.Refuse, Status: 502},
	)
	var got []int
	for _, dag := range []string{"d", "paused", "paused", "paused", "paused"} {
		reply, err := c.trigger(t.Context(), t, dag, "r")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, reply.status)
	}
	for range 3 {
		got = append(got, do(t, c.Server, get("/api/v2/version").as("-")).Code)
	}
	c.ClearFaults()
	got = append(got, do(t, c.Server, get("/api/v2/version").as("-")).Code)
	if want := []int{200, 500, 500, 502, 200, 501, 501, 501, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRandomFaultsFollowTheSeed(t *testing.T) {
	t.Parallel()
	strikes := func(seed uint64) (codes []int) {
		s := newServer(t, open33(t))
		s.InjectRandom(rand.New(rand.NewPCG(seed, 0)), 0.5,
			airflowsim.Fault{Kind: airflowsim.Refuse, Status: 500}, airflowsim.Fault{Kind: airflowsim.Refuse, Status: 502},
			airflowsim.Fault{DAG: "other", Kind: airflowsim.Refuse, Status: 504})
		for range 200 {
			codes = append(codes, do(t, s, get("/api/v2/version").as("-")).Code)
		}
		return codes
	}
	one := strikes(1)
	if !slices.Equal(one, strikes(1)) || slices.Equal(one, strikes(2)) {
		t.Error("equal seeds differ, or different seeds are equal")
	}
	count := map[int]int{}
	for _, code := range one {
		count[code]++
	}
	if count[200] < 60 || count[500] < 20 || count[502] < 20 || count[504] != 0 {
		t.Errorf("got %v, want about a half, a quarter and a quarter", count)
	}
}

func TestEveryFaultBeforeAndAfterTheWork(t *testing.T) {
	t.Parallel()
	served := 0
	for _, fault := range airflowsim.EveryFault() {
		if fault.Served {
			served++
		}
	}
	if got := len(airflowsim.EveryFault()); got != 2*served || served < 10 {
		t.Errorf("got %d faults, %d of them after the work", got, served)
	}
}

func TestDownRefusesEveryRequest(t *testing.T) {
	t.Parallel()
	c := listen(t, open33(t))
	c.SetDown(true)
	if _, err := c.trigger(t.Context(), t, "d", "r"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
	c.SetDown(false)
	if got, err := c.trigger(t.Context(), t, "d", "r"); err != nil || got.status != 200 {
		t.Errorf("got %v %+v", err, got)
	}
}

// A caller that gives up leaves a run behind, as it does with a busy web server.
func TestStallContinuesWithoutItsCaller(t *testing.T) {
	t.Parallel()
	s := newServer(t, open33(t))
	s.Inject(airflowsim.Fault{Kind: airflowsim.Stall})
	arrived, done := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		close(arrived)
		s.ServeHTTP(w, req)
		close(done)
	}))
	t.Cleanup(server.Close)
	ctx, giveUp := context.WithCancel(t.Context())
	given := make(chan error)
	go func() {
		_, err := caller{s, server.URL, server.Client()}.trigger(ctx, t, "d", "r")
		given <- err
	}()
	<-arrived
	if runs := s.Runs(); len(runs) != 0 {
		t.Errorf("got %v while it is stalled", runs)
	}
	giveUp()
	<-done
	if err := <-given; !errors.Is(err, context.Canceled) || len(s.Runs()) != 1 {
		t.Errorf("got %v and %v", err, s.Runs())
	}
}

func TestStallWaitsForItsChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, open33(t))
		until := make(chan struct{})
		s.Inject(airflowsim.Fault{Kind: airflowsim.Stall, Until: until}, airflowsim.Fault{Kind: airflowsim.Stall, Delay: time.Hour})
		go do(t, s, v2Trigger("d", wish("first", "")).as("-"))
		synctest.Wait()
		go do(t, s, v2Trigger("d", wish("second", "")).as("-"))
		synctest.Wait()
		if runs := s.Runs(); len(runs) != 0 {
			t.Errorf("got %v while both are stalled", runs)
		}
		close(until)
		synctest.Wait()
		if runs := s.Runs(); len(runs) != 1 || runs[0].ID != "first" {
			t.Errorf("got %v, want the first", runs)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if runs := s.Runs(); len(runs) != 2 {
			t.Errorf("got %v, want both", runs)
		}
	})
}
