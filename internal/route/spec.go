// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Spec is a route as the operator wrote it. Each text keeps its place in the
// file, for faults. [Keys] documents what each field means.
type Spec struct {
	Position

	Name         Text
	On           []Text
	Bucket       []Text
	Object       []Text
	Topic        []Text
	Subscription []Text
	Source       []Text
	Subject      []Text
	Attributes   []Attribute
	Skip         []Text
	When         Text
	DAG          Text
	DAGs         []Text
	Conf         Value
	RunID        Text
	RunIDExact   Text
	LogicalDate  Text
	Note         Text
	Environment  Text
	Every        Span
	Grace        Span
	Late         Text
	MaxActive    Count
	WhenPaused   Text
	SkipActive   Switch
	DeadLetter   Text
	Enabled      Switch

	invalid []string // the keys that stand in the file, but could not be decoded
}

// Starts are the ids of the DAGs that the route may start: the one it names, or
// where that is computed, what it may become.
func (s *Spec) Starts() []string {
	if len(s.DAGs) == 0 {
		return []string{s.DAG.Value}
	}
	ids := make([]string, len(s.DAGs))
	for i, id := range s.DAGs {
		ids[i] = id.Value
	}
	return ids
}

// Position is a place in the file. Lines and columns count from 1, columns in
// characters; zero means nowhere. It is small because every text has one.
type Position struct{ Line, Column int32 }

// Text is text of the file.
type Text struct {
	Value string
	Position
	// Lead is how many characters of the file are between Position and the text:
	// 1 for a quote, and -1 where the text does not stand there as it is.
	Lead int32
}

// IsSet reports whether the operator wrote the text, be it empty.
func (t Text) IsSet() bool { return t.Value != "" || t.Line > 0 }

// at is where the byte at offset stands in the file, as exactly as possible.
func (t Text) at(offset int) Position {
	if t.Lead < 0 || offset == 0 {
		return t.Position
	}
	return Position{t.Line, t.Column + t.Lead + int32(utf8.RuneCountInString(t.Value[:offset]))}
}

// Attribute is the name of an attribute and the patterns for its value.
type Attribute struct {
	Name     Text
	Patterns []Text
}

// Span is a length of time; zero where it was left out.
type Span struct {
	Position
	Value time.Duration
}

// Count is a whole number of one or more; zero where it was left out.
type Count struct {
	Position
	Value int
}

// Switch is true, false or left out.
type Switch struct {
	Position
	Off bool // false was written
}

// on reports whether true was written.
func (s Switch) on() bool { return s.Line > 0 && !s.Off }

// Value is a value of a conf.
type Value struct {
	Kind Kind
	// Text is that of a Template, and of a Literal the JSON. Lists and maps have
	// but its Position.
	Text
	Members []Value // of List and Map
	Names   []Text  // of Map, for each of the members
}

// Kind is the kind of a [Value].
type Kind byte

// The kinds of values. Nothing is the zero Value: it was left out.
const (
	Nothing Kind = iota
	Template
	Literal
	List
	Map
)

// Fault says what is wrong in the file, where, and how to fix it.
type Fault struct {
	Position
	What, Fix string
}

// String is the problem in one line, as line:column: what: fix.
func (f Fault) String() string {
	return fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, f.What, f.Fix)
}

// SortFaults puts faults in the order of the file.
func SortFaults(faults []Fault) {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.What, b.What))
	})
}
