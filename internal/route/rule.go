// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflowid"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
	"example.com/dagtrigger/internal/route/pattern"
)

// rule is a compiled route.
type rule struct {
	name, environment string
	disabled          bool
	shadow            bool
	place             int // among the routes of the file

	filters []filter
	skip    []preset
	when    *condition

	vars     *expression.Vars // what its expressions name as vars.NAME; nil for nothing
	varNames []string         // of the route's own, in the order of the file

	dag          *located           // nil where the route rejects, or names an asset
	dags         []*pattern.Pattern // what dag may become, where it is computed
	asset        string             // in place of dag
	materialize  bool
	reject       *located
	conf         *conf
	partitionKey *located
	runID        *located
	exactRunID   *located
	logicalDate  *located
	note         *located
	window       *windowing
	complete     *completion
	limits       Limits
}

// filter is a key that picks events: one of its patterns must match, and none of those
// that exclude.
type filter struct {
	key, attribute string
	patterns       []*pattern.Pattern
	excluded       []*pattern.Pattern // none of which may match
	shown          []string           // the patterns as reasons show them, nil for as they are
}

// condition is an expression, and where it stands.
type condition struct {
	*expression.Expression
	at Position
}

// located is a template, and where it stands.
type located struct {
	*expression.Template
	at Position
}

// match reports whether the rule wants the event that s is of: miss is the first
// key that does not, empty for none. It leaves the rule's captures and vars in s.
func (r *rule) match(ctx context.Context, s *expression.Scope) (miss string, err error) {
	s.Reset()
	if r.disabled {
		return "enabled", nil
	}
	for i := range r.filters {
		f := &r.filters[i]
		_, values := s.Captures()
		p, values := f.match(s.Event(), values)
		if p == nil {
			return f.key, nil
		}
		s.Capture(p.Names(), values)
	}
	if _, _, skips := r.skips(s); skips {
		return "skip", nil
	}
	if r.vars != nil {
		s.With(ctx, r.vars)
	}
	if r.when == nil {
		return "", nil
	}
	ok, err := r.when.Bool(ctx, s)
	if absent(err) != "" {
		return missAbsent, nil
	}
	if err != nil {
		return "", placed("when", r.when.at, err)
	}
	if !ok {
		return missWhen, nil
	}
	return "", nil
}

// What match returns of a condition that is false, and of one that names a member
// which the event does not have.
const (
	missWhen   = "when"
	missAbsent = "when: absent"
)

// absent is the member of the event that an expression needs and the event has
// not; empty for any other error. A filter over messages of several shapes must
// not fail for the others.
func absent(err error) string {
	failed, ok := errors.AsType[*expression.Error](err)
	if !ok {
		return ""
	}
	return failed.Absent
}

// match returns the first pattern that matches, nil for none, and values with what it
// captures appended.
func (f *filter) match(ev *event.Event, values []string) (*pattern.Pattern, []string) {
	value, ok := f.value(ev)
	if !ok || f.excludes(value) != nil {
		return nil, values
	}
	for _, p := range f.patterns {
		if values, ok := p.AppendMatch(values, f.name(p, value)); ok {
			return p, values
		}
	}
	return nil, values
}

// excludes returns the pattern that excludes a value, nil for none.
func (f *filter) excludes(value string) *pattern.Pattern {
	for _, p := range f.excluded {
		if _, ok := p.Match(f.name(p, value)); ok {
			return p
		}
	}
	return nil
}

// name is what a pattern has to match of a value: of a topic or subscription the last
// part, unless the pattern has several.
func (f *filter) name(p *pattern.Pattern, value string) string {
	if (f.key == "topic" || f.key == "subscription") && !strings.Contains(p.String(), "/") {
		return lastPart(value)
	}
	return value
}

// lastPart is the last part of a resource name: of projects/p/topics/t, t.
func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// value is what the filter looks at, and false where the event has none.
func (f *filter) value(ev *event.Event) (string, bool) {
	switch {
	case f.key == "on":
		return ev.Type, true
	case f.key == "source":
		return ev.Source, true
	case f.key == "subject":
		return ev.Subject, ev.Subject != ""
	case f.key == "attributes":
		return attribute(ev, f.attribute)
	case f.key == "bucket" && ev.Object != nil:
		return ev.Object.Bucket, true
	case f.key == "object" && ev.Object != nil:
		return ev.Object.Name, true
	case f.key == "topic" && ev.Message != nil:
		return ev.Message.Topic, ev.Message.Topic != ""
	case f.key == "subscription" && ev.Message != nil:
		return ev.Message.Subscription, ev.Message.Subscription != ""
	}
	return "", false
}

// attribute finds an attribute of a message, or an extension attribute of
// another event, else an attribute of the message that carried that.
func attribute(ev *event.Event, name string) (string, bool) {
	if ev.Message == nil || ev.IsMessage() {
		attributes := ev.Extensions
		if ev.Message != nil {
			attributes = ev.Message.Attributes
		}
		return named(attributes, name)
	}
	if value, ok := named(ev.Extensions, name); ok {
		return value, true
	}
	return named(ev.Message.Attributes, name)
}

// named finds an attribute under name, else under name in another case. Of
// several such the first in order counts.
func named(attributes map[string]string, name string) (string, bool) {
	if value, ok := attributes[name]; ok {
		return value, true
	}
	found, ok := "", false
	for other := range attributes {
		if strings.EqualFold(other, name) && (!ok || other < found) {
			found, ok = other, true
		}
	}
	return attributes[found], ok
}

