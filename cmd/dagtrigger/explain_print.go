// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
)

// explanation is the result for an event, in JSON.
type explanation struct {
	Event  eventSeen     `json:"event"`
	Routes []routeResult `json:"routes"`
	// Error says why the event's data cannot be used; there are no routes then.
	Error string `json:"error,omitempty"`
	file  *config.File
}

// eventSeen is the event in its normal form.
type eventSeen struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Source  string `json:"source"`
	Subject string `json:"subject,omitempty"`
	Time    string `json:"time,omitempty"`
}

// routeResult is what a route makes of the event.
type routeResult struct {
	Route   string `json:"route"`
	Matched bool   `json:"matched"`
	// Shadow reports that the route is one, and starts nothing.
	Shadow bool `json:"shadow,omitempty"`
	// Reason is the first thing that did not match.
	Reason string `json:"reason,omitempty"`
	// Vars are the values of the route's vars.
	Vars  []*partResult `json:"vars,omitempty"`
	When  *partResult   `json:"when,omitempty"`
	Run   *runResult    `json:"run,omitempty"`
	Set   *setResult    `json:"set,omitempty"`
	Error string        `json:"error,omitempty"`
}

// partResult is a part of a condition, with what it gave.
type partResult struct {
	Text   string        `json:"text"`
	Value  string        `json:"value"`
	Failed bool          `json:"failed,omitempty"`
	Parts  []*partResult `json:"parts,omitempty"`
}

// setResult is the set of files that a route waits for.
type setResult struct {
	Bucket      string   `json:"bucket"`
	Prefix      string   `json:"prefix"`
	Names       []string `json:"names,omitempty"`
	Count       int      `json:"count,omitempty"`
	Manifest    string   `json:"manifest,omitempty"`
	Environment string   `json:"environment"`
	targetResult
	RunID string `json:"dag_run_id,omitempty"`
	// Incomplete says what is missing, where the bucket was listed.
	Incomplete string `json:"incomplete,omitempty"`
}

// targetResult is what a route starts: a DAG, or an asset in its place.
type targetResult struct {
	DAG         string `json:"dag_id"`
	Asset       string `json:"asset,omitempty"`
	Materialize bool   `json:"materialize,omitempty"`
}

// runResult is the run that a route asks for, and the request for it.
type runResult struct {
	Environment string `json:"environment"`
	targetResult
	Consumers []string        `json:"consumers,omitempty"` // each with its state; with --live alone
	RunID     string          `json:"dag_run_id"`
	RunKey    string          `json:"run_key,omitempty"`
	API       string          `json:"api"`
	Assumed   bool            `json:"api_assumed,omitempty"`
	Method    string          `json:"method"`
	URL       string          `json:"url"`
	Where     string          `json:"at,omitempty"` // the owner of the URL, where only the path is known
	Body      json.RawMessage `json:"body"`
}

func seen(ev *event.Event) eventSeen {
	e := eventSeen{ID: ev.ID, Type: ev.Type, Source: ev.Source, Subject: ev.Subject}
	if !ev.Time.IsZero() {
		e.Time = ev.Time.UTC().Format(time.RFC3339Nano)
	}
	return e
}

func partOf(p *expression.Part) *partResult {
	if p == nil {
		return nil
	}
	result := &partResult{Text: p.Text, Value: p.Value, Failed: p.Failed}
	for i := range p.Parts {
		result.Parts = append(result.Parts, partOf(&p.Parts[i]))
	}
	return result
}

func (x *explanation) failed() bool {
	return x.Error != "" || slices.ContainsFunc(x.Routes, func(r routeResult) bool { return r.Error != "" && !r.Shadow })
}

// text is an explanation for a person.
func (x *explanation) text(paint painter) string {
	var b strings.Builder
	b.WriteString(paint.bold(visible(x.Event.Type)) + "\n")
	for _, row := range columns([][]string{
		{"  id", visible(x.Event.ID)}, {"  source", visible(x.Event.Source)},
		{"  subject", visible(x.Event.Subject)}, {"  time", x.Event.Time},
	}) {
		if strings.Contains(strings.TrimSpace(row), "  ") { // it has a value
			b.WriteString(row + "\n")
		}
	}
	if x.Error != "" {
		return b.String() + "\n" + paint.bad("It is invalid") + ": " + visible(x.Error) + "\n"
	}
	matched, failed, assumed := 0, 0, ""
	for _, r := range x.Routes {
		b.WriteString("\n" + r.text(paint))
		switch {
		case r.Shadow:
		case r.Error != "":
			failed++
		case r.Matched:
			matched++
			if r.Run != nil && r.Run.Assumed {
				assumed = fmt.Sprintf("API %s is assumed where the environment names none; --api selects another.\n", r.Run.API)
			}
		}
	}
	if matched+failed == 0 {
		return b.String() + "\nNo route matches: the event is acknowledged and starts no run.\n"
	}
	fmt.Fprintf(&b, "\n%s%s in %s: %d matched, %d failed\n", assumed, plural(len(x.Routes), "route"), x.file.Name, matched, failed)
	return b.String()
}

