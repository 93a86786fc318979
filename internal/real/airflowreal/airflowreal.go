// SPDX-License-Identifier: Apache-2.0

// Package airflowreal runs a real Airflow on this machine, for tests and for
// demonstrations: it installs a version from a locked list, starts it on
// PostgreSQL with users and DAGs, and leaves no process and no file behind,
// however the program that called it ends.
//
//	a, err := airflowreal.Start(ctx, airflowreal.Options{Version: "3.3.2", Scheduler: true})
//	if err != nil {
//		return err
//	}
//	defer a.Close()
//	fmt.Println("open", a.URL, "as", a.Admin.Name, a.Admin.Password)
//
// What it keeps is in the user's cache folder, below dagtrigger: a virtual
// environment per list, and prepared databases. Removing that folder is safe
// at any time that no test runs.
//
// The package calls the REST API for a token and for health only; Airflow
// listens on 127.0.0.1 alone. It runs on Linux and macOS. Elsewhere than on Linux
// a process that left its process group can outlive the program.
package airflowreal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options say which Airflow to start. Only Version is required.
type Options struct {
	Version string // one of Versions
	// DAGs is a folder of DAGs; nil stands for DAGs(). Its folder "before", if
	// it has one, holds files as they were earlier: Airflow loads those first.
	DAGs fs.FS
	// Scheduler runs the scheduler as well, and on Airflow 3 the DAG processor,
	// so that runs run. Without it, runs stay queued. With it, Airflow 2 will
	// in time set BrokenDAG inactive.
	Scheduler bool
	Database  Database
	// Config holds further settings of Airflow by the name of their variable
	// less AIRFLOW__, such as API__ENABLE_EXPERIMENTAL_API. They go before
	// this package's own.
	Config map[string]string
	// Environment are further variables of Airflow's environment, such as those of an
	// emulator. They go before this package's own.
	Environment map[string]string
	// Progress gets a line for each step that takes time; it may be nil.
	Progress func(string)
}

// Airflow is a running Airflow.
type Airflow struct {
	URL      string // of the web server, without a slash at the end
	Version  string
	Database string // such as "PostgreSQL 15"
	Admin    User
	Viewer   User

	builder    *builder
	settings   settings
	scheduled  bool
	schedulers []*process
	stopDB     func() error

	mu  sync.Mutex
	web *process // the last one, which may have ended
}

// Start installs what is missing and starts an Airflow. It returns once the
// web server, and the scheduler if asked for, are healthy. ctx
// bounds the start alone. Where it fails, nothing is left running, and the
// error ends in what to do, or in the log of what failed; a [MissingError] is in
// it where this machine lacks a part.
func Start(ctx context.Context, o Options) (*Airflow, error) {
	if err := checkConfig(o.Config); err != nil {
		return nil, err
	}
	b, err := newBuilder(ctx, o.Version, o.Progress)
	if err != nil {
		return nil, fmt.Errorf("starting Airflow %s: %w", o.Version, err)
	}
	a := &Airflow{Version: o.Version, Admin: admin, Viewer: viewer, builder: b, scheduled: o.Scheduler}
	if err := a.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("starting Airflow %s: %w", o.Version, err), a.Close())
	}
	return a, nil
}

func (a *Airflow) start(ctx context.Context, o Options) error {
	dags := o.DAGs
	if dags == nil {
		dags = DAGs()
	}
	i, err := a.builder.install(ctx)
	if err != nil {
		return err
	}
	db, err := a.builder.findDatabase(ctx, o.Database)
	if err != nil {
		return err
	}
	a.Database = db.String()
	folder := a.builder.path("database")
	p, err := a.builder.prepare(ctx, db, dags, folder)
	if err != nil {
		return err
	}
	var url string
	if url, a.stopDB, err = db.open(ctx, folder); err != nil {
		return err
	}
	if a.settings, err = settle(a.builder.supervisor, i, p.dags(), url); err != nil {
		return err
	}
	a.settings.config = o.Config
	maps.Copy(a.settings.base, o.Environment)
	a.URL = a.settings.url()
	return a.startPrograms(ctx)
}

func (a *Airflow) startPrograms(ctx context.Context) error {
	if a.scheduled {
		if err := a.startSchedulers(); err != nil {
			return err
		}
	}
	return a.RestartWebServer(ctx, a.settings.config)
}

func (a *Airflow) startSchedulers() error {
	for _, c := range a.settings.schedulers() {
		p, err := a.builder.start(c)
		if err != nil {
			return err
		}
		a.schedulers = append(a.schedulers, p)
	}
	return nil
}

// RestartScheduler kills the scheduler with its tasks as a crash would, and on Airflow 3 the DAG
// processor, and starts them again. It returns once all is healthy.
func (a *Airflow) RestartScheduler(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.schedulers {
		if err := p.stop(); err != nil {
			return err
		}
	}
	a.schedulers = nil
	if err := a.startSchedulers(); err != nil {
		return err
	}
	return waitUntil(ctx, append([]*process{a.web}, a.schedulers...), a.unhealthy)
}

// RestartWebServer kills the web server, unless it is killed already, and
// starts it again at the same address under other settings: config takes the
// place of Options.Config, for the web server alone. It returns once all is healthy.
func (a *Airflow) RestartWebServer(ctx context.Context, config map[string]string) error {
	if err := checkConfig(config); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.stopWeb(); err != nil {
		return err
	}
	s := a.settings
	s.config = config
	var err error
	if a.web, err = a.builder.start(s.webServer(a.scheduled)); err != nil {
		return err
	}
	a.builder.report("waiting for Airflow " + a.Version + " at " + a.URL)
	return waitUntil(ctx, append([]*process{a.web}, a.schedulers...), a.unhealthy)
}

// KillWebServer kills the web server as a crash would: at once, with requests open.
func (a *Airflow) KillWebServer() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stopWeb()
}

func (a *Airflow) stopWeb() error {
	if a.web == nil {
		return nil
	}
	// What was killed leaves its process id, by which Airflow 2 would take it for running where another process has that id.
	err := a.web.stop()
	left, _ := filepath.Glob(filepath.Join(a.settings.home, "airflow-webserver*.pid")) // the pattern is well formed
	for _, file := range left {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// Log returns the end of the log of each of Airflow's programs.
func (a *Airflow) Log() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, p := range append([]*process{a.web}, a.schedulers...) {
		fmt.Fprintf(&b, "%s:\n%s\n", p.name, p.tail())
	}
	return b.String()
}

// Close ends Airflow and removes all that it wrote. A further call does nothing.
func (a *Airflow) Close() error {
	errs := []error{a.KillWebServer()}
	for _, p := range a.schedulers {
		errs = append(errs, p.stop())
	}
	if a.stopDB != nil {
		errs = append(errs, a.stopDB())
	}
	return errors.Join(append(errs, a.builder.close())...)
}

// confFolderVariable names, to the task of RecordDAG, the folder that it writes into.
const confFolderVariable = "DAGTRIGGER_CONF_FOLDER"

// Conf returns the conf of a run of RecordDAG, as JSON, as its task saw it. It
// waits for the task until ctx ends.
func (a *Airflow) Conf(ctx context.Context, runID string) ([]byte, error) {
	ticker := time.NewTicker(waitInterval)
	defer ticker.Stop()
	for {
		conf, err := os.ReadFile(filepath.Join(a.settings.conf, runID+".json"))
		if err == nil {
			return conf, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the task of run %s: %w", runID, ctx.Err())
		case <-ticker.C:
		}
	}
}
