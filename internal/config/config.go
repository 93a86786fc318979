// SPDX-License-Identifier: Apache-2.0

// Package config owns what an operator may set: it reads the environment
// variables strictly, reports every fault at once with its fix, and generates
// the reference of the settings from the one table that it reads by.
//
// It never uses a setting: it hands specifications to the rooms that do.
package config

import (
	"log/slog"
	"strings"
	"time"

	"example.com/dagtrigger/internal/environment"
)

// DefaultEnvironment is the name of the environment where only one is set.
const DefaultEnvironment = "default"

// Config is what the operator set.
type Config struct {
	// DAGID starts that DAG with every event.
	DAGID string
	// Environments are the Airflows, by name.
	Environments map[string]environment.Spec
	LogLevel     slog.Level
	// Project is the Google Cloud project that traces belong to, empty where it is not known.
	Project string
}

// Fault is one thing that is wrong with a setting.
type Fault struct {
	What string
	Fix  string
}

func (f Fault) String() string { return f.What + ": " + f.Fix }

// Faults are all that is wrong, in the order in which they were written.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// FromEnv reads the settings from environment variables. The error is
// [Faults], and holds no value of a secret.
func FromEnv(getenv func(string) string) (Config, error) {
	r := &reader{getenv: getenv}
	var c Config
	var spec environment.Spec
	for _, s := range settings() {
		s.read(r, s.name, &c, &spec)
	}
	if c.DAGID == "" {
		r.fault("DAG_ID is missing", "name the DAG that every event starts")
	}
	for _, f := range spec.Check(Variable) {
		r.fault(f.What, f.Fix)
	}
	if len(r.faults) > 0 {
		return Config{}, r.faults
	}
	c.Environments = map[string]environment.Spec{DefaultEnvironment: spec}
	return c, nil
}

// Variable is the environment variable that sets a field of [environment.Spec].
func Variable(field string) string {
	if field == environment.FieldComposer {
		return "COMPOSER_ENVIRONMENT"
	}
	return "AIRFLOW_" + strings.ToUpper(field)
}

// reader reads variables and gathers what is wrong with them.
type reader struct {
	getenv func(string) string
	faults Faults
}

func (r *reader) fault(what, fix string) { r.faults = append(r.faults, Fault{What: what, Fix: fix}) }

// text reads a variable. Blanks around it are a slip of the hand, never meant.
func (r *reader) text(name string) string { return strings.TrimSpace(r.getenv(name)) }

// secret reads a variable whose blanks may be meant, but for a line end, which
// `echo` leaves behind when a secret is made.
func (r *reader) secret(name string) string { return strings.TrimRight(r.getenv(name), "\r\n") }

func (r *reader) flag(name string) bool {
	switch v := r.text(name); strings.ToLower(v) {
	case "", "false", "0", "no":
		return false
	case "true", "1", "yes":
		return true
	default:
		r.fault(name+" is \""+v+"\"", "use true or false")
		return false
	}
}

func (r *reader) duration(name string) time.Duration {
	v := r.text(name)
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		r.fault(name+" is \""+v+"\"", "use a duration such as 90s or 2m")
		return 0
	}
	return d
}

func (r *reader) level(name string) slog.Level {
	levels := map[string]slog.Level{
		"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError,
	}
	v := r.text(name)
	level, ok := levels[strings.ToLower(v)]
	if !ok {
		r.fault(name+" is \""+v+"\"", "use debug, info, warn or error")
	}
	return level
}
