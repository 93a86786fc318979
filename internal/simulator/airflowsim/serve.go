// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through a handler, with the Server locked.
type call struct {
	*http.Request
	s    *Server
	vars map[string]string // the path's variables
	text []byte            // the body as it came
	body *object           // the body, once the API has parsed it as an object
	now  time.Time
	user User
	// strange is set where a query parameter is not simulated.
	strange bool
}

// dag is the DAG that the path names, nil where there is none.
func (c *call) dag() *dag { return c.s.dags[c.vars["dag_id"]] }

// unsimulated marks a call with a query parameter that Airflow may know and
// this package does not, so that no test takes a filter for obeyed.
func (c *call) unsimulated(known ...string) {
	for name := range c.URL.Query() {
		c.strange = c.strange || !slices.Contains(known, name)
	}
}

// v34 reports whether the Server answers like Airflow 3.4.
func (c *call) v34() bool { return c.s.config.Version == Airflow34 }

// answer is what a handler makes; nothing is written before it is whole.
type answer struct {
	status    int
	mediaType string
	body      []byte
	header    http.Header
	// stream writes the body of an answer that comes in parts; nil where body is all.
	stream func(http.ResponseWriter, *http.Request)
}

func (a answer) with(name, value string) answer {
	if a.header = a.header.Clone(); a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
	return a
}

func (a answer) write(w http.ResponseWriter, req *http.Request) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.stream != nil {
		w.Header()["Content-Type"] = nil // Starlette's StreamingResponse has none
		a.stream(w, req)
		return
	}
	w.Header().Set("Content-Type", a.mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	w.Write(a.body) //nolint:errcheck // a caller that has gone is no concern of the server's
}

// route is a path that Airflow serves. In its pattern {name} is one segment.
type route struct {
	method, pattern string
	serve           func(*call) answer
}

// trigger reports whether the route starts a DAG run, or publishes an asset's event.
func (r route) trigger() bool {
	starts := func(end string) bool { return strings.HasSuffix(r.pattern, end) }
	return r.method == http.MethodPost && slices.ContainsFunc([]string{"/dagRuns", "/dag_runs", "/materialize", "/events"}, starts)
}

// match reads the variables of a path. The path is matched as the web
// frameworks of Airflow do, after it is unescaped: %2F splits a segment.
func (r route) match(path string) (map[string]string, bool) {
	segments, pattern := strings.Split(path, "/"), strings.Split(r.pattern, "/")
	if len(segments) != len(pattern) {
		return nil, false
	}
	vars := map[string]string{}
	for i, want := range pattern {
		name, variable := strings.CutPrefix(want, "{")
		switch {
		case variable && segments[i] != "":
			vars[strings.TrimSuffix(name, "}")] = segments[i]
		case segments[i] != want:
			return nil, false
		}
	}
	return vars, true
}

// apis are the routes of this Server; the first that matches serves a request.
func (s *Server) apis() [][]route {
	switch {
	case s.config.Version == Airflow110:
		return [][]route{experimentalRoutes(), {{http.MethodGet, "/health", v1Health}}}
	case s.config.Version.ServesV2():
		return [][]route{v2Routes(s.config.Version), assetRoutes(s.config.Version), tokenRoutes()}
	case s.config.ExperimentalAPI:
		return [][]route{v1Routes(), datasetRoutes(), experimentalRoutes()}
	}
	return [][]route{v1Routes(), datasetRoutes()}
}

// ServeHTTP answers like Airflow, or as Inject says.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	matched, vars, allowed := s.find(req)
	defer s.faults.count(req, matched)()
	// Read first: net/http notices that a caller has gone once its body is read.
	text, err := io.ReadAll(http.MaxBytesReader(nil, req.Body, maxBody))
	if err != nil {
		hangUp(w, false) // the caller has gone, or sends more than anybody should
		return
	}
	fault, struck := s.faults.strike(req.Method, vars["dag_id"])
	if struck && !fault.Served && !fault.pass(w, req) {
		return
	}
	leave, refusal := s.faults.enter()
	if refusal != nil {
		refusal.write(w, req)
		return
	}
	defer leave()
	a := s.answer(&call{Request: req, s: s, vars: vars, text: text}, matched, allowed)
	if struck && fault.Served && !fault.pass(w, req) {
		return
	}
	a.write(w, req)
}

// find is the route of a request, or the methods that its path has instead.
func (s *Server) find(req *http.Request) (matched *route, vars map[string]string, allowed []string) {
	method := req.Method
	if method == http.MethodHead && !s.config.Version.ServesV2() {
		method = http.MethodGet // Flask answers HEAD wherever it answers GET
	}
	for i, r := range s.routes {
		if vars, ok := r.match(req.URL.Path); ok {
			if r.method == method {
				return &s.routes[i], vars, nil
			}
			allowed = append(allowed, r.method)
		}
	}
	return nil, nil, allowed
}

func (s *Server) answer(c *call, matched *route, allowed []string) answer {
	if matched == nil {
		if !foreign(c.Request) {
			s.unknown(c.Request)
		}
		return s.noRoute(c.Request, allowed)
	}
	if a := s.payload(c); a != nil {
		return *a
	}
	a := s.locked(c, matched)
	if c.strange {
		s.unknown(c.Request)
	}
	return a
}

func (s *Server) locked(c *call, matched *route) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now()
	s.finishDrain(c.dag())
	return matched.serve(c)
}

func (s *Server) unknown(req *http.Request) {
	if s.config.Unknown != nil {
		s.config.Unknown(req)
	}
}

// foreign are the requests that a client of another version sends rightly:
// a probe, or a trigger for the wrong API version.
func foreign(req *http.Request) bool {
	all := slices.Concat(v1Routes(), datasetRoutes(), v2Routes(Airflow34), assetRoutes(Airflow34), tokenRoutes(), experimentalRoutes())
	return slices.ContainsFunc(all, func(r route) bool {
		_, ok := r.match(req.URL.Path)
		return ok && r.method == req.Method
	})
}

// maxBody is the simulator's limit of a body, in bytes; 1.10 and 3.3 have none.
const maxBody = 64 << 20

// has reports whether a path is below a prefix.
func has(u *url.URL, prefix string) bool {
	return u.Path == prefix || strings.HasPrefix(u.Path, prefix+"/")
}
