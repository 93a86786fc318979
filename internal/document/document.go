// SPDX-License-Identifier: Apache-2.0

// Package document decodes YAML that people write: one document, every key known,
// every value of its key's type, and all that is wrong reported at once as
// file:line:column: what: fix.
//
// A map is read by a table of [Key]s. The table is the one place that lists a
// key: its decoder, its JSON Schema, its help and its completion follow from it.
// The package knows none of the tables, opens no file, and puts no value of a
// secret key into an error.
package document

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Position is a place in a document. Lines and columns count from 1, columns in
// characters; zero means nowhere. It is small because every text has one.
type Position struct{ Line, Column int32 }

// At is where a node stands.
func At(node *yaml.Node) Position { return Position{int32(node.Line), int32(node.Column)} }

// Problem is one thing that is wrong, where, and how to fix it.
type Problem struct {
	File string // empty for what stands in no file, such as a variable
	Position
	What, Fix string
}

// String is the error in one line.
func (f Problem) String() string {
	var place []string
	if f.File != "" {
		place = append(place, f.File)
	}
	if f.Line > 0 {
		place = append(place, fmt.Sprintf("%d:%d", f.Line, f.Column))
	}
	text := oneLine(f.What) + ": " + oneLine(f.Fix)
	if len(place) == 0 {
		return text
	}
	return strings.Join(place, ":") + ": " + text
}

// maxPart is the most characters of an error's parts: it may quote what somebody
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

// Problems are all that is wrong.
type Problems []Problem

func (f Problems) Error() string {
	lines := make([]string, len(f))
	for i, problem := range f {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Err is f as an error; nil where nothing is wrong.
func (f Problems) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// In sets the file of all of f.
func (f Problems) In(file string) Problems {
	for i := range f {
		f[i].File = file
	}
	return f
}

// Sort puts f in the order of the file.
func (f Problems) Sort() {
	slices.SortStableFunc(f, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
