// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
)

// The bounds on what is kept. Beyond them the oldest is forgotten.
const (
	MaxEvents  = 10_000
	maxBody    = 256 << 10 // bytes of a request's body, for its story
	maxBodies  = 64 << 20  // bytes of all bodies
	maxAnswer  = 64 << 10  // bytes of a request to Airflow, and of its answer
	maxCalls   = 20        // requests to Airflow for one request
	maxLines   = 40        // lines of the log for one request
	maxBatch   = 100       // events of one request that have a row each
	maxPending = 1 << 20   // bytes of a response that are read for outcomes
)

// Recorder keeps the last events that a function received: the request, the outcomes,
// what Airflow was sent and answered, and the lines of the log. It is safe for any
// number of requests at once.
type Recorder struct {
	now func() time.Time

	mu      sync.Mutex
	next    int      // the number of the next event
	version int      // grows with each change of a row
	events  []*kept  // in order of their numbers, at most MaxEvents
	bodies  []*story // those that have a body, oldest first
	size    int      // bytes of bodies
	counts  map[string]map[string]int
	changed chan struct{} // closed at the next change
	explain func() Explain
}

// Explain shows what the routes make of the events of a request, in the form that
// "dagtrigger explain --json" prints.
type Explain func(context.Context, delivery.Request) ([]Explained, error)

// Explained is what the routes make of one event.
type Explained struct {
	EventID string `json:"-"`
	Result  any
}

// MarshalJSON is that of the result.
func (e Explained) MarshalJSON() ([]byte, error) { return json.Marshal(e.Result) }

// kept is a row and what it is about.
type kept struct {
	Row
	version int
	due     time.Time // when the states of its runs are read again
	story   *story
}

// story is a request and what came of it. The events of a batch share it.
type story struct {
	header  http.Header
	explain Explain

	mu       sync.Mutex
	body     []byte
	hasBody  bool // false where it was too large, or forgotten
	response string
	calls    []call
	lines    []string
}

// NewRecorder makes a recorder without events. explain returns the explanation by the
// routes that are in force when it is called; it is called once for each request.
func NewRecorder(explain func() Explain) *Recorder {
	return &Recorder{now: time.Now, next: 1, counts: map[string]map[string]int{}, changed: make(chan struct{}), explain: explain}
}

type storyKey struct{}

// storyOf is the story that a request of the context belongs to; nil for none.
func storyOf(ctx context.Context) *story {
	s, _ := ctx.Value(storyKey{}).(*story)
	return s
}

// Handler records the requests that h serves. Only POST brings events.
func (r *Recorder) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodPost {
			h.ServeHTTP(w, req)
			return
		}
		body, err := peek(req)
		if err != nil { // the function reports it
			h.ServeHTTP(w, req)
			return
		}
		s := &story{header: req.Header.Clone(), explain: r.explain()}
		if s.hasBody = len(body) <= maxBody; s.hasBody {
			s.body = body
		}
		rows := r.begin(s, eventsOf(body, req.Header))
		answer := &answerRecorder{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(answer, req.WithContext(context.WithValue(req.Context(), storyKey{}, s)))
		r.end(s, rows, answer)
	})
}

// peek reads the body of a request, and leaves it to be read again.
func peek(req *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(req.Body, event.MaxBody+1))
	req.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), req.Body), req.Body}
	return body, err
}

// eventsOf are the events of a request, as the function reads them; none where it is
// not an event.
func eventsOf(body []byte, header http.Header) []event.Event {
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1", bytes.NewReader(body))
	if err != nil {
		return nil
	}
	req.Header = header.Clone()
	if event.DecodeContent(req) != nil {
		return nil
	}
	events, _ := event.FromRequest(req, event.MaxBody) // the function answers with the error
	return events
}

