// SPDX-License-Identifier: Apache-2.0

// Package cause implements the form in which a failure is reported: what it means, and
// its fix. A table of causes is written once, beside the code that meets
// them; errors, live checks and the help all take their words from it.
//
// It knows no cause itself, and imports the standard library only.
package cause

import (
	"regexp"
	"slices"
)

// Cause is one row of such a table. Words in capitals stand for what is known
// only once the failure is met, such as PROJECT.
type Cause struct {
	Name  string // stable, such as composer-forbidden
	Means string
	Fix   string // a command to paste where there is one
}

// Error is a cause that was met. It holds no secret.
type Error struct {
	Cause Cause // with its words in capitals filled in, as far as they are known
	// Err is what lies beneath, nil where nothing does. Its text is shown.
	Err error
}

// Error is what went wrong, and what to do.
func (e *Error) Error() string { return e.What() + ": " + e.Cause.Fix }

// What is what went wrong.
func (e *Error) What() string {
	if e.Err == nil {
		return e.Cause.Means
	}
	return e.Cause.Means + " (" + e.Err.Error() + ")"
}

// Unwrap is what lies beneath.
func (e *Error) Unwrap() error { return e.Err }

// Met is the error of the cause of that name in table. known are pairs of a
// word in capitals and what takes its place; an empty one leaves the word
// standing. A name that the table lacks is reported as it is.
func Met(table []Cause, name string, err error, known ...string) *Error {
	c := Cause{Name: name, Means: name}
	if i := slices.IndexFunc(table, func(c Cause) bool { return c.Name == name }); i >= 0 {
		c = table[i]
	}
	c.Means, c.Fix = Fill(c.Means, known...), Fill(c.Fix, known...)
	return &Error{Cause: c, Err: err}
}

// Fill puts what is known, given as pairs, for the words in capitals. Whole
// words alone: the URL of AIRFLOW_URL stays.
func Fill(text string, known ...string) string {
	return regexp.MustCompile(`\b[A-Z]+\b`).ReplaceAllStringFunc(text, func(word string) string {
		for i := 0; i+1 < len(known); i += 2 {
			if known[i] == word && known[i+1] != "" {
				return known[i+1]
			}
		}
		return word
	})
}
