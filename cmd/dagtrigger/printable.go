// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printable writes text to a terminal or a file so that nothing in it controls a
// terminal or hides: control characters (C0 but line breaks and tabs, DEL, C1),
// bidirectional controls and invisible characters are written as escapes such as
// \u202e, which in JSON stand for the same character. All output of every command
// goes through one, because names of objects, messages and Airflow's answers come
// from others. It is safe for concurrent use if w is.
type printable struct {
	w io.Writer
	// mark is written by [painter] in place of ESC. It is random, so that no text
	// of others can have it.
	mark string
}

func newPrintable(w io.Writer) *printable { return &printable{w, "\x1b" + rand.Text()} }

// Write writes text, which must not end within a character.
func (p *printable) Write(text []byte) (int, error) {
	if isPrintable(text) {
		return p.w.Write(text)
	}
	parts := strings.Split(string(text), p.mark)
	for i := range parts {
		parts[i] = escape(parts[i], "\n\t")
	}
	if _, err := io.WriteString(p.w, strings.Join(parts, "\x1b")); err != nil {
		return 0, err
	}
	return len(text), nil
}

// isPrintable reports whether text can be written as it is.
func isPrintable(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' })
}

// visible returns text of others, such as an event's id, for a line of output: line
// breaks are escaped too, so that it cannot pretend to be further lines.
func visible(s string) string { return escape(s, "") }

// escape replaces characters that are not visible, but those in keep.
func escape(s, keep string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsGraphic(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
		i += size
	}
	return b.String()
}
