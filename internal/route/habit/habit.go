// SPDX-License-Identifier: Apache-2.0

// Package habit recognises what people write into a routes file out of habit: the
// syntax of Jinja, the shell, Python, SQL, regular expressions and other globs. It says
// what to write instead. It decides nothing: its findings are warnings about what is
// valid, or take the place of a parser's error about what is not.
package habit

import (
	"regexp"
	"strings"
)

// Finding is a piece of text in another language's syntax.
type Finding struct {
	Offset    int    // in bytes from the text's beginning
	What, Fix string // in the words of an error: what it is, and what to write
}

// maxText is the most bytes of a text that is looked at: what people write is shorter.
const maxText = 4096

// rule is a form of text to find.
type rule struct {
	form *regexp.Regexp // what is wrong is the group called at, or else all of it
	what string
	fix  func(m match) string
}

// match is where a rule's form was found.
type match struct {
	text string // all of it, as it was written
	at   []int  // the places of the groups, as the regexp package returns them
	ask  Known
}

// group is the text of a group of the form, empty where it took part in nothing.
func (m match) group(n int) string {
	if m.at[2*n] < 0 {
		return ""
	}
	return m.text[m.at[2*n]:m.at[2*n+1]]
}

// write makes a fix that is the same for every match.
func write(fix string) func(match) string {
	return func(match) string { return fix }
}

// find applies rules to text, of which masked has the same length and is what the forms
// are matched with. What a rule has found, no later one finds again.
func find(rules []rule, text, masked string, known Known) []Finding {
	var found []Finding
	for _, r := range rules {
		at := r.form.FindStringSubmatchIndex(masked)
		if at == nil {
			continue
		}
		m := match{text, at, known}
		place := max(0, r.form.SubexpIndex("at"))
		found = append(found, Finding{at[2*place], strings.ReplaceAll(r.what, "$0", m.group(place)), r.fix(m)})
		masked = r.form.ReplaceAllStringFunc(masked, func(s string) string { return strings.Repeat(taken, len(s)) })
	}
	return found
}

// In a masked text, these bytes stand for what is quoted, and for what was found.
const (
	quoted = "\x01"
	taken  = "\x02"
)

// literal is the form of a quoted text in a masked one.
const literal = `(?:"\x01*"|'\x01*')`

// mask replaces what stands between quotes, so that no form is found in it.
func mask(text string) string {
	masked := []byte(text)
	var open byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case open == 0 && (c == '"' || c == '\''):
			open = c
		case open != 0 && c == open:
			open = 0
		case open != 0:
			masked[i] = quoted[0]
			if c == '\\' && i+1 < len(text) {
				i++
				masked[i] = quoted[0]
			}
		}
	}
	return string(masked)
}
