// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

const (
	// firstPause is the pause after a refusal, doubled with each further one up
	// to longestPause. A directory locks an account after 5 to 10 wrong
	// passwords: these are 6 tries in half an hour.
	firstPause   = 30 * time.Second
	longestPause = 15 * time.Minute
	// provenTime is how long a success vouches for the requests that follow.
	provenTime = time.Minute
)

// everything is the resource that stands for all resources.
const everything = ""

// tries keeps refused credentials from being sent again and again, which locks
// the account in many directories.
//
// Until a first request succeeds, requests are sent one at a time, so that one
// refusal is enough. After a refusal the same resource is requested again only
// after a pause that grows. A second resource that is refused, without a success
// in between, pauses everything: then it is not a role for one DAG that is
// missing. A secret that has changed ends every pause.
type tries struct {
	secrets func() string // identifies the secrets as they are now

	mu      sync.Mutex
	proven  time.Time         // the last success; zero after a refusal
	suspect string            // the resource that was refused since the last success
	sending *http.Request     // the one that others wait for
	paused  map[string]*pause // by resource
	changed chan struct{}     // closed when any of the above changes
}

// pause is what follows a refusal.
type pause struct {
	length  time.Duration
	from    time.Time
	secrets string // that were refused
	refusal *airflow.Error
}

func (p *pause) end() time.Time { return p.from.Add(p.length) }

// enter waits until the request may be sent, or returns why it is not. Each
// entered request is followed by exactly one of accept, refuse and leave.
func (t *tries) enter(req *http.Request) error {
	ctx, resource := req.Context(), resourceOf(req)
	for {
		wait, err := t.tryEnter(req, resource)
		if wait == nil || err != nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the first answer to these credentials: %w", ctx.Err())
		}
	}
}

// tryEnter returns a channel to wait on, or an error, or neither where the
// request may be sent.
func (t *tries) tryEnter(req *http.Request, resource string) (<-chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	p := t.pauseOf(resource)
	if p != nil && now.Before(p.end()) {
		return nil, p.error(now)
	}
	free := p == nil && !t.proven.IsZero() && now.Sub(t.proven) < provenTime
	switch {
	case free:
		return nil, nil //nolint:nilnil // neither: the request may be sent
	case t.sending == nil:
		t.sending = req
		return nil, nil //nolint:nilnil // likewise
	case p != nil:
		return nil, p.error(now)
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return t.changed, nil
}

// pauseOf is the pause that holds for a resource, nil for none. Other secrets
// than were refused end all pauses.
func (t *tries) pauseOf(resource string) *pause {
	p := t.paused[everything]
	if own := t.paused[resource]; p == nil || own != nil && own.end().After(p.end()) {
		p = own
	}
	if p != nil && t.secrets() != p.secrets {
		t.paused = nil
		return nil
	}
	return p
}

// accept records that a request succeeded, which proves the credentials.
func (t *tries) accept(req *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.end(req)
	delete(t.paused, resourceOf(req))
	if isAnonymous(req) {
		return
	}
	t.proven, t.suspect = time.Now(), ""
	delete(t.paused, everything)
}

// refuse records that a request was refused.
func (t *tries) refuse(req *http.Request, refusal *airflow.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.end(req)
	resource, secrets := resourceOf(req), t.secrets()
	t.lengthen(resource, secrets, refusal)
	if isAnonymous(req) || isRole(refusal) {
		return
	}
	t.proven = time.Time{}
	if t.suspect != "" && t.suspect != resource {
		t.lengthen(everything, secrets, refusal)
	}
	t.suspect = resource
}

// isRole reports whether Airflow knows the caller, and refuses what it asked
// for: Airflow 3 answers 401 to a caller that it does not know, Airflow 2 may
// answer 403 to both.
func isRole(refusal *airflow.Error) bool {
	return refusal.Kind == airflow.Forbidden && refusal.API == airflow.V2 && refusal.Source == airflow.FromAirflow
}

// lengthen pauses a resource, for longer than before. Requests that were sent
// before the first refusal was known do not add to it.
func (t *tries) lengthen(resource, secrets string, refusal *airflow.Error) {
	now := time.Now()
	p := t.paused[resource]
	if p != nil && now.Before(p.end()) {
		return
	}
	length := firstPause
	if p != nil {
		length = min(2*p.length, longestPause)
	}
	if t.paused == nil {
		t.paused = map[string]*pause{}
	}
	kept := *refusal // the caller goes on to change its own
	t.paused[resource] = &pause{length: length, from: now, secrets: secrets, refusal: &kept}
}

// leave records that a request had no answer that says anything about the
// credentials.
func (t *tries) leave(req *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(req)
}

// end lets the next request be sent. t.mu is held.
func (t *tries) end(req *http.Request) {
	if t.sending == req {
		t.sending = nil
	}
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

// error is why a request is not sent: the refusal that it would meet again. It
// keeps its kind, and has no status.
func (p *pause) error(now time.Time) *airflow.Error {
	e := *p.refusal
	e.Status, e.MediaType, e.Renewed, e.InDoubt = 0, "", false, false
	wait := max(p.end().Sub(now), time.Second)
	e.RetryAfter = wait
	e.Said = fmt.Sprintf("not sent: these credentials were refused %s ago, and are tried again in %s or when their secret changes; the "+
		"refusal was: %s",
		now.Sub(p.from).Round(time.Second), wait.Round(time.Second), p.refusal.Said)
	return &e
}

// dagPath is a DAG in a path of any API version.
var dagPath = regexp.MustCompile(`^.*/dags/[^/]+`)

// resourceOf is what a permission is for: a method, and a DAG or a path.
func resourceOf(req *http.Request) string {
	path := req.URL.Path
	if dag := dagPath.FindString(path); dag != "" {
		path = dag
	}
	return req.Method + " " + path
}

// isAnonymous reports whether the request is for what Airflow shows to any
// caller, so that a success proves nothing.
func isAnonymous(req *http.Request) bool {
	path := req.URL.Path
	return strings.HasSuffix(path, "/version") || strings.HasSuffix(path, "/health") || strings.HasSuffix(path, "/experimental/test")
}
