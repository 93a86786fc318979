// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// localAirflows are the embedded Airflows of a function, by the name of the
// environment that each stands for. They are started when a file first names them.
type localAirflows struct {
	version string // of those whose environment names no API
	// replace is set with --local: the environments of a file are replaced. Without it
	// an Airflow is embedded only where nothing names one.
	replace bool
	failed  chan error // gets the error of one that ends by itself

	mu      sync.Mutex
	started map[string]*localAirflow
}

func newLocalAirflows(version string, replace bool) *localAirflows {
	return &localAirflows{version: version, replace: replace, started: map[string]*localAirflow{}, failed: make(chan error, 1)}
}

// read reads the routes file of the settings.
func (l *localAirflows) read(getenv func(string) string) (*config.File, error) {
	return readFile(getenv, l != nil && l.replace)
}

// readFile reads the routes file of the settings; local is set with --local.
func readFile(getenv func(string) string, local bool) (*config.File, error) {
	if local {
		return config.LocalFileFromEnv(getenv)
	}
	return config.FileFromEnv(getenv)
}

// failure receives an error when one ends by itself; nil without any.
func (l *localAirflows) failure() <-chan error {
	if l == nil {
		return nil
	}
	return l.failed
}

// close stops all.
func (l *localAirflows) close() error {
	if l == nil {
		return nil
	}
	var errs []error
	for _, a := range l.all() {
		errs = append(errs, a.close())
	}
	return errors.Join(errs...)
}

// all are those that have been started, by the name of their environment.
func (l *localAirflows) all() map[string]*localAirflow {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.started)
}

// prepare starts what the file needs, with its DAGs, and returns the settings with
// which the function is configured. Without a file every event starts one DAG.
func (l *localAirflows) prepare(ctx context.Context, file *config.File, getenv func(string) string) (func(string) string, error) {
	if file != nil && len(file.Environments) > 0 {
		if !l.replace {
			return nil, errors.New("it names an Airflow now: stop, and start again, with --local to keep an embedded one")
		}
		for _, name := range slices.Sorted(maps.Keys(file.Environments)) {
			if _, err := l.start(ctx, name, file.Environments[name].API, dagsIn(file, name), assetsIn(file, name)); err != nil {
				return nil, err
			}
		}
		return over(map[string]string{config.Variable(environment.FieldAPI): ""}, getenv), nil
	}
	settings, dags, assets := map[string]string{}, []string{dagOf(getenv)}, []string(nil)
	if file == nil {
		settings["DAG_ID"] = dags[0]
	} else {
		dags, assets = dagsIn(file, config.DefaultEnvironment), assetsIn(file, config.DefaultEnvironment)
	}
	a, err := l.start(ctx, config.DefaultEnvironment, getenv(config.Variable(environment.FieldAPI)), dags, assets)
	if err != nil {
		return nil, err
	}
	maps.Copy(settings, a.settings)
	return over(settings, getenv), nil
}

// start is the Airflow of an environment, with the DAGs and the assets. An API has the version
// that serves it.
func (l *localAirflows) start(ctx context.Context, name, api string, dags, assets []string) (*localAirflow, error) {
	if a := l.all()[name]; a != nil {
		for _, id := range dags {
			if err := a.addDAG(id); err != nil {
				return nil, err
			}
		}
		for _, name := range assets {
			if err := a.addAsset(name); err != nil {
				return nil, err
			}
		}
		return a, nil
	}
	version := map[airflow.API]airflowsim.Version{
		airflow.V2: airflowsim.Airflow33, airflow.V1: airflowsim.Airflow211, airflow.Experimental: airflowsim.Airflow110,
	}[airflow.API(api)]
	if airflowsim.Version(l.version).ServesV2() && version.ServesV2() {
		version = airflowsim.Version(l.version)
	}
	e := embedded{version: cmp.Or(string(version), l.version), host: loopback, dags: dags, assets: assets, anyDAG: true}
	a, err := e.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Airflow: %w", err)
	}
	l.mu.Lock()
	l.started[name] = a
	l.mu.Unlock()
	go func() {
		select {
		case err := <-a.failed:
			l.failed <- err
		case <-ctx.Done():
		}
	}()
	return a, nil
}

// connect points the environments of a file at the embedded Airflows, and leaves out
// what cannot work without credentials: stores of dead letters in Google Cloud.
func (l *localAirflows) connect(c *config.Config) {
	if !l.replace {
		return
	}
	if c.File != nil && len(c.File.Environments) > 0 {
		c.Environments = map[string]environment.Spec{}
		for name, spec := range c.File.Environments {
			a := l.all()[name].settings
			c.Environments[name] = environment.Spec{
				URL: a["AIRFLOW_URL"], Auth: a["AIRFLOW_AUTH"], Username: a["AIRFLOW_USERNAME"], Password: a["AIRFLOW_PASSWORD"],
				API: spec.API, Timeout: spec.Timeout, MaxInFlight: spec.MaxInFlight,
			}
		}
	}
	isRemote := func(address string) bool { return !strings.HasPrefix(address, "file:") }
	if isRemote(c.DeadLetter) {
		c.DeadLetter = ""
	}
	c.RouteDeadLetters = slices.DeleteFunc(slices.Clone(c.RouteDeadLetters), isRemote)
}

// dagsIn are the DAGs that a file's routes may start in an environment.
func dagsIn(file *config.File, name string) (dags []string) {
	for i := range file.Routes {
		in := file.Routes[i].Environment.Value
		if in == "" || in == name {
			dags = append(dags, file.Routes[i].Starts()...)
		}
	}
	return dags
}

// assetsIn are the assets that a file's routes name in an environment.
func assetsIn(file *config.File, name string) (assets []string) {
	for i := range file.Routes {
		in, asset := file.Routes[i].Environment.Value, file.Routes[i].AssetName()
		if asset != "" && (in == "" || in == name) {
			assets = append(assets, asset)
		}
	}
	return assets
}

// ignored is what --local leaves out of the settings, in one line; empty for nothing.
func ignored(c config.Config, getenv func(string) string) string {
	var parts []string
	if c.File != nil {
		for _, name := range slices.Sorted(maps.Keys(c.File.Environments)) {
			if given := config.Credentials(c.File.Environments[name]); len(given) > 0 {
				parts = append(parts, strings.Join(given, ", ")+" of "+name)
			}
		}
	}
	var variables []string
	for _, name := range connection() {
		if getenv(name) != "" && name != config.Variable(environment.FieldAPI) {
			variables = append(variables, name)
		}
	}
	if len(variables) > 0 {
		parts = append(parts, strings.Join(variables, ", "))
	}
	if remote := remoteStores(c, getenv); len(remote) > 0 {
		parts = append(parts, "the dead-letter store "+strings.Join(remote, ", "))
	}
	text := ""
	if len(parts) > 0 {
		text = "--local ignores " + strings.Join(parts, "; ") + ".\n"
	}
	if c.File != nil && len(c.File.Assumed) > 0 {
		text += "Variables that are not set are assumed: " + strings.Join(c.File.Assumed, ", ") + ".\n"
	}
	return text
}

// remoteStores are the dead-letter stores that are not on this machine.
func remoteStores(c config.Config, getenv func(string) string) []string {
	all := []string{getenv("DEAD_LETTER")}
	if c.File != nil {
		all = append(all, stores(*c.File)...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(address string) bool {
		return address == "" || strings.HasPrefix(address, "file:")
	})
}
