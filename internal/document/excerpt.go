// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// maxExcerpt is the most characters of a line that an excerpt shows: a terminal that folds
// it would move the caret.
const maxExcerpt = 72

// Source is the text of a document, to show places in it.
type Source struct {
	lines  [][]byte
	secret []bool // the lines that are not shown
}

// NewSource prepares a text. Lines that hold a secret, and those of environments with one,
// are never shown.
func NewSource(text []byte) Source {
	s := Source{lines: bytes.Split(text, []byte("\n"))}
	s.secret = make([]bool, len(s.lines))
	for begin := 0; begin < len(s.lines); {
		end := begin + 1
		for end < len(s.lines) && !beginsKey(s.lines[end]) {
			end++
		}
		block := bytes.Join(s.lines[begin:end], []byte("\n"))
		whole := bytes.Contains(block, []byte("environments")) && secretKey.Match(block)
		for i := begin; i < end; i++ {
			s.secret[i] = whole || secretKey.Match(s.lines[i])
		}
		begin = end
	}
	return s
}

// secretKey is the form of a key whose value is a secret. One that names a file ends in _file.
var secretKey = regexp.MustCompile(`(?:password|token|secret|headers)["']?\s*:`)

// beginsKey reports whether a line begins a key of the document.
func beginsKey(line []byte) bool {
	return len(line) > 0 && bytes.IndexByte([]byte(" \t\r#-"), line[0]) < 0
}

// Excerpt shows a place: its line, and a caret below its column. It is empty where there
// is no such place, and where it would show a secret.
func (s Source) Excerpt(at Position) string {
	if at.Line < 1 || at.Column < 1 || int(at.Line) > len(s.lines) || s.secret[at.Line-1] {
		return ""
	}
	line := []rune(strings.TrimRight(string(s.lines[at.Line-1]), "\r"))
	column := min(int(at.Column)-1, len(line))
	before, after := "", ""
	if column > maxExcerpt*2/3 {
		cut := column - maxExcerpt/2
		line, column, before = line[cut:], column-cut+1, "…"
	}
	if len(line) > maxExcerpt {
		line, after = line[:maxExcerpt], "…"
	}
	shown := []rune(before + string(line) + after)
	for i, c := range shown {
		if unicode.IsControl(c) {
			shown[i] = ' ' // a tab too, so that the caret stands below its character
		}
	}
	return "    " + string(shown) + "\n    " + strings.Repeat(" ", column) + "^\n"
}
