// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/dagtrigger/internal/clock"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/route"
)

// Which of the routes that match an event start a run.
const (
	MatchAll   = "all"
	MatchFirst = "first" // in the order of the file
)

// MaxFile bounds the size of a routes file, in bytes.
const MaxFile = 16 << 20

// File is a routes file.
type File struct {
	Name   string // the beginning of its errors
	Digest string // SHA-256 of its text, in hex
	// Environments are those of the file; nil where it has none, and the connection
	// variables are used.
	Environments map[string]environment.Spec
	// DeadLetter and GiveUpAfter are for all routes; zero where the file does not set
	// them.
	DeadLetter  string
	GiveUpAfter time.Duration
	// Match is MatchAll, which "" stands for, or MatchFirst.
	Match string
	Vars  document.Constants
	// Variables are the environment variables that vars reads, in the order of the file.
	Variables []string
	// Assumed are the environment variables whose values are made up, as NAME=value, see
	// [LocalFileFromEnv].
	Assumed []string
	Routes  []route.Spec
	Table   *route.Table // the routes, compiled

	local bool // see [LocalFileFromEnv]
}

// Find reads the file that the value of DAGTRIGGER_CONFIG names or contains: a path,
// or the YAML itself, which has a line break or the key routes. See [Parse].
func Find(value string) (File, error) { return find(value, os.Getenv, false) }

func find(value string, getenv func(string) string, local bool) (File, error) {
	name, text, err := Read(value)
	if err != nil {
		return File{Name: name, Environments: unknown()}, err
	}
	return parse(name, text, getenv, local)
}

// Read returns the text of the file that [Find] finds, and its name in errors. The error
// is [document.Problems].
func Read(value string) (name string, text []byte, err error) {
	if path := strings.TrimSpace(value); !strings.Contains(path, "\n") && !strings.Contains(path, "routes:") {
		text, err := readFile(path)
		return path, text, err
	}
	return "DAGTRIGGER_CONFIG", []byte(value), nil
}

// Load reads the routes file at path. See [Parse].
func Load(path string) (File, error) {
	text, err := readFile(path)
	if err != nil {
		return File{Name: path, Environments: unknown()}, err
	}
	return Parse(path, text)
}

func readFile(path string) ([]byte, error) {
	problem := func(what, fix string) ([]byte, error) {
		return nil, document.Problems{{File: path, What: what, Fix: fix}}
	}
	f, err := os.Open(path)
	if err != nil {
		return problem("it cannot be opened: "+reason(err), "name an existing, readable file")
	}
	defer f.Close()
	var text bytes.Buffer
	if info, err := f.Stat(); err == nil {
		text.Grow(int(min(info.Size(), MaxFile)) + bytes.MinRead) // otherwise it grows to twice the size
	}
	_, err = text.ReadFrom(io.LimitReader(f, MaxFile+1))
	switch {
	case errors.Is(err, syscall.EISDIR):
		return problem("it is a folder", "name a file in it")
	case err != nil:
		return problem("it cannot be read: "+reason(err), "name a readable file")
	case text.Len() > MaxFile:
		return problem(fmt.Sprintf("it is larger than %d MiB", MaxFile>>20), "split it between several functions")
	}
	return text.Bytes(), nil
}

// reason is an error of the file system without the path, which precedes it already.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// unknown are the environments of an unreadable file, which may have some.
func unknown() map[string]environment.Spec { return map[string]environment.Spec{} }

// Parse decodes the text of a routes file; its errors begin with name. The function
// and all commands use it, and so agree. The error is [document.Problems], all of them
// in the order of the file, and contains no secret. File is then what could be read.
//
// The file's vars are read from the process's environment.
func Parse(name string, text []byte) (File, error) { return parse(name, text, os.Getenv, false) }

// ParseLocal is [Parse] for a trial in which no environment of the file is called, as
// [LocalFileFromEnv] says.
func ParseLocal(name string, text []byte) (File, error) { return parse(name, text, os.Getenv, true) }