// skips returns which preset passes over the event, and why.
func (r *rule) skips(s *expression.Scope) (preset, sign string, ok bool) {
	if s.Event().Object == nil {
		return "", "", false
	}
	for _, p := range r.skip {
		if sign, ok := p.skips(s.Event().Object.Name, s.Size); ok {
			return p.name, sign, true
		}
	}
	return "", "", false
}

// plan maps an event that matched into the run that it asks for. Beside an
// error it is what is known of it.
func (r *rule) plan(ctx context.Context, s *expression.Scope) (Plan, error) {
	p := Plan{Route: r.name, Environment: r.environment, Identity: s.Event().Key(), Limits: r.limits}
	if r.reject != nil {
		return p, r.rejection(ctx, s)
	}
	p.Asset, p.Materialize = r.asset, r.materialize
	var err error
	if p.DAG, err = r.dagID(ctx, s); err != nil {
		return p, err
	}
	if p.PartitionKey, err = r.partition(ctx, s); err != nil {
		return p, err
	}
	if r.complete == nil {
		if p.Conf, err = r.conf.json(ctx, s); err != nil {
			return p, err
		}
	}
	if r.runID != nil {
		identity, err := r.runID.text(ctx, s, "run_id")
		if err == nil && identity == "" {
			err = placed("run_id", r.runID.at,
				errors.New("it is empty, and would make all such events one run: compute it of something that each has"))
		}
		if err != nil {
			return p, err
		}
		p.Identity = []string{identity}
	}
	if p.RunID, err = r.exactID(ctx, s); err != nil {
		return p, err
	}
	if p.LogicalDate, err = r.logicalDate.time(ctx, s); err != nil {
		return p, err
	}
	if r.complete != nil {
		if p.Set, err = r.set(ctx, s); err == nil {
			p.Identity = p.Set.identity(&p)
		}
		return p, err
	}
	if p.Note, err = r.noteOn(ctx, s); err != nil || r.window == nil {
		return p, err
	}
	return p, r.window.apply(&p, s.Event(), r)
}

// dagID evaluates dag; "" where the route has an asset in its place.
func (r *rule) dagID(ctx context.Context, s *expression.Scope) (string, error) {
	if r.asset != "" {
		return "", nil
	}
	dag, err := r.dag.text(ctx, s, "dag")
	if err != nil {
		return "", err
	}
	if len(r.dags) > 0 && !slices.ContainsFunc(r.dags, func(p *pattern.Pattern) bool { _, ok := p.Match(dag); return ok }) {
		return "", placed("dag", r.dag.at, s.Redacted(
			fmt.Errorf("it became %q, which dags does not list: add it there, or fix what sends such events", shorten(dag, 80))))
	}
	return dag, nil
}

// maxPartitionKey is the most characters of a partition key that Airflow takes.
const maxPartitionKey = 250

// partition evaluates partition_key; "" where the route has none.
func (r *rule) partition(ctx context.Context, s *expression.Scope) (string, error) {
	if r.partitionKey == nil {
		return "", nil
	}
	key, err := r.partitionKey.text(ctx, s, "partition_key")
	switch length := len([]rune(key)); {
	case err != nil:
		return "", err
	case strings.TrimSpace(key) == "":
		err = errors.New("it is blank: compute it of something that each event has")
	case length > maxPartitionKey:
		err = fmt.Errorf("it has %d characters, and Airflow takes %d: make it shorter", length, maxPartitionKey)
	}
	return key, placed("partition_key", r.partitionKey.at, err)
}

// RejectedError is the error of a route that rejects an event: its own words.
type RejectedError struct{ Text string }

func (e *RejectedError) Error() string { return e.Text }

// maxRejection is the most characters of a route's words.
const maxRejection = 1000

// rejection evaluates reject. The words are one line, and never empty.
func (r *rule) rejection(ctx context.Context, s *expression.Scope) error {
	text, err := r.reject.text(ctx, s, "reject")
	if err != nil {
		return err
	}
	text = strings.Join(strings.Fields(text), " ")
	return &RejectedError{shorten(cmp.Or(text, "the route "+r.name+" rejects it"), maxRejection)}
}

// exactID evaluates run_id_exact; "" where the route has none.
func (r *rule) exactID(ctx context.Context, s *expression.Scope) (string, error) {
	if r.exactRunID == nil {
		return "", nil
	}
	id, err := r.exactRunID.text(ctx, s, "run_id_exact")
	if err != nil {
		return "", err
	}
	return id, placed("run_id_exact", r.exactRunID.at, airflowid.CheckNewRun(id))
}

func (r *rule) noteOn(ctx context.Context, s *expression.Scope) (string, error) {
	if r.note == nil {
		return note(s.Event()), nil
	}
	text, err := r.note.Escaped(ctx, s, maxText, markdown)
	return shorten(text, maxNote), placed("note", r.note.at, err)
}

// maxText is the most bytes of a computed DAG id, run id or note.
const maxText = 64 << 10

func (l *located) text(ctx context.Context, s *expression.Scope, key string) (string, error) {
	text, err := l.Text(ctx, s, maxText)
	return text, placed(key, l.at, err)
}

func (l *located) time(ctx context.Context, s *expression.Scope) (time.Time, error) {
	if l == nil {
		return time.Time{}, nil
	}
	t, err := l.Time(ctx, s)
	return t, placed("logical_date", l.at, err)
}

// placed says in which key an error is, and where that stands.
func placed(key string, at Position, err error) error {
	if err == nil {
		return nil
	}
	return &KeyError{Key: key, At: at, Err: err}
}

// KeyError is a key of a route that could not be evaluated for an event, and its place
// in the file.
type KeyError struct {
	Key string
	At  Position
	Err error
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("%s on line %d, column %d: %v", e.Key, e.At.Line, e.At.Column, e.Err)
}

func (e *KeyError) Unwrap() error { return e.Err }