// begin adds a row for each event, or one for a request that has none or too many.
func (r *Recorder) begin(s *story, events []event.Event) []*kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var added []*kept
	if len(events) == 0 || len(events) > maxBatch {
		row := Row{Type: "not an event"}
		if len(events) > 0 {
			row = Row{Type: "batch of events", Subject: events[0].Subject, Source: events[0].Source}
		}
		added = append(added, r.add(row, s, now))
	}
	if len(added) == 0 {
		for i := range events {
			added = append(added, r.add(rowOf(&events[i]), s, now))
		}
	}
	if s.hasBody {
		r.bodies, r.size = append(r.bodies, s), r.size+len(s.body)
	}
	for r.size > maxBodies {
		r.size -= len(r.bodies[0].body)
		r.bodies[0].forget()
		r.bodies = r.bodies[1:]
	}
	r.wake()
	return added
}

// add adds a row. The lock is held.
func (r *Recorder) add(row Row, s *story, now time.Time) *kept {
	row.Number, row.At = r.next, now.UTC().Format(time.RFC3339Nano)
	r.version++
	k := &kept{Row: row, version: r.version, story: s}
	r.next++
	if len(r.events) == MaxEvents {
		r.events[0] = nil
		r.events = r.events[1:]
	}
	r.events = append(r.events, k)
	return k
}

// forget drops a body.
func (s *story) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.hasBody = nil, false
}

// end fills the outcomes in.
func (r *Recorder) end(s *story, rows []*kept, answer *answerRecorder) {
	text := answer.body.String()
	s.mu.Lock()
	s.response = text
	s.mu.Unlock()
	outcomes, reason := outcomesOf(answer.body.Bytes())
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range rows {
		k.Status = answer.status
		k.Reason = reason
		for _, o := range outcomes {
			if len(rows) == 1 || o.EventID == k.ID {
				k.Outcomes = append(k.Outcomes, o)
			}
		}
		k.due = r.now()
		r.touch(k)
	}
	for _, o := range outcomes {
		r.count(o.Route, o.Kind, max(o.Count, 1))
	}
	r.wake()
}

// count adds up the outcomes of a route. The lock is held.
func (r *Recorder) count(route, kind string, n int) {
	if r.counts[route] == nil {
		if len(r.counts) >= maxRoutes {
			return
		}
		r.counts[route] = map[string]int{}
	}
	r.counts[route][kind] += n
}

// maxRoutes bounds the routes that are counted: a file that is edited has others.
const maxRoutes = 1000

// touch marks a row as changed. The lock is held.
func (r *Recorder) touch(k *kept) {
	r.version++
	k.version = r.version
}

// wake ends the waiting of the streams. The lock is held.
func (r *Recorder) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// since are the rows that changed after a version, in the order of their numbers, and
// the version that they show. The channel is closed at the next change.
func (r *Recorder) since(version int) (rows []Row, now int, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if version < r.version {
		for _, k := range r.events {
			if k.version > version {
				rows = append(rows, k.clone())
			}
		}
	}
	return rows, r.version, r.changed
}

// find is the event with a number; nil where it was forgotten.
func (r *Recorder) find(number int) *kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) == 0 {
		return nil
	}
	i := number - r.events[0].Number
	if i < 0 || i >= len(r.events) {
		return nil
	}
	k := *r.events[i]
	k.Row = k.clone()
	return &k
}

// totals are the outcomes so far, by route and outcome.
func (r *Recorder) totals() map[string]map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]map[string]int, len(r.counts))
	for route, kinds := range r.counts {
		all[route] = map[string]int{}
		for kind, n := range kinds {
			all[route][kind] = n
		}
	}
	return all
}

// answerRecorder keeps the beginning of a response.
type answerRecorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Unwrap lets the function set deadlines.
func (a *answerRecorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (a *answerRecorder) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerRecorder) Write(b []byte) (int, error) {
	a.body.Write(b[:min(len(b), maxPending-min(a.body.Len(), maxPending))])
	return a.ResponseWriter.Write(b)
}

// shownHeaders are the headers of a request, without credentials.
func shownHeaders(header http.Header) (shown []delivery.Header) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			if isSecretName(name) {
				value = hidden
			}
			shown = append(shown, delivery.Header{Name: name, Value: value})
		}
	}
	return shown
}

// hidden stands for what the page does not show.
const hidden = "(not shown)"

// isSecretName reports whether what has the name may be a credential.
func isSecretName(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"authorization", "cookie", "token", "secret", "password", "assertion", "api-key", "apikey", "signature"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
