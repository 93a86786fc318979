// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/route"
)

// MaxFile bounds the text of a file of routes, in bytes.
const MaxFile = 16 << 20

// File is what a file of routes says.
type File struct {
	Name   string // as faults begin
	Digest string // SHA-256 of its text, in hex
	// Environments are those that it declares. It is nil where the variables of
	// the connection hold.
	Environments map[string]environment.Spec
	Routes       []route.Spec
	Table        *route.Table // the routes, compiled
}

// Find reads the file that value stands for, as DAGTRIGGER_CONFIG has it: a
// path, or the YAML itself, which has a line break or the key routes. See [Parse].
func Find(value string) (File, error) {
	if path := strings.TrimSpace(value); !strings.Contains(path, "\n") && !strings.Contains(path, "routes:") {
		return Load(path)
	}
	return Parse("DAGTRIGGER_CONFIG", []byte(value))
}

// Load reads the file of routes at path. See [Parse].
func Load(path string) (File, error) {
	fault := func(what, fix string) (File, error) {
		return File{Name: path, Environments: unknown()}, document.Faults{{File: path, What: what, Fix: fix}}
	}
	f, err := os.Open(path)
	if err != nil {
		return fault("it cannot be opened: "+reason(err), "name a file that is there and may be read")
	}
	defer f.Close()
	var text bytes.Buffer
	if info, err := f.Stat(); err == nil {
		text.Grow(int(min(info.Size(), MaxFile)) + bytes.MinRead) // else it grows to twice what it holds
	}
	_, err = text.ReadFrom(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		return fault("it cannot be read: "+reason(err), "name a file that may be read")
	case text.Len() > MaxFile:
		return fault(fmt.Sprintf("it is larger than %d MiB", MaxFile>>20), "split it between several functions")
	}
	return Parse(path, text.Bytes())
}

// reason is an error of the file system without the path, which stands before it.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// unknown are the environments of a file that cannot be read: it may have some.
func unknown() map[string]environment.Spec { return map[string]environment.Spec{} }

// Parse reads a file of routes from its text; name is what faults call it. The
// function and all commands read it so, and cannot disagree. The error is
// [document.Faults], all of them in the order of the file, and shows no secret.
// Beside it, File is what could be read.
func Parse(name string, text []byte) (File, error) {
	r := newFileReader(name, text)
	root := r.takeApart(text)
	if root == nil {
		root = r.open(text)
	}
	return r.read(root)
}

// fileReader reads one file.
type fileReader struct {
	document.Reader
	file File
	// apart tells that the routes have been read by themselves, and root has none.
	apart bool
}

// Warnings tells what has no fault and is surely wrong.
func (f File) Warnings() document.Faults { return f.faults(route.Warnings(f.Routes)) }

// Against tells what has changed since old that would start events in flight
// twice. Its places are in f.
func (f File) Against(old File) document.Faults {
	return f.faults(route.Compare(old.Routes, f.Routes))
}

// faults are those of routes, as ones of the file.
func (f File) faults(of []route.Fault) document.Faults {
	all := make(document.Faults, len(of))
	for i, fault := range of {
		all[i] = document.Fault{File: f.Name, Position: document.Position{Line: int(fault.Line), Column: int(fault.Column)}, What: fault.What, Fix: fault.Fix}
	}
	return all
}

func newFileReader(name string, text []byte) *fileReader {
	sum := sha256.Sum256(text)
	return &fileReader{Reader: document.Reader{File: name}, file: File{Name: name, Digest: hex.EncodeToString(sum[:])}}
}

// fileKeys are the keys of the file, in the order of the documentation.
func fileKeys() []document.Key[fileReader] {
	return []document.Key[fileReader]{
		{
			Name: "environments", Example: "environments: {prod: {composer: projects/acme/locations/europe-west1/environments/prod}}",
			Doc: "The Airflows that routes start DAGs in, by name. Left out: the one that the environment variables tell, so that one file serves every stage.",
			To:  func(r *fileReader) any { return r.environments },
		},
		{
			Name: "routes", Required: true, Example: "routes: [{name: sales-csv, on: object.finalized, dag: load_sales}]",
			Doc: "The routes. Every route that matches an event fires, each with an outcome of its own.",
			To:  func(r *fileReader) any { return r.routes },
		},
	}
}

// open returns the root of the document, or nil after a fault.
func (r *fileReader) open(text []byte) *yaml.Node {
	root, fault := document.Parse(text)
	if fault != nil {
		r.Fault(fault.Position, fault.What, fault.Fix)
	}
	return root
}

// Keys document the keys of the file. Those of a route are [route.Keys].
func Keys() []document.Entry { return document.Entries(fileKeys()) }

// EnvironmentKeys document the keys of an environment.
func EnvironmentKeys() []document.Entry { return document.Entries(environmentKeys()) }

// takeApart reads the routes by themselves, and returns the root of a document
// without them, or nil where that cannot be done. The nodes of a whole file
// weigh more than ten times its text; a route's are let go of before the next.
func (r *fileReader) takeApart(text []byte) *yaml.Node {
	rest, list, line, ok := cut(text)
	if !ok {
		return nil
	}
	root, fault := document.Parse(rest)
	if fault != nil {
		return nil
	}
	specs, faults, err := route.DecodeList(list, line)
	if err != nil || len(specs) == 0 {
		return nil
	}
	r.apart, r.file.Routes = true, specs
	r.Faults = append(r.Faults, r.file.faults(faults)...)
	return root
}

// read reads the document.
func (r *fileReader) read(root *yaml.Node) (File, error) {
	if root == nil {
		r.file.Environments = unknown()
		return r.file, r.Faults
	}
	places := document.Map(&r.Reader, root, "the file", fileKeys(), r)
	if _, ok := places["routes"]; ok {
		r.compile()
	}
	if len(r.Faults) == 0 {
		return r.file, nil
	}
	r.file.Table = nil
	slices.SortStableFunc(r.Faults, func(a, b document.Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.file, r.Faults
}

// routes reads the list of routes, unless that is done.
func (r *fileReader) routes(_ *document.Reader, node *yaml.Node) {
	if r.apart {
		return
	}
	before := len(r.Faults)
	r.List(node, "routes", "routes: [{name: sales-csv, on: object.finalized, dag: load_sales}]", func(item *yaml.Node) {
		spec, faults := route.Decode(item)
		r.file.Routes = append(r.file.Routes, spec)
		r.Faults = append(r.Faults, r.file.faults(faults)...)
	})
	if len(r.file.Routes) == 0 && len(r.Faults) == before {
		r.Fault(document.At(node), "there are no routes", "add one: without any, every event is acknowledged and starts nothing")
	}
}

// compile makes the table of the routes.
func (r *fileReader) compile() {
	table, faults := route.Compile(r.file.Routes, route.Options{
		Environments: slices.Sorted(maps.Keys(r.file.Environments)),
		Default:      DefaultEnvironment,
	})
	r.file.Table = table
	r.Faults = append(r.Faults, r.file.faults(faults)...)
}