// text is what a route makes of the event, for a person.
func (r *routeResult) text(paint painter) string {
	var b strings.Builder
	name := paint.bold(r.Route)
	switch {
	case r.Error != "":
		fmt.Fprintf(&b, "%s  %s\n  %s\n", name, paint.bad("fails")+r.asShadow(), visible(r.Error))
	case r.Matched:
		fmt.Fprintf(&b, "%s  %s\n", name, paint.good("matches")+r.asShadow())
	default:
		fmt.Fprintf(&b, "%s  does not match\n  %s\n", name, visible(r.Reason))
	}
	if len(r.Vars) > 0 {
		b.WriteString("  vars\n")
	}
	for _, v := range r.Vars {
		b.WriteString(v.text(paint, 4))
	}
	if r.When != nil {
		b.WriteString("  when\n" + r.When.text(paint, 4))
	}
	if r.Set != nil {
		b.WriteString(r.Set.text(r.Run != nil))
	}
	if r.Run != nil {
		b.WriteString(r.Run.text())
	}
	return b.String()
}

// asShadow says that what the route asks for is only logged.
func (r *routeResult) asShadow() string {
	if r.Shadow {
		return ", as a shadow: what follows is not sent"
	}
	return ""
}

// text is a tree, a part on a line.
func (p *partResult) text(paint painter, indent int) string {
	value := visible(p.Value)
	switch {
	case p.Failed || value == "false":
		value = paint.bad(value)
	case value == "true":
		value = paint.good(value)
	}
	text := fmt.Sprintf("%s%s is %s\n", strings.Repeat(" ", indent), visible(p.Text), value)
	for _, part := range p.Parts {
		text += part.text(paint, indent+2)
	}
	return text
}

// text is a set, for a person.
func (s *setResult) text(isComplete bool) string {
	place := visible("gs://" + s.Bucket + "/" + s.Prefix)
	var needs string
	switch {
	case s.Count > 0:
		needs = fmt.Sprintf("%s that object matches", plural(s.Count, "object"))
	case s.Manifest != "":
		needs = "the names in the manifest " + visible(s.Manifest)
	default:
		shown := s.Names[:min(len(s.Names), maxShownNames)]
		needs = visible(strings.Join(shown, ", "))
		if more := len(s.Names) - len(shown); more > 0 {
			needs += fmt.Sprintf(" and %d more", more)
		}
	}
	text := fmt.Sprintf("  waits for the set %s: %s\n", place, needs)
	switch {
	case isComplete:
		return text + "  the set is complete\n"
	case s.Incomplete != "":
		return text + "  " + visible(s.Incomplete) + "\n"
	}
	id := ""
	if s.RunID != "" {
		id = ": " + visible(s.RunID)
	}
	return text + fmt.Sprintf("  the function lists %s; where all are there, it %s in %s%s\n  --look lists it now, and shows the request\n",
		place, s.what(), s.Environment, id)
}

// maxShownNames is how many names of a set are shown.
const maxShownNames = 10

// text is a run and its request, for a person.
func (r *runResult) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s in %s: %s\n", r.what(), r.Environment, visible(r.RunID))
	for _, consumer := range r.Consumers {
		fmt.Fprintf(&b, "  for %s\n", visible(consumer))
	}
	if r.RunKey != "" {
		b.WriteString("  run key: " + visible(r.RunKey) + "\n")
	}
	fmt.Fprintf(&b, "  %s %s", r.Method, r.URL)
	if r.Where != "" {
		b.WriteString(" at " + r.Where)
	}
	b.WriteString("\n  ")
	var body bytes.Buffer
	if err := json.Indent(&body, r.Body, "  ", "  "); err != nil {
		body.Write(r.Body) // it is JSON
	}
	b.WriteString(body.String() + "\n")
	if r.Asset != "" && r.API == string(airflow.V2) {
		b.WriteString("  (0 stands for the id of the asset, which is looked up first)\n")
	}
	return b.String()
}

// what says what the route does.
func (r *targetResult) what() string {
	switch {
	case r.Materialize:
		return "materializes the asset " + visible(r.Asset)
	case r.Asset != "":
		return "publishes an event of the asset " + visible(r.Asset)
	}
	return "starts " + visible(r.DAG)
}
