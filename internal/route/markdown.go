// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// markdown escapes text for Airflow's pages, which render a note as GitHub
// Flavored Markdown with images and links: the name of an object must not load an
// image or hide a link. An underscore within a word has no meaning and stays; line
// breaks and characters that are not visible become spaces.
// https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/ui/src/components/ReactMarkdown.tsx
// https://spec.commonmark.org/0.31.2/#backslash-escapes
func markdown(text string) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	var b strings.Builder
	b.Grow(len(text) + len(text)/8)
	before, written := ' ', 0
	for i, r := range text {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9': // most are, and are left as they are
		case r > unicode.MaxASCII && !unicode.IsGraphic(r), r < ' ', r == unicode.MaxASCII:
			b.WriteString(text[written:i])
			b.WriteByte(' ')
			_, size := utf8.DecodeRuneInString(text[i:])
			written = i + size
		case isMarkup(r, i == 0), r == '_' && (!isWord(before) || !isWord(next(text[i+1:]))):
			b.WriteString(text[written:i])
			b.WriteByte('\\')
			written = i
		}
		before = r
	}
	b.WriteString(text[written:])
	return b.String()
}

// isMarkup reports whether r has a meaning wherever it stands, or as the first
// character of a block.
func isMarkup(r rune, first bool) bool {
	switch r {
	case '\\', '`', '*', '[', ']', '<', '>', '~', '|', '&', '!':
		return true
	case '#', '+', '-', '=':
		return first
	}
	return false
}

// next is the first character of text, or one that is in no word.
func next(text string) rune {
	r, _ := utf8.DecodeRuneInString(text)
	return r
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
