// SPDX-License-Identifier: Apache-2.0

// Package page implements the web page of the command line: the events that a function
// receives and the runs that they become, its routes, a place to try an event, and the
// same views of a log.
//
// It decides nothing: what an event starts is explained, and events are delivered, by the
// function's own code that its options name. It listens to this machine's browser alone,
// loads nothing from elsewhere, and never shows a credential or the value of a setting.
package page

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"sync/atomic"
	"time"

	"example.com/dagtrigger/internal/plainjson"
)

//go:embed static
var files embed.FS

// Options are what the page is about.
type Options struct {
	Recorder *Recorder
	// Log is the name of the log that the recorder was filled from; empty for a function
	// that is running.
	Log string
	// Function takes the events that are sent; nil where there is none.
	Function http.Handler
	// State reads the state of a run; nil where no Airflow is asked.
	State State
	// Routes are those in force, where HasRoutes is set.
	HasRoutes bool
	Routes    Routes
	// Now and Number make new events: a time, and where their ids begin.
	Now    func() time.Time
	Number func() int64
}

// Page is the handler of the page. Its streams end with the context of [New].
type Page struct {
	Options
	recorder *Recorder
	state    State
	streams  atomic.Int64
	ctx      context.Context //nolint:containedctx // the streams end with it
	mux      *http.ServeMux
}

// New makes the page. It reads the states of runs until ctx ends.
func New(ctx context.Context, o Options) (*Page, error) {
	p := &Page{Options: o, recorder: o.Recorder, state: o.State, ctx: ctx, mux: http.NewServeMux()}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	p.mux.Handle("GET /", http.FileServerFS(static))
	p.mux.HandleFunc("GET /api/about", p.about)
	p.mux.HandleFunc("GET /api/stream", p.stream)
	p.mux.HandleFunc("GET /api/events/{number}", p.event)
	if o.HasRoutes {
		p.mux.HandleFunc("GET /api/routes", p.routes)
		p.mux.HandleFunc("GET /api/schema", p.schema)
		p.mux.HandleFunc("POST /api/check", p.check)
		p.mux.HandleFunc("POST /api/routes", p.save)
		p.mux.HandleFunc("POST /api/explain", p.explain)
		p.mux.HandleFunc("POST /api/send", p.send)
		p.mux.HandleFunc("POST /api/examples", p.addExample)
	}
	if p.state != nil {
		go p.follow(ctx)
	}
	return p, nil
}

// policy has the browser load only what this server sends, and no page frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP refuses other hosts and origins, then serves.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if reason := refused(r); reason != "" {
		fail(w, http.StatusForbidden, errors.New(reason))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	p.mux.ServeHTTP(w, r)
}

// maxRequest bounds what the page sends, in bytes: a routes file has at most 1 MiB.
const maxRequest = 4 << 20

// about says which views there are.
func (p *Page) about(w http.ResponseWriter, _ *http.Request) {
	var views []string
	switch {
	case p.Log != "":
		views = append(views, "log")
	case p.Function != nil:
		views = append(views, "now")
	}
	if p.HasRoutes {
		views = append(views, "routes", "try")
	}
	answer(w, map[string]any{
		"views": views, "log": p.Log, "routes": p.Routes.Path, "tests": p.Routes.tests(),
		"sends": p.Function != nil, "states": p.state != nil,
	})
}

// answer writes JSON.
func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = plainjson.Encode(w, body) // the browser may have gone
}

// fail writes an error.
func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = plainjson.Encode(w, map[string]string{"error": err.Error()}) // the browser may have gone
}

// decode reads a request of the page, strictly.
func decode(w http.ResponseWriter, r *http.Request, to any) bool {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(to)
	if err == nil {
		if _, end := dec.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("there is more after the JSON object")
		}
	}
	if err == nil {
		return true
	}
	status := http.StatusBadRequest
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		status = http.StatusRequestEntityTooLarge
	}
	fail(w, status, err)
	return false
}
