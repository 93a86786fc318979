// SPDX-License-Identifier: Apache-2.0

package document

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/clock"
)

// Field is where the value of a key goes.
type Field interface {
	// Takes says in words what the value is; empty where the key's Doc says it.
	Takes() string
	// Schema describes the value to editors.
	Schema(Entry) *Schema
	// Read reads the value, which is no alias. An error of it makes the key invalid.
	Read(*Reader, Entry, *yaml.Node)
}

// fieldOf is what a key's To points to.
func fieldOf(to any) Field {
	switch to := to.(type) {
	case Field:
		return to
	case *string:
		return (*plainText)(to)
	case *bool:
		return (*plainBool)(to)
	case *int64:
		return (*plainCount)(to)
	case *time.Duration:
		return (*plainSpan)(to)
	case *map[string]string:
		return (*plainMap)(to)
	case func(*Reader, *yaml.Node):
		return Custom{Reads: to}
	}
	// No input leads here, only a row of a table. Each table's documentation is generated
	// from all its rows, which tests do: TestEveryKeyHasAField.
	panic(fmt.Sprintf("a key's value goes into a %T", to))
}

// Wrong reports a value that is not what its key takes.
func (r *Reader) Wrong(e Entry, node *yaml.Node, fix string) {
	if e.Instead != nil {
		fix = cmp.Or(e.Instead(node), fix)
	}
	r.Problem(At(node), fmt.Sprintf("%s takes %s, and this is %s", e.Name, e.Takes, written(e, node)), fix)
}

// maxWritten is the most characters of a value in an error.
const maxWritten = 60

// written describes a value as somebody wrote it, unless that is a secret.
func written(e Entry, node *yaml.Node) string {
	kind := Describe(node)
	value := []rune(node.Value)
	switch {
	case e.Secret || node.Kind != yaml.ScalarNode || len(value) > maxWritten:
		return kind
	case kind == "text":
		return "the text " + strconv.Quote(node.Value)
	case kind == "a number":
		return "the number " + word(node.Value)
	case kind == "true or false":
		return word(node.Value)
	}
	return kind
}

// wrongText reports a value that could be what its key takes in quotes, or else as the
// example has it.
func (r *Reader) wrongText(e Entry, node *yaml.Node) {
	fix := quoted(node, "write it as "+e.Example)
	if e.Secret && node.Kind == yaml.ScalarNode && !isNothing(node) {
		fix = "quote it"
	}
	r.Wrong(e, node, fix)
}

// choose reports a text that is none of the words that it may be.
func (r *Reader) choose(e Entry, text Text) {
	if e.Words != nil && !e.Open && !slices.Contains(e.Words, text.Value) {
		fix := Suggestion(text.Shown(), e.Words)
		if e.Instead != nil {
			fix = cmp.Or(e.Instead(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text.Shown()}), fix)
		}
		r.Problem(text.Position, fmt.Sprintf("%s is %q", e.Name, text.Shown()), fix)
	}
}

// Text is text of the file, with its place.
type Text struct {
	Value string
	Position
	// Lead is how many characters of the file are between Position and the text:
	// 1 for a quote, and -1 where the text does not stand there as it is.
	Lead int32
	// Written is the text before a value from an environment variable was put into
	// it; nil where none was. Errors show it, see Shown.
	Written *string
}

// Shown is the text as an error may show it: no value of an environment variable.
func (t Text) Shown() string {
	if t.Written != nil {
		return *t.Written
	}
	return t.Value
}

// TextOf is the text of a node.
func TextOf(node *yaml.Node) Text {
	return Text{Value: node.Value, Position: At(node), Lead: lead(node)}
}

// IsSet reports whether somebody wrote the text, be it empty.
func (t Text) IsSet() bool { return t.Value != "" || t.Line > 0 }

// At is where the byte at offset stands in the file, as exactly as possible.
func (t Text) At(offset int) Position {
	if t.Lead < 0 || offset == 0 {
		return t.Position
	}
	return Position{t.Line, t.Column + t.Lead + int32(utf8.RuneCountInString(t.Value[:offset]))}
}

// Takes implements [Field].
func (*Text) Takes() string { return "text" }

// Schema implements [Field].
func (*Text) Schema(e Entry) *Schema { return textSchema(e) }

// Read implements [Field].
func (t *Text) Read(r *Reader, e Entry, node *yaml.Node) {
	if !IsText(node) {
		r.wrongText(e, node)
		return
	}
	text, ok := r.expand(e, TextOf(node))
	if ok {
		*t = text
		r.choose(e, text)
	}
}

// Texts are one text or a list of them.
type Texts []Text

// Takes implements [Field].
func (*Texts) Takes() string { return "text or a list of texts" }

// Schema implements [Field].
func (*Texts) Schema(e Entry) *Schema {
	return &Schema{AnyOf: []*Schema{textSchema(e), {Type: "array", MinItems: 1, Items: textSchema(e)}}}
}

