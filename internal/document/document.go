// SPDX-License-Identifier: Apache-2.0

// Package document implements strict reading of YAML that people write: one document,
// every key known, every value of its key's type, and all that is wrong reported at
// once as file:line:column: what: fix.
//
// A map is read by a table of [Key]s, which its JSON Schema and its
// documentation follow too. The package knows none of the tables, opens no file,
// and puts no value of a key that is secret into a problem.
package document

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Position is a place in a document. Lines and columns count from 1, columns in
// characters; zero means nowhere.
type Position struct{ Line, Column int }

// At is where a node stands.
func At(node *yaml.Node) Position { return Position{node.Line, node.Column} }

// Fault is one thing that is wrong, where, and how to fix it.
type Fault struct {
	File string // empty for what stands in no file, such as a variable
	Position
	What, Fix string
}

// String is the problem in one line.
func (f Fault) String() string {
	place := f.File
	if place != "" && f.Line > 0 {
		place += fmt.Sprintf(":%d:%d", f.Line, f.Column)
	}
	if place != "" {
		place += ": "
	}
	return place + oneLine(f.What) + ": " + oneLine(f.Fix)
}

// maxPart is the most characters of a problem's parts: it may quote what somebody
// wrote, be it a whole book.
const maxPart = 1000

// oneLine escapes what would break a line or hide in it, and shortens.
func oneLine(text string) string {
	var b strings.Builder
	n := 0
	for _, c := range text {
		if n++; n > maxPart {
			return b.String() + "…"
		}
		if unicode.IsControl(c) {
			quoted := strconv.QuoteRune(c)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// Faults are all that is wrong.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Err is f as an error; nil where there is no problem.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
