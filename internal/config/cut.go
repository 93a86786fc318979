// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"

	"example.com/dagtrigger/internal/document"
)

// cut splits a file into the list of routes and the rest. In the rest, blank lines
// replace the list, so that every line keeps its number; the list begins on the
// returned line. It returns false where the routes are not a separate block, or
// occur more than once.
//
// Where a line of a quoted text looks like the key, neither part is valid YAML.
func cut(text []byte) (rest, list []byte, line int, ok bool) {
	if document.HasOtherBreaks(text) {
		return nil, nil, 0, false
	}
	key := []byte("routes:")
	begin := bytes.Index(text, key)
	if begin != 0 {
		begin = bytes.Index(text, append([]byte("\n"), key...)) + 1
		if begin == 0 {
			return nil, nil, 0, false
		}
	}
	first, _, _ := bytes.Cut(text[begin+len(key):], []byte("\n"))
	from := min(begin+len(key)+len(first)+1, len(text))
	if blank := bytes.TrimLeft(first, " \t\r"); len(blank) > 0 && (blank[0] != '#' || len(blank) == len(first)) {
		return nil, nil, 0, false
	}
	to := from
	for to < len(text) && bytes.IndexByte([]byte(" -#\t\r\n"), text[to]) >= 0 && !bytes.HasPrefix(text[to:], []byte("---")) {
		next := bytes.IndexByte(text[to:], '\n') + 1
		if next == 0 {
			next = len(text) - to
		}
		to += next
	}
	list = text[from:to]
	rest = append(rest, text[:from]...)
	rest = append(rest, bytes.Repeat([]byte("\n"), bytes.Count(list, []byte("\n")))...)
	rest = append(rest, text[to:]...)
	return rest, list, bytes.Count(text[:from], []byte("\n")) + 1, true
}
