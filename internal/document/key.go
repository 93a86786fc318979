// SPDX-License-Identifier: Apache-2.0

package document

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/route/habit"
	"example.com/dagtrigger/internal/route/nearest"
)

// Key is a row of the table by which a map is read into a T. It is all there is
// to say of a key: [Map] decodes by it, [ObjectSchema] describes it to editors,
// and [Entries] document it.
type Key[T any] struct {
	Name     string
	Doc      string // one or a few sentences
	Example  string // the key with a value, as YAML
	Takes    string // what its value is, in words; empty for what the field says
	Required bool
	Words    []string // what a text may be; nil for anything
	Open     bool     // it may be something else than Words, too
	Pattern  string   // the regular expression of a text, for the schema
	Secret   bool     // its value stands in no error
	Vars     bool     // its text may name the file's vars, as ${vars.NAME}
	// Instead is what to write in place of a value that the key does not take, and ""
	// where that is nothing special; nil for a key of which nobody writes another.
	Instead func(*yaml.Node) string
	// To is where the value goes: a *string, *bool, *int64, *time.Duration,
	// *map[string]string or a func(*Reader, *yaml.Node), or a [Field].
	To func(*T) any
}

// Entry is a key without its type: its documentation, and what its field needs to
// know of it.
type Entry struct {
	Name, Doc, Example, Takes string
	Required                  bool
	Words                     []string
	Open                      bool
	Pattern                   string
	Secret, Vars              bool
	Instead                   func(*yaml.Node) string
}

func (k *Key[T]) entry(f Field) Entry {
	takes := k.Takes
	if takes == "" {
		takes = f.Takes()
	}
	return Entry{k.Name, k.Doc, k.Example, takes, k.Required, k.Words, k.Open, k.Pattern, k.Secret, k.Vars, k.Instead}
}

// Entries are the documentation of a table.
func Entries[T any](keys []Key[T]) []Entry {
	all := make([]Entry, len(keys))
	for i := range keys {
		var into T
		all[i] = keys[i].entry(fieldOf(keys[i].To(&into)))
	}
	return all
}

// Found is what [Map] found of a map.
type Found struct {
	Places  map[string]Position // of the values of the keys that are there
	Invalid []string            // the keys that are there and could not be read
}

// Map reads a map into the T that its keys belong to. What names it in errors,
// such as "an environment".
func Map[T any](r *Reader, node *yaml.Node, what string, keys []Key[T], into *T) Found {
	found := Found{Places: map[string]Position{}}
	if !r.Members(node, what, func(name, value *yaml.Node) {
		at := slices.IndexFunc(keys, func(k Key[T]) bool { return k.Name == name.Value })
		if at < 0 {
			r.Problem(At(name), word(name.Value)+" is not a key of "+what, unknownKey(name.Value, names(keys)))
			return
		}
		value, ok := r.Follow(value)
		if !ok {
			return
		}
		found.Places[name.Value] = At(value)
		f := fieldOf(keys[at].To(into))
		before := len(r.Problems)
		if f.Read(r, keys[at].entry(f), value); len(r.Problems) > before {
			found.Invalid = append(found.Invalid, name.Value)
		}
	}) {
		return found
	}
	for i := range keys {
		if _, ok := found.Places[keys[i].Name]; keys[i].Required && !ok {
			r.Problem(At(Resolve(node)), what+" has no "+keys[i].Name, "add it, such as "+keys[i].Example)
		}
	}
	return found
}

func names[T any](keys []Key[T]) []string {
	all := make([]string, len(keys))
	for i := range keys {
		all[i] = keys[i].Name
	}
	return all
}

// unknownKey is the fix of a key that is none of known. Only a file, which has match, and
// a route, which has when, are where others write a branch.
func unknownKey(name string, known []string) string {
	if branch := habit.Branch(name); branch != "" && (slices.Contains(known, "match") || slices.Contains(known, "when")) {
		return branch
	}
	return Suggestion(name, known)
}

// word is a name as an error shows it: in quotes where it is no plain word.
func word(name string) string {
	if name == "" || strings.ContainsFunc(name, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("_-.", c)
	}) {
		return strconv.Quote(name)
	}
	return name
}

// Suggestion is the fix of a name that is none of known.
func Suggestion(name string, known []string) string {
	near := nearest.Of(name, known...)
	if meant := habit.Key(name); slices.Contains(known, meant) {
		near = meant
	}
	if near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of " + strings.Join(known, ", ")
}
