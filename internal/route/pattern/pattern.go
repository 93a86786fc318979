// SPDX-License-Identifier: Apache-2.0

// Package pattern implements the path patterns by which a route picks events. They
// are Eventarc's, https://cloud.google.com/eventarc/docs/path-patterns:
//
//   - * is zero or more characters but /
//   - ** is zero or more of any
//   - {name=*} is as *, and what it takes is called name
//   - {name=**} is as **, likewise
//
// Everything else stands for itself, and a pattern covers the whole name. There
// is no escape: a literal *, { or } in a name is covered by *.
//
// Where a pattern could cover a name in several ways, each wildcard, from left
// to right, takes as much as it can, as in a regular expression: of a.tar.gz,
// {base=*}.{ext=*} makes base a.tar and ext gz.
//
// A match takes time and memory proportional to the length of the name times
// the number of wildcards, whatever the pattern: nothing backtracks.
package pattern

import (
	"fmt"
	"slices"
	"strings"
)

// Pattern is a compiled path pattern. It never changes.
type Pattern struct {
	text   string
	tokens []token
	names  []string
}

// token is a literal or a wildcard.
type token struct {
	literal string
	wild    wild
	capture bool
}

type wild byte

const (
	none    wild = iota
	segment      // *
	path         // **
)

// Problem says what is wrong in a pattern, where, and how to fix it.
type Problem struct {
	Offset    int // in bytes from the pattern's beginning
	What, Fix string
}

func (f *Problem) Error() string { return f.What + ": " + f.Fix }

// Parse compiles text. The error is a *[Problem].
func Parse(text string) (*Pattern, error) {
	if text == "" {
		return nil, &Problem{What: "the pattern is empty", Fix: "write ** to match everything, or leave it out"}
	}
	p := &Pattern{text: text}
	for at := 0; at < len(text); {
		next, err := p.parseToken(at)
		if err != nil {
			return nil, err
		}
		at = next
	}
	p.tokens = slices.Clip(p.tokens)
	return p, nil
}

// All returns the pattern **, which covers every name.
func All() *Pattern { return &Pattern{text: "**", tokens: []token{{wild: path}}} }

// parseToken reads the token at offset at, and returns where the next begins.
func (p *Pattern) parseToken(at int) (int, error) {
	rest := p.text[at:]
	switch rest[0] {
	case '*':
		stars := len(rest) - len(strings.TrimLeft(rest, "*"))
		if stars > 2 {
			return 0, &Problem{at, fmt.Sprintf("%s is no wildcard", rest[:stars]), "write * for any characters but /, or ** for any at all"}
		}
		p.tokens = append(p.tokens, token{wild: wild(stars)})
		return at + stars, nil
	case '{':
		return p.parseCapture(at)
	case '}':
		return 0, &Problem{at, "} closes nothing", "write a capture as {name=*} or {name=**}"}
	}
	end := strings.IndexAny(rest, "*{}")
	if end < 0 {
		end = len(rest)
	}
	p.tokens = append(p.tokens, token{literal: rest[:end]})
	return at + end, nil
}

// parseCapture reads {name=*} or {name=**} at offset at.
func (p *Pattern) parseCapture(at int) (int, error) {
	const fix = "write a capture as {name=*} or {name=**}"
	end := strings.IndexByte(p.text[at:], '}')
	if end < 0 {
		return 0, &Problem{at, "{ is not closed", fix}
	}
	end += at
	name, wildcard, found := strings.Cut(p.text[at+1:end], "=")
	switch {
	case !found && isName(name):
		return 0, &Problem{at, fmt.Sprintf("{%s} does not say what it takes", name), fmt.Sprintf("write {%s=*} or {%s=**}", name, name)}
	case !found || !isName(name):
		return 0, &Problem{at, fmt.Sprintf("%s is no capture", p.text[at:end+1]), fix + ", its name made of letters, digits and _"}
	case wildcard != "*" && wildcard != "**":
		return 0, &Problem{at, fmt.Sprintf("{%s=%s} takes neither * nor **", name, wildcard),
			fmt.Sprintf("write {%s=*} or {%s=**}, and what is fixed outside the braces", name, name)}
	case slices.Contains(p.names, name):
		return 0, &Problem{at, fmt.Sprintf("%s is captured twice", name), "give the second another name"}
	}
	p.names = append(p.names, name)
	p.tokens = append(p.tokens, token{wild: wild(len(wildcard)), capture: true})
	return end + 1, nil
}

// isName reports whether path.name is an expression: an identifier, and none of
// the words that CEL's grammar keeps for itself.
func isName(name string) bool {
	for i, c := range name {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && !slices.Contains([]string{"true", "false", "null", "in"}, name)
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Names returns the names of the captures, in the order in which Match gives
// their values. Nobody may change it.
func (p *Pattern) Names() []string { return p.names }

// Exact reports whether the pattern matches one name alone, itself.
func (p *Pattern) Exact() bool { return len(p.tokens) == 1 && p.tokens[0].wild == none }

// Prefix is the literal beginning that every name has which matches.
func (p *Pattern) Prefix() string { return p.tokens[0].literal }
