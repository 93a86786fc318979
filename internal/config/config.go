// SPDX-License-Identifier: Apache-2.0

// Package config reads the settings: it decodes the environment variables and the
// routes file strictly, reports every error at once with its place and its fix, and
// generates the reference and the JSON Schema from the tables that it decodes with.
//
// It never uses a setting: other packages do.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/route"
)

// DefaultEnvironment is the name of the environment that the variables describe.
const DefaultEnvironment = "default"

// DefaultGiveUpAfter is under the 24 hours for which Eventarc keeps an event:
// https://cloud.google.com/eventarc/docs/retry-events
const DefaultGiveUpAfter = 20 * time.Hour

// Config holds all settings.
type Config struct {
	// DAGID is the DAG that every event starts; empty with a routes file.
	DAGID string
	// File is the routes file; nil without one.
	File *File
	// Table decides what an event starts.
	Table *route.Table
	// Shadow is the routes file that decides beside the routes and starts nothing; nil
	// for none.
	Shadow *File
	// Environments are the Airflows, by name.
	Environments map[string]environment.Spec
	// DeadLetter is the address of the dead-letter store, see
	// [deadletter.ParseAddress]; empty for none. Routes may have others.
	DeadLetter string
	// RouteDeadLetters are the addresses in the routes, without duplicates.
	RouteDeadLetters []string
	// GiveUpAfter is for how long an event may fail until it becomes a dead letter;
	// 0 without a store.
	GiveUpAfter time.Duration
	LogLevel    slog.Level
	// Project is the Google Cloud project that traces belong to, empty where it is not known.
	Project string
	// AllowCallers are the e-mail addresses of the allowed callers; none for any.
	// AllowAudience are the audiences of their tokens.
	AllowCallers, AllowAudience []string
	// TracesTo is the address of an OpenTelemetry collector; empty for none.
	TracesTo string
	// Service is the name of the Cloud Run service, for its traces.
	Service string
	// StorageEmulator and PubSubEmulator are where emulators listen; empty for
	// Google's own services.
	StorageEmulator, PubSubEmulator string
}

// Digest is that of the routes file; empty without one.
func (c Config) Digest() string {
	if c.File == nil {
		return ""
	}
	return c.File.Digest
}

// FileVariable is the environment variable that names the routes file.
const FileVariable = "DAGTRIGGER_CONFIG"

// ShadowVariable is the environment variable that names a routes file to try beside the
// routes.
const ShadowVariable = "DAGTRIGGER_SHADOW"

// FromEnv reads the settings from environment variables, and the routes file
// that they name. The error is [document.Problems], and holds no value of a secret.
func FromEnv(getenv func(string) string) (Config, error) {
	file, err := FileFromEnv(getenv)
	return WithFile(getenv, file, err)
}

// FileFromEnv reads the routes file that [FileVariable] names. It returns nil
// where the variable is empty. See [Parse] for the error, beside which the file
// is what could be read.
func FileFromEnv(getenv func(string) string) (*File, error) {
	value := getenv(FileVariable)
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	file, err := find(value, getenv, false)
	return &file, err
}

// LocalFileFromEnv is [FileFromEnv] for a trial in which no environment of the file is
// called: what the file says of them is not checked together, and an environment
// variable of its vars that is not set, and has no default, is read as its name in
// lower case, see [File.Assumed].
func LocalFileFromEnv(getenv func(string) string) (*File, error) {
	value := getenv(FileVariable)
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	file, err := find(value, getenv, true)
	return &file, err
}

// WithFile is [FromEnv] with the result of [FileFromEnv], for callers that need
// the file before the other settings are known.
func WithFile(getenv func(string) string, file *File, err error) (Config, error) {
	r := &reader{getenv: getenv, local: file != nil && file.local}
	var c Config
	var spec environment.Spec
	for _, s := range settings() {
		s.read(r, s.name, &c, &spec)
	}
	switch {
	case file != nil:
		r.routes(&c, file, err)
	case c.DAGID != "" && !route.IsDAG(c.DAGID):
		r.problem(fmt.Sprintf("DAG_ID is %q, which is not a valid DAG id", c.DAGID), route.FixDAG)
	case c.DAGID != "":
		c.Table = route.Default(c.DAGID, DefaultEnvironment)
	default:
		r.problem("DAG_ID is missing", "name the DAG that every event starts, or give a routes file in DAGTRIGGER_CONFIG")
	}
	if file != nil && c.DAGID != "" {
		r.problem("DAG_ID and DAGTRIGGER_CONFIG are both given", "leave one of them out: the routes of a file name their DAGs")
	}
	if c.Environments == nil {
		for _, f := range spec.Check(Variable) {
			r.problem(f.What, f.Fix)
		}
		if spec.Outbox != "" {
			r.outbox(&c)
		}
		c.Environments = map[string]environment.Spec{DefaultEnvironment: spec}
	}
	r.giveUp(&c)
	r.callers(&c)
	if len(r.problems) > 0 {
		return Config{}, r.problems
	}
	return c, nil
}

// reader reads variables and collects their errors.
type reader struct {
	getenv   func(string) string
	local    bool // see [LocalFileFromEnv]
	problems document.Problems
	given    []connector // those that are set
}

func (r *reader) problem(what, fix string) {
	r.problems = append(r.problems, document.Problem{What: what, Fix: fix})
}

