// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/plainjson"
)

// reloadEvery is how often the routes file is checked for changes.
const reloadEvery = 500 * time.Millisecond

// reloading serves the function with the last valid routes file. Events in flight
// at a change end with the routes that they began with.
type reloading struct {
	getenv    func(string) string
	log       newLog            // of the function
	transport http.RoundTripper // to Airflow; nil for a new one
	path      string            // of the file to follow; empty for none
	shadow    string            // of the shadow file to follow; empty for none
	local     *localAirflows    // nil for the user's Airflow
	out       io.Writer         // gets a line for each change
	json      bool

	loaded  state // of the files that were loaded last
	current atomic.Pointer[configured]
}

// configured is a function and the settings that it was made of.
type configured struct {
	*dagtrigger.Function
	config config.Config
}

// config returns the settings of the function that serves now.
func (r *reloading) config() config.Config { return r.current.Load().config }

func (r *reloading) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.current.Load().ServeHTTP(w, req)
}

// load makes the function of the settings and of the file, unless its text is
// the same as before. It reports whether the function is another one.
func (r *reloading) load(ctx context.Context, file *config.File, fileErr error) (bool, error) {
	f, c, err := r.function(ctx, file, fileErr)
	if err != nil {
		return false, err
	}
	if now := r.current.Load(); now != nil && digests(c) == digests(now.config) {
		return false, nil
	}
	if before := r.current.Swap(&configured{f, c}); before != nil {
		before.Close()
	}
	return true, nil
}

// close completes the log, once no event is in flight.
func (r *reloading) close() { r.current.Load().Close() }

// digests are those of the files that c was made of.
func digests(c config.Config) [2]string {
	if c.Shadow == nil {
		return [2]string{c.Digest()}
	}
	return [2]string{c.Digest(), c.Shadow.Digest}
}

// function makes the function that the settings and the file describe.
func (r *reloading) function(ctx context.Context, file *config.File, fileErr error) (*dagtrigger.Function, config.Config, error) {
	getenv := r.getenv
	if r.local != nil && fileErr == nil {
		prepared, err := r.local.prepare(ctx, file, getenv)
		if err != nil {
			return nil, config.Config{}, err
		}
		getenv = prepared
	}
	c, err := config.WithFile(getenv, file, fileErr)
	if err != nil {
		return nil, c, &hintedError{fmt.Errorf("invalid settings:\n%w", err),
			`"dagtrigger help settings" lists them all; without any, "dagtrigger serve" embeds an Airflow`}
	}
	if r.local != nil {
		r.local.connect(&c)
	}
	f, err := dagtrigger.New(c, r.log(c.LogLevel), r.transportTo(c))
	return f, c, err
}

// transportTo is the transport to the Airflows of c. A client certificate needs a new one.
func (r *reloading) transportTo(c config.Config) http.RoundTripper {
	for _, spec := range c.Environments {
		if spec.ClientCertFile != "" {
			return nil
		}
	}
	return r.transport
}

// reload reads the file again and loads it.
func (r *reloading) reload(ctx context.Context) (bool, error) {
	file, err := r.local.read(r.getenv)
	return r.load(ctx, file, err)
}

// follow loads the file again whenever it has changed, until ctx ends. It waits
// until the file looks the same twice: half of a file that is being written can be
// valid, and have routes missing. If the file is invalid, the routes stay as they
// were.
func (r *reloading) follow(ctx context.Context) {
	if r.path == "" && r.shadow == "" {
		return
	}
	before := r.loaded
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := look(r.path, r.shadow)
		settled := now == before
		before = now
		if !settled || now == r.loaded {
			continue
		}
		path := r.path
		if now[0] == r.loaded[0] {
			path = r.shadow
		}
		r.loaded = now
		if changed, err := r.reload(ctx); changed || err != nil {
			r.report(path, err)
		}
	}
}

// state is what changes when one of the two files is written.
type state [2]struct {
	size     int64
	modified time.Time
}

// look returns the state of files, zero for one that is not there.
func look(paths ...string) (s state) {
	for i, path := range paths {
		if info, err := os.Stat(path); err == nil {
			s[i].size, s[i].modified = info.Size(), info.ModTime()
		}
	}
	return s
}

// report prints what came of a change, and logs an error: who runs the function
// may read its log alone. What was loaded is in the log already.
func (r *reloading) report(path string, err error) {
	if err != nil {
		r.log(r.config().LogLevel).Error("routes not reloaded: the function keeps those that it has",
			slog.String("file", path), slog.String("reason", err.Error()))
	}
	switch { // a closed standard output is reported at the end of the command
	case r.json && err != nil:
		_ = plainjson.Encode(r.out, map[string]any{"reloaded": false, "error": err.Error()})
	case r.json:
		_ = plainjson.Encode(r.out, map[string]any{"reloaded": true, "digest": r.config().Digest()})
	case err != nil:
		_, _ = fmt.Fprintf(r.out, "%s has changed, and the routes stay as they were: %v\n", path, err)
	default:
		_, _ = fmt.Fprintf(r.out, "%s has changed, and its routes are in force.\n", path)
	}
}
