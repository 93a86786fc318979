// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Kind is what a [Fault] does to a request.
type Kind int

// The kinds.
const (
	// HangUp closes the connection without a word.
	HangUp Kind = iota
	// Reset breaks the connection off.
	Reset
	// Refuse answers with Status and RetryAfter, in a proxy's HTML.
	Refuse
	// LoginRedirect answers 302 to Location.
	LoginRedirect
	// LoginPage answers 200 with a page that asks for a password.
	LoginPage
	// Stall holds the request for Delay, until Until is closed or until the
	// caller gives up, whichever comes first; then it goes on as if nothing
	// had been, whether anybody still listens or not, as a busy web server does.
	Stall
)

// Fault is something that goes wrong.
type Fault struct {
	// DAG and Method choose the requests: empty for any. Only paths of a DAG have one.
	DAG, Method string
	// Count is how many requests it strikes; zero stands for one, and less for all of them.
	Count int

	Kind Kind
	// Served lets Airflow do its work first: the injected failure replaces the
	// answer, so that a run is made and the caller does not learn of it.
	Served bool

	Status     int           // of Refuse; zero stands for 503
	RetryAfter time.Duration // of Refuse, in whole seconds, rounded up; zero for none
	Location   string        // of LoginRedirect; empty stands for Airflow's own /login/
	Delay      time.Duration // of Stall
	Until      <-chan struct{}
}

// EveryFault is one of each kind, before and after the work, for [Server.InjectRandom].
func EveryFault() []Fault {
	kinds := []Fault{
		{Kind: HangUp}, {Kind: Reset}, {Kind: LoginRedirect}, {Kind: LoginPage}, {Kind: Stall, Delay: time.Millisecond},
		{Kind: Refuse, Status: http.StatusInternalServerError}, {Kind: Refuse, Status: http.StatusBadGateway},
		{Kind: Refuse, RetryAfter: time.Second}, {Kind: Refuse, Status: http.StatusTooManyRequests},
		{Kind: Refuse, Status: http.StatusUnauthorized}, {Kind: Refuse, Status: http.StatusForbidden},
	}
	var all []Fault
	for _, fault := range kinds {
		all = append(all, fault)
		fault.Served = true
		all = append(all, fault)
	}
	return all
}

// Requests counts what has arrived, whatever became of it.
type Requests struct {
	Total    int
	Triggers int // POSTs that ask for a DAG run
	Reads    int // GETs
	Peak     int // the most at once
}

// faults strike before Airflow is reached: they stand for the network, a
// proxy and the web server's workers.
type faults struct {
	mu       sync.Mutex
	down     bool
	injected []Fault
	rng      *rand.Rand
	rate     float64
	random   []Fault
	queue    *queue
	inside   int
	requests Requests
}

// Inject adds faults. Of those that fit a request the first strikes.
func (s *Server) Inject(all ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, fault := range all {
		if fault.Count == 0 {
			fault.Count = 1
		}
		s.faults.injected = append(s.faults.injected, fault)
	}
}

// InjectRandom strikes a request with the probability rate, between 0 and 1,
// with one of all that fit it; their Count is ignored. Seed rng and
// print the seed: it decides which faults are injected, though not which of several
// concurrent requests meets them.
func (s *Server) InjectRandom(rng *rand.Rand, rate float64, all ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rng, s.faults.rate, s.faults.random = rng, rate, all
}

// ClearFaults takes back what Inject and InjectRandom brought.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.injected, s.faults.random = nil, nil
}

// SetDown takes the web server down, or up again. While it is down every
// connection is closed before anything is done.
func (s *Server) SetDown(down bool) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.down = down
}

// Requests returns what has arrived so far.
func (s *Server) Requests() Requests {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.requests
}

// count takes note of a request; the caller defers what it returns.
func (f *faults) count(req *http.Request, matched *route) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests.Total++
	switch {
	case req.Method == http.MethodGet:
		f.requests.Reads++
	case matched != nil && matched.trigger():
		f.requests.Triggers++
	}
	f.inside++
	f.requests.Peak = max(f.requests.Peak, f.inside)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inside--
	}
}

// strike returns what to inject into a request, if anything.
func (f *faults) strike(method, dagID string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return Fault{Kind: Reset}, true
	}
	for i := range f.injected {
		if fault := &f.injected[i]; fault.Count != 0 && fault.fits(method, dagID) {
			fault.Count-- // one below zero never comes to it
			return *fault, true
		}
	}
	var fitting []Fault
	for _, fault := range f.random {
		if fault.fits(method, dagID) {
			fitting = append(fitting, fault)
		}
	}
	if len(fitting) == 0 || f.rng.Float64() >= f.rate {
		return Fault{}, false
	}
	return fitting[f.rng.IntN(len(fitting))], true
}

func (fault Fault) fits(method, dagID string) bool {
	return (fault.DAG == "" || fault.DAG == dagID) && (fault.Method == "" || fault.Method == method)
}

// pass injects it, and reports whether the request goes on.
func (fault Fault) pass(w http.ResponseWriter, req *http.Request) bool {
	switch fault.Kind {
	case Stall:
		stall(req.Context(), fault.Delay, fault.Until)
		return true
	case Refuse:
		status := fault.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		refuse(status, fault.RetryAfter).write(w, req)
	case LoginRedirect:
		location := fault.Location
		if location == "" {
			location = "/login/?next=" + req.URL.Path
		}
		page(http.StatusFound, "Redirecting...", "You should be redirected automatically.").with("Location", location).write(w, req)
	case LoginPage:
		signIn.write(w, req)
	default:
		hangUp(w, fault.Kind == Reset)
	}
	return false
}

func refuse(status int, retryAfter time.Duration) answer {
	a := page(status, strconv.Itoa(status)+" "+http.StatusText(status), "nginx")
	if retryAfter > 0 {
		a = a.with("Retry-After", strconv.Itoa(int((retryAfter+time.Second-1)/time.Second)))
	}
	return a
}

// stall waits for what comes first: without a delay and a channel only the
// caller's going does.
func stall(ctx context.Context, delay time.Duration, until <-chan struct{}) {
	var over <-chan time.Time
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-until:
	case <-ctx.Done():
	}
}

// hangUp closes the connection. Where a handler cannot have it, it panics with
// [http.ErrAbortHandler], which is how net/http lets a handler end it.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // as in HTTP/2: net/http closes the stream, and logs nothing
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		tcp.SetLinger(0) //nolint:errcheck // a plain close is as good
	}
	conn.Close()
}
