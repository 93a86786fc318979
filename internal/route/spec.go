// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/document"
)

// Spec is a route as the operator wrote it. Each text keeps its place in the
// file, for problems. [Keys] documents what each field means.
type Spec struct {
	Position

	Name         Text
	On           document.Texts
	Bucket       document.Texts
	Object       document.Texts
	Topic        document.Texts
	Subscription document.Texts
	Source       document.Texts
	Subject      document.Texts
	Attributes   Attributes
	Skip         document.Texts
	When         Text
	DAG          Text
	DAGs         document.Texts
	Reject       Text
	Vars         document.Values
	Asset        Text
	Dataset      Text
	Extra        Value
	Materialize  document.Switch
	PartitionKey Text
	Conf         Value
	RunID        Text
	RunIDExact   Text
	LogicalDate  Text
	Note         Text
	Environment  Text
	Every        document.Span
	Grace        document.Span
	Late         Text
	Complete     Complete
	MaxActive    document.Count
	WhenPaused   Text
	SkipActive   document.Switch
	DeadLetter   Text
	Shadow       document.Switch
	Enabled      document.Switch

	invalid []string // the keys that stand in the file, but could not be decoded
}

// Starts are the ids of the DAGs that the route may start: the one it names, or
// where that is computed, what it may become. Patterns are left out.
func (s *Spec) Starts() []string {
	if len(s.DAGs) == 0 && s.DAG.IsSet() {
		return []string{s.DAG.Value}
	}
	var ids []string
	for _, id := range s.DAGs {
		if !strings.Contains(id.Value, "*") {
			ids = append(ids, id.Value)
		}
	}
	return ids
}

// IsLive reports whether the route takes part in what an event starts: it is enabled,
// and no shadow.
func (s *Spec) IsLive() bool { return !s.Enabled.Off && !s.Shadow.On() }

// Complete is the set of objects that the route waits for. [CompleteKeys] document
// its fields.
type Complete struct {
	Position
	Prefix   Text
	Names    document.Texts
	Count    document.Count
	Manifest Text
	Files    Text
	Again    Text
}

// IsSet reports whether the operator wrote complete.
func (c Complete) IsSet() bool { return c.Line > 0 }

// identity is what the run ids of the sets depend on, but for run_id.
func (c Complete) identity() string {
	if !c.IsSet() {
		return ""
	}
	return fmt.Sprintf("%q;%t", c.Prefix.Value, c.Again.Value == againChanged)
}

// content writes which sets the route waits for.
func (c Complete) content() string {
	if !c.IsSet() {
		return ""
	}
	return fmt.Sprintf("%q;%q;%d;%q;%q;%q", c.Prefix.Value, plain(c.Names), c.Count.Value, c.Manifest.Value, c.Files.Value, c.Again.Value)
}

// AssetName is the URI or the name of the asset that the route names in place of a
// DAG; empty for none.
func (s *Spec) AssetName() string { return s.asset().Value }

// What a routes file is made of.
type (
	// Position is a place in the file.
	Position = document.Position
	// Text is a text with its place.
	Text = document.Text
	// Value is any value with its place.
	Value = document.Value
	// Problem is what is wrong in the file, where, and its fix.
	Problem = document.Problem
)

func problem(at Position, what, fix string) Problem {
	return Problem{Position: at, What: what, Fix: fix}
}
