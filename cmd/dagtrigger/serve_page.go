// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/page"
)

// servedPage is the page of a function that is running; nil for none.
type servedPage struct {
	*openedPage
	program  *program
	function *reloading
	recorder *page.Recorder
	handler  http.Handler // the function, recorded
	flags    serveFlags

	mu           sync.Mutex
	of           *configured // the settings that environments were made of
	environments map[string]*environment.Airflow
}

// pageConnections are those to each host that stay open, as for a function without a page.
const pageConnections = 100

// pageFile has the page's editor and the function follow the same routes file, the one
// that the settings name included.
func (p *program) pageFile(s *serveFlags) error {
	if !s.page {
		return nil
	}
	if p.getenv("K_SERVICE") != "" {
		return &usageError{text: "--page is for a browser on this machine, and this is Cloud Run", hint: `use "dagtrigger page --log FILE"`}
	}
	if s.config == "" && s.dag == "" {
		s.config = p.pathOf("")
	}
	return nil
}

// newServedPage has the function's log and its requests to Airflow recorded.
func (p *program) newServedPage(f *reloading, s serveFlags, bucket *localBucket) *servedPage {
	v := &servedPage{program: p, function: f, flags: s}
	v.recorder = page.NewRecorder(func() page.Explain {
		return p.explains(v.routes(), f.getenv, bucket != nil)
	})
	log := f.log
	f.log = func(level slog.Leveler) *slog.Logger { return v.recorder.Log(log(level)) }
	f.transport = v.recorder.Transport(airflow.NewTransport(pageConnections))
	return v
}

// routes are those in force, at the Airflows that are called.
func (v *servedPage) routes() *pageRoutes {
	c := v.function.config()
	file := config.File{Name: "DAG_ID", Table: c.Table}
	if c.File != nil {
		file = *c.File
	}
	file.Environments = c.Environments
	return &pageRoutes{&file, c.File != nil}
}

// record records what the function serves.
func (v *servedPage) record(function http.Handler) http.Handler {
	if v == nil {
		return function
	}
	v.handler = v.recorder.Handler(function)
	return v.handler
}

// open opens the page.
func (v *servedPage) open(ctx context.Context) (err error) {
	if v == nil {
		return nil
	}
	p := v.program
	parse := config.Parse
	if v.flags.local {
		parse = config.ParseLocal
	}
	v.openedPage, err = p.openPage(ctx, v.flags.pagePort, "--page-port", page.Options{
		Recorder: v.recorder, HasRoutes: true, Function: v.handler, State: v.state, Now: p.now, Number: p.number,
		Routes: page.Routes{
			Path:  v.flags.config,
			Parse: func(text []byte) (config.File, error) { return parse(v.flags.config, text) },
			Current: func() (*config.File, string) {
				c := v.function.config()
				return c.File, c.DAGID
			},
		},
	})
	return err
}

func (v *servedPage) close() error {
	if v == nil || v.openedPage == nil {
		return nil
	}
	return v.openedPage.close()
}

// text says where the page is.
func (v *servedPage) text() string {
	if v == nil {
		return ""
	}
	return "The page is at " + v.url + "\n"
}

// state reads the state of a run.
func (v *servedPage) state(ctx context.Context, name, dagID, runID string) (string, error) {
	env, err := v.environment(name)
	if err != nil {
		return "", err
	}
	run, err := env.Find(ctx, dagID, runID)
	return run.State, err
}

// environment is one of the function's, with separate bounds: reading states never
// takes the place of an event.
func (v *servedPage) environment(name string) (*environment.Airflow, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now := v.function.current.Load(); v.of != now {
		v.of, v.environments = now, map[string]*environment.Airflow{}
	}
	if env := v.environments[name]; env != nil {
		return env, nil
	}
	spec, ok := v.of.config.Environments[name]
	if !ok {
		return nil, fmt.Errorf("the routes name no environment %s any more", name)
	}
	env, err := environment.New(spec, config.Variable, environment.Options{UserAgent: "dagtrigger page"})
	if err == nil {
		v.environments[name] = env
	}
	return env, err
}
