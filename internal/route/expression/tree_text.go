// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// nextRune returns the first character of a JSON string without its quotes, which is
// valid, and how many bytes it takes. Half of a surrogate pair stands for U+FFFD, as
// in encoding/json, which takes twenty times as long for a short string.
func nextRune(text string) (r rune, size int) {
	if text[0] != '\\' {
		return utf8.DecodeRuneInString(text)
	}
	if at := strings.IndexByte("bfnrt", text[1]); at >= 0 {
		return rune("\b\f\n\r\t"[at]), 2
	}
	if text[1] != 'u' {
		return rune(text[1]), 2
	}
	r = escapedUnit(text)
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if pair := utf16.DecodeRune(r, escapedUnit(text[6:])); pair != utf8.RuneError {
		return pair, 12
	}
	return utf8.RuneError, 6
}

// escapedUnit is the number that an escape such as \u00e9 gives, 0 for anything else.
func escapedUnit(text string) rune {
	if len(text) < 6 || text[:2] != `\u` {
		return 0
	}
	unit, _ := strconv.ParseUint(text[2:6], 16, 16)
	return rune(unit)
}

// unquote returns the text of a JSON string that has escapes.
func unquote(raw string) string {
	var b strings.Builder
	b.Grow(len(raw))
	for raw = raw[1 : len(raw)-1]; raw != ""; {
		plain := strings.IndexByte(raw, '\\')
		if plain < 0 {
			plain = len(raw)
		}
		b.WriteString(raw[:plain])
		if raw = raw[plain:]; raw != "" {
			r, size := nextRune(raw)
			b.WriteRune(r)
			raw = raw[size:]
		}
	}
	return b.String()
}

// isQuoted reports whether a JSON string has a text, without making that.
func isQuoted(raw, text string) bool {
	for raw = raw[1 : len(raw)-1]; raw != "" && text != ""; {
		want, length := utf8.DecodeRuneInString(text)
		r, size := nextRune(raw)
		if r != want {
			return false
		}
		raw, text = raw[size:], text[length:]
	}
	return raw == "" && text == ""
}
