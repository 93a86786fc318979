// SPDX-License-Identifier: Apache-2.0

package example

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/route/nearest"
)

// Load reads the file of examples at path. The error is [document.Problems].
func Load(path string) (Suite, error) {
	text, err := readFile(path)
	if err != nil {
		return Suite{}, document.Problems{{File: path, What: "it cannot be read: " + reason(err), Fix: "name a file of examples"}}
	}
	return Parse(path, text)
}

// reason is an error of the file system without the path, which precedes it already.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// readFile reads no more than a file of routes may have.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > config.MaxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", config.MaxFile>>20)
	}
	return os.ReadFile(path)
}

// Parse reads a file of examples from its text. The files that it names are
// relative to path. The error is [document.Problems].
func Parse(path string, text []byte) (Suite, error) {
	r := &reader{Reader: document.Reader{File: path}, suite: Suite{Name: path, text: text}}
	root, problem := document.Parse(text)
	if problem != nil {
		r.Problem(problem.Position, problem.What, problem.Fix)
		return r.suite, r.Problems
	}
	r.suite.root = root
	document.Map(&r.Reader, root, "a file of examples", suiteKeys(), r)
	return r.suite, r.Problems.Err()
}

// reader reads one file.
type reader struct {
	document.Reader
	suite Suite
}

// beside is the path of a file that the examples name.
func (r *reader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.File), path)
}

// tests reads the list of examples.
func (r *reader) tests(_ *document.Reader, node *yaml.Node) {
	first := map[string]document.Position{}
	r.List(node, "tests", "a list of examples, each of which begins with - name:", func(item *yaml.Node) {
		d := &draft{reader: r, example: Example{Position: document.At(item), As: delivery.Eventarc, node: document.Resolve(item)}}
		d.read()
		if before, twice := first[d.example.Name]; twice && d.example.Name != "" {
			r.Problem(document.At(item), fmt.Sprintf("%q is taken by the example on line %d", d.example.Name, before.Line),
				"give each example another name")
		}
		first[d.example.Name] = document.At(item)
		r.suite.Examples = append(r.suite.Examples, d.example)
	})
	for i := range r.suite.Examples {
		r.sameRuns(&r.suite.Examples[i])
	}
}

// sameRuns checks that same_run_as names other examples.
func (r *reader) sameRuns(e *Example) {
	var others []string
	for i := range r.suite.Examples {
		if name := r.suite.Examples[i].Name; name != e.Name {
			others = append(others, name)
		}
	}
	for _, s := range e.Starts {
		if s.SameRunAs == "" || slices.Contains(others, s.SameRunAs) {
			continue
		}
		fix := "give the name of another example of this file"
		if near := nearest.Of(s.SameRunAs, others...); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		r.Problem(e.Position, fmt.Sprintf("same_run_as is %q, which is not the name of another example", s.SameRunAs), fix)
	}
}

// draft is an example while it is read.
type draft struct {
	*reader
	example Example

	events       []string // the keys that give an event
	object       delivery.Object
	message      delivery.Message
	json         []byte // of a key event
	id           string
	time         string
	generation   int64
	listed       bool // files was given
	topic        string
	subscription string
}

func (d *draft) read() {
	before := len(d.Problems)
	places := document.Map(&d.Reader, d.example.node, "an example", exampleKeys(), d).Places
	if len(d.Problems) > before {
		return
	}
	if len(d.events) != 1 {
		d.Problem(d.example.Position, fmt.Sprintf("an example has one event, and this has %d", len(d.events)),
			"give one of "+strings.Join(eventKeys(), ", "))
		return
	}
	for name, at := range places {
		if of, ok := details()[name]; ok && !slices.Contains(of, d.events[0]) {
			d.Problem(at, name+" says nothing of an event given by "+d.events[0], "leave it out, or give the event by "+strings.Join(of, " or "))
		}
	}
	d.example.Event = d.event(places)
	if d.example.Event == nil {
		return
	}
	if _, err := d.example.Event.Request(d.example.As); err != nil {
		d.Problem(d.example.Position, "the event cannot be sent as "+string(d.example.As), err.Error())
	}
}

// event makes the event of what was read.
func (d *draft) event(places map[string]document.Position) delivery.Event {
	at := moment()
	if d.time != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, d.time); err != nil {
			d.Problem(places["time"], fmt.Sprintf("time is %q", d.time), "write it as 2026-11-22T09:30:00Z")
		}
	}
	id := d.id
	if id == "" {
		id = fmt.Sprint(number)
	}
	switch d.events[0] {
	case "message":
		m := d.message
		m.ID, m.PublishTime, m.Topic, m.Subscription = id, at, resource(d.topic, "topics"), resource(d.subscription, "subscriptions")
		return m
	case "event":
		e, err := delivery.Parse(d.json, delivery.Defaults{ID: id, Time: at, Topic: resource(d.topic, "topics"),
			Subscription: resource(d.subscription, "subscriptions")})
		if err != nil {
			d.Problem(places["event"], "event is none", err.Error())
			return nil
		}
		return e
	}
	o := d.object
	if !d.listed {
		d.add(file{name: o.Name, size: o.Size, generation: d.generation})
	}
	o.MessageID, o.Time, o.Generation, o.Subscription = id, at, max(d.generation, number), resource(d.subscription, "subscriptions")
	return o
}

// resource takes a name alone for one in the project "example".
func resource(name, kind string) string {
	switch {
	case name == "":
		name = "example"
	case strings.Contains(name, "/"):
		return name
	}
	return "projects/example/" + kind + "/" + name
}
