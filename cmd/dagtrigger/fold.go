// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// minWidth is the narrowest terminal that lines are folded for.
const minWidth = 40

// prose is a writer for text that people read, which folds lines at the width of a
// terminal. Anything else than a terminal gets the lines whole. What a program reads,
// and what is to be copied, such as a script, is written to w itself.
func (p *program) prose(w io.Writer) io.Writer {
	width := 0
	if p.width != nil {
		width = p.width(w)
	}
	if width < minWidth {
		return w
	}
	f := &folder{w: w, width: width, programs: []string{strings.Fields(p.self)[0], "curl", "gcloud", "git", "go"}}
	if out, ok := w.(*printable); ok {
		f.colours = regexp.MustCompile(regexp.QuoteMeta(out.mark) + `\[[0-9]+m`)
	}
	return f
}

// folder folds lines between words.
type folder struct {
	w        io.Writer
	width    int
	programs []string // a line that begins with one is a command, which stays whole
	colours  *regexp.Regexp
	goesOn   bool // the last line was a command that the next one continues
}

// Write implements [io.Writer]. It is given whole lines.
func (f *folder) Write(text []byte) (int, error) {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		b.WriteString(f.fold(line))
	}
	if _, err := io.WriteString(f.w, b.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// columns is the width of a text, without its colours.
func (f *folder) columns(s string) int {
	if f.colours != nil {
		s = f.colours.ReplaceAllString(s, "")
	}
	return utf8.RuneCountInString(s)
}

func (f *folder) fold(line string) string {
	text := strings.TrimRight(line, "\n")
	isCommand := f.isCommand(text) || f.goesOn
	f.goesOn = isCommand && strings.HasSuffix(text, `\`)
	if isCommand || f.columns(text) <= f.width {
		return line
	}
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	words := quotedWords(text[len(indent):])
	var b strings.Builder
	column := f.columns(indent)
	b.WriteString(indent)
	for i, word := range words {
		size := f.columns(word)
		switch {
		case i == 0:
		case column+1+size > f.width:
			b.WriteString("\n" + indent + "  ")
			column = f.columns(indent) + 2
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += size
	}
	return b.String() + line[len(text):]
}

// assignment matches a variable in front of a command.
var assignment = regexp.MustCompile(`^[A-Z][A-Z0-9_]*=\S*$`)

// isCommand reports whether a line is a command to be copied.
func (f *folder) isCommand(line string) bool {
	words := strings.Fields(line)
	for len(words) > 0 && assignment.MatchString(words[0]) {
		words = words[1:]
	}
	return len(words) > 0 && slices.Contains(f.programs, words[0])
}

// quotedWords are the words of a text; what is in double quotes, such as a command,
// is part of one word.
func quotedWords(text string) (words []string) {
	var word strings.Builder
	quoted := false
	for _, c := range text {
		if c == '"' {
			quoted = !quoted
		}
		if c == ' ' && !quoted {
			words = append(words, word.String())
			word.Reset()
			continue
		}
		word.WriteRune(c)
	}
	return append(words, word.String())
}