// shadow reads the routes file that a variable names or contains. Of what it says of all
// routes but vars and match, nothing counts before it is live.
func (r *reader) shadow(name string) *File {
	value := r.getenv(name)
	if strings.TrimSpace(value) == "" {
		return nil
	}
	from, text, err := Read(value)
	if from == FileVariable {
		from = name
	}
	var file File
	if err == nil {
		file, err = parse(from, text, r.getenv, r.local)
	}
	if problems, ok := errors.AsType[document.Problems](err); ok {
		r.problems = append(r.problems, problems...)
		return nil
	}
	if !slices.ContainsFunc(file.Routes, func(s route.Spec) bool { return s.IsLive() }) {
		r.problem("no route of "+from+", the shadow file, is live", "take shadow and enabled out of the routes that are to be tried: "+
			"all of a shadow file's routes start nothing")
	}
	return &file
}

// routes adds the routes file. Connection variables are an error where the file has
// environments: they would be ignored.
func (r *reader) routes(c *Config, f *File, err error) {
	if problems, ok := errors.AsType[document.Problems](err); ok {
		r.problems = append(r.problems, problems...)
	}
	c.File, c.Table, c.Environments = f, f.Table, f.Environments
	c.RouteDeadLetters = f.routeDeadLetters()
	r.whole(c, f)
	if len(f.Environments) == 0 {
		return
	}
	for _, k := range r.given {
		r.problem(Variable(k.field)+" is given, and "+f.Name+" has environments", "leave it out, or set "+k.field+" there")
	}
}

// outbox checks the routes of a file for the outbox that a variable names.
func (r *reader) outbox(c *Config) {
	for _, f := range []*File{c.File, c.Shadow} {
		for i := 0; f != nil && i < len(f.Routes); i++ {
			r.problems = append(r.problems, f.Routes[i].OutboxProblems().In(f.Name)...)
		}
	}
}

// whole merges what either a variable or the file sets for all routes.
func (r *reader) whole(c *Config, f *File) {
	const fix = "leave one of them out"
	if f.DeadLetter != "" && c.DeadLetter != "" {
		r.problem("DEAD_LETTER is given, and "+f.Name+" has dead_letter", fix)
	}
	if f.GiveUpAfter != 0 && c.GiveUpAfter != 0 {
		r.problem("GIVE_UP_AFTER is given, and "+f.Name+" has give_up_after", fix)
	}
	c.DeadLetter = cmp.Or(c.DeadLetter, f.DeadLetter)
	c.GiveUpAfter = cmp.Or(c.GiveUpAfter, f.GiveUpAfter)
}

// routeDeadLetters are the addresses of stores in the routes.
func (f File) routeDeadLetters() []string {
	addresses := map[string]bool{}
	for i := range f.Routes {
		if address := f.Routes[i].DeadLetter.Value; address != "" {
			addresses[address] = true
		}
	}
	return slices.Sorted(maps.Keys(addresses))
}

// text reads a variable without surrounding blanks, which are never meant.
func (r *reader) text(name string) string { return strings.TrimSpace(r.getenv(name)) }

// connection reads a connection variable.
func (r *reader) connection(name string, k connector, s *environment.Spec) {
	if r.text(name) != "" {
		r.given = append(r.given, k)
	}
	switch to := k.to(s).(type) {
	case *string:
		*to = r.text(name)
		if k.secret {
			// Blanks in a secret may be meant, except a line end, which `echo` adds.
			*to = strings.TrimRight(r.getenv(name), "\r\n")
		}
	case *bool:
		*to = r.flag(name)
	case *int64:
		*to = r.count(name)
	case *time.Duration:
		*to = r.duration(name)
	}
}

// deadLetter reads the address of a store.
func (r *reader) deadLetter(name string) string {
	text := r.text(name)
	if text == "" {
		return ""
	}
	_, err := deadletter.ParseAddress(text)
	if bad, ok := errors.AsType[*deadletter.AddressError](err); ok {
		r.problem(name+": "+bad.What, bad.Fix)
	}
	return text
}

// collector reads the URL that traces are sent to.
func (r *reader) collector(name string) string {
	text := r.text(name)
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.problem(name+" is not a valid collector URL", "write it as http://localhost:4318 or https://HOST; credentials belong into "+
			"OTEL_EXPORTER_OTLP_HEADERS")
	}
	return text
}

// giveUp sets the age from which a deferred event is given up.
func (r *reader) giveUp(c *Config) {
	stored := c.DeadLetter != "" || len(c.RouteDeadLetters) > 0
	switch {
	case !stored && c.GiveUpAfter != 0 && r.text("GIVE_UP_AFTER") == "":
		r.problem(c.File.Name+" has give_up_after without a store", "add dead_letter, where such an event is stored")
	case !stored && c.GiveUpAfter != 0:
		r.problem("GIVE_UP_AFTER is given without DEAD_LETTER", "set DEAD_LETTER, where such an event is stored")
	case stored && c.GiveUpAfter == 0:
		c.GiveUpAfter = DefaultGiveUpAfter
	}
}

func (r *reader) flag(name string) bool {
	switch v := r.text(name); strings.ToLower(v) {
	case "", "false", "0", "no":
		return false
	case "true", "1", "yes":
		return true
	default:
		r.problem(name+" is \""+v+"\"", "use true or false")
		return false
	}
}

func (r *reader) count(name string) int64 {
	v := r.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		r.problem(name+" is \""+v+"\"", "use a whole number of one or more")
		return 0
	}
	return n
}

func (r *reader) duration(name string) time.Duration {
	v := r.text(name)
	if v == "" {
		return 0
	}
	d, err := clock.ParseDuration(v)
	if err != nil || d <= 0 {
		r.problem(name+" is \""+v+"\"", "use a duration such as "+clock.DurationForms)
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
		r.problem(name+" is \""+v+"\"", "use debug, info, warn or error")
	}
	return level
}