func parse(name string, text []byte, getenv func(string) string, local bool) (File, error) {
	r := newFileReader(name, text)
	r.getenv, r.local, r.file.local = getenv, local, local
	root := r.takeApart(text)
	if root == nil {
		root = r.open(text)
	}
	return r.read(root)
}

// Warnings are about what is valid and surely not meant.
func (f File) Warnings() document.Problems {
	return route.Warnings(f.Routes, f.Match == MatchFirst).In(f.Name)
}

// Advice lists what the file leaves open that is not wrong.
func (f File) Advice() document.Problems { return route.Advice(f.Routes).In(f.Name) }

// Against lists what changes from the deployed file old to f for events in flight: risks
// are runs that would start twice or not at all, changes the rest. Their places are in f.
func (f File) Against(old File) (risks, changes document.Problems) {
	risks, changes = route.Compare(route.Version{Routes: old.Routes, Vars: old.Vars}, route.Version{Routes: f.Routes, Vars: f.Vars})
	add := func(to *document.Problems, what, fix string) {
		*to = append(*to, document.Problem{What: what, Fix: fix})
	}
	for _, name := range slices.Sorted(maps.Keys(f.Environments)) {
		was, known := old.Environments[name]
		if before, after := address(was), address(f.Environments[name]); known && before != after {
			add(&risks, fmt.Sprintf("the environment %s was %s and is %s: events in flight whose run exists there start another here",
				name, before, after), route.FixInFlight)
		}
	}
	if first := f.Match == MatchFirst; first != (old.Match == MatchFirst) {
		add(&risks, "match was "+cmp.Or(old.Match, MatchAll)+" and is "+cmp.Or(f.Match, MatchAll)+": events in flight may start other routes",
			route.FixInFlight)
	}
	if old.DeadLetter != f.DeadLetter {
		add(&changes, "dead_letter was "+orNone(old.DeadLetter)+" and is "+orNone(f.DeadLetter)+": what was stored stays where it is",
			"send it again with the deployed file: dead-letters replay --config deployed.yaml")
	}
	if old.GiveUpAfter != f.GiveUpAfter {
		add(&changes, "give_up_after was "+orNone(clock.FormatDuration(old.GiveUpAfter))+" and is "+
			orNone(clock.FormatDuration(f.GiveUpAfter))+": it holds for events in flight as well", "expect it from the next delivery on")
	}
	return risks.In(f.Name), changes.In(f.Name)
}

// address is where an environment is.
func address(e environment.Spec) string { return e.Composer + e.Outbox + e.URL }

func orNone(text string) string {
	if text == "" || text == "0s" {
		return "left out"
	}
	return text
}

// compile compiles some routes of the file.
func (f File) compile(routes []route.Spec) (*route.Table, document.Problems) {
	return route.Compile(routes, route.Options{
		Environments: slices.Sorted(maps.Keys(f.Environments)),
		Default:      DefaultEnvironment,
		Constants:    f.Vars,
		First:        f.Match == MatchFirst,
		APIs:         apis(f.Environments),
	})
}

// apis are the APIs that environments state, and [route.Outbox] for one that has none.
func apis(environments map[string]environment.Spec) map[string]string {
	all := make(map[string]string, len(environments))
	for name, spec := range environments {
		all[name] = spec.API
		if spec.Outbox != "" {
			all[name] = route.Outbox
		}
	}
	return all
}

// Only is the table of the named route alone, and false where no live route has the
// name. The file must be valid.
func (f File) Only(name string) (*route.Table, bool) {
	i := slices.IndexFunc(f.Routes, func(s route.Spec) bool { return s.Name.Value == name && s.IsLive() })
	if i < 0 {
		return nil, false
	}
	table, _ := f.compile(f.Routes[i : i+1])
	return table, true
}

// Keys documents the keys of the file. Those of a route are [route.Keys].
func Keys() []document.Entry { return document.Entries(fileKeys()) }

// EnvironmentKeys documents the keys of an environment.
func EnvironmentKeys() []document.Entry { return document.Entries(environmentKeys()) }