// Read implements [Field].
func (t *Texts) Read(r *Reader, e Entry, node *yaml.Node) {
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		if items = node.Content; len(items) == 0 {
			r.Problem(At(node), e.Name+" is an empty list", "leave "+e.Name+" out, or write it as "+e.Example)
		}
	}
	for _, item := range items {
		item, ok := r.Follow(item)
		switch {
		case !ok:
			return
		case !IsText(item):
			r.wrongText(e, item)
		default:
			*t = append(*t, r.textsOf(e, TextOf(item))...)
		}
	}
}

// Span is a length of time; zero where it was left out.
type Span struct {
	Position
	Value time.Duration
}

// String writes the length as a file does.
func (s *Span) String() string { return clock.FormatDuration(s.Value) }

// schedules are the schedules of Airflow that are a length of time, and wordy a length with
// its unit in words.
var (
	schedules = map[string]string{"@hourly": "1h", "@daily": "1d", "@weekly": "1w"}
	cron      = regexp.MustCompile(`^(?:\*/(\d+) \* \* \* \*|\d+ \*/(\d+) \* \* \*)$`)
	wordy     = regexp.MustCompile(`(?i)^(\d+)\s*(s|m|h|d|w)(?:ec(?:ond)?s?|in(?:ute)?s?|(?:ou)?rs?|ays?|eeks?)?$`)
)

// duration writes a key with the length of time that somebody meant, empty where nobody
// knows. A number without a unit is none.
func duration(e Entry, node *yaml.Node) string {
	meant := schedules[node.Value]
	if m := cron.FindStringSubmatch(node.Value); m != nil {
		if meant = m[1] + "m"; m[1] == "" {
			meant = m[2] + "h"
		}
	}
	if m := wordy.FindStringSubmatch(node.Value); m != nil {
		meant = m[1] + strings.ToLower(m[2])
	}
	if d, err := clock.ParseDuration(meant); err != nil || d <= 0 {
		return ""
	}
	return e.Name + ": " + meant
}

// Takes implements [Field].
func (*Span) Takes() string { return "a duration such as 90s, 5m, 24h or 2d" }

// Schema implements [Field].
func (*Span) Schema(Entry) *Schema { return &Schema{Type: "string", Pattern: clock.DurationPattern} }

// Read implements [Field].
func (s *Span) Read(r *Reader, e Entry, node *yaml.Node) {
	value, err := clock.ParseDuration(node.Value)
	if !IsText(node) || err != nil || value <= 0 {
		r.Wrong(e, node, "write it as "+cmp.Or(duration(e, node), e.Example))
		return
	}
	*s = Span{At(node), value}
}

// wholeNumber reads a number that is not below least, and reports anything else.
func (r *Reader) wholeNumber(e Entry, node *yaml.Node, least int64) (int64, bool) {
	value, err := strconv.ParseInt(node.Value, 10, 64)
	valid := err == nil && value >= least
	switch {
	case valid && node.ShortTag() == "!!int":
		return value, true
	case valid:
		r.Wrong(e, node, fmt.Sprintf("write %s: %d", e.Name, value))
	default:
		r.Wrong(e, node, "write it as "+e.Example)
	}
	return 0, false
}

// Count is a whole number of one or more; zero where it was left out.
type Count struct {
	Position
	Value int
}

// Takes implements [Field].
func (*Count) Takes() string { return "a whole number of one or more" }

// Schema implements [Field].
func (*Count) Schema(Entry) *Schema { return &Schema{Type: "integer", Minimum: 1} }

// Read implements [Field].
func (c *Count) Read(r *Reader, e Entry, node *yaml.Node) {
	if value, ok := r.wholeNumber(e, node, 1); ok {
		*c = Count{At(node), int(value)}
	}
}

// Switch is true, false or left out.
type Switch struct {
	Position
	Off bool // false was written
}

// On reports whether true was written.
func (s Switch) On() bool { return s.Line > 0 && !s.Off }

// Takes implements [Field].
func (*Switch) Takes() string { return "true or false" }

// Schema implements [Field].
func (*Switch) Schema(Entry) *Schema { return &Schema{Type: "boolean"} }

// Read implements [Field].
func (s *Switch) Read(r *Reader, e Entry, node *yaml.Node) {
	var on bool
	before := len(r.Problems)
	if (*plainBool)(&on).Read(r, e, node); len(r.Problems) == before {
		*s = Switch{At(node), !on}
	}
}

// Custom is a value that a function reads.
type Custom struct {
	Words string // what Takes returns
	Shape *Schema
	Reads func(*Reader, *yaml.Node)
}

// Takes implements [Field].
func (c Custom) Takes() string { return c.Words }

// Schema implements [Field].
func (c Custom) Schema(Entry) *Schema {
	if c.Shape == nil {
		return &Schema{}
	}
	return c.Shape
}

// Read implements [Field].
func (c Custom) Read(r *Reader, _ Entry, node *yaml.Node) { c.Reads(r, node) }
