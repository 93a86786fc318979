// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"example.com/dagtrigger/internal/build"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
)

// environments are the Airflows of the settings, each made once.
type environments struct {
	specs map[string]environment.Spec
	made  map[string]*environment.Airflow
}

func newEnvironments(specs map[string]environment.Spec) *environments {
	return &environments{specs: specs, made: map[string]*environment.Airflow{}}
}

func (e *environments) get(name string) (*environment.Airflow, error) {
	if e.made[name] != nil {
		return e.made[name], nil
	}
	spec, ok := e.specs[name]
	if !ok {
		return nil, &hintedError{fmt.Errorf("the settings have no environment %q", name), "use the routes file of the function, with --config"}
	}
	env, err := environment.New(spec, config.Variable, environment.Options{UserAgent: build.Read().UserAgent()})
	if err != nil {
		return nil, fmt.Errorf("setting up the environment %s: %w", name, err)
	}
	e.made[name] = env
	return env, nil
}
