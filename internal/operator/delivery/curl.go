// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxArgument is the longest body that stands in the command line itself, in bytes: Linux
// takes arguments of up to 128 KiB each.
const maxArgument = 64 << 10

// Curl is the request to url as a command for a POSIX shell, one option a line.
func (r Request) Curl(url string) string {
	var b strings.Builder
	binary := len(r.Body) > maxArgument || !utf8.Valid(r.Body) || bytes.ContainsFunc(r.Body, isInvisible)
	if binary {
		b.WriteString("printf %s " + quote(base64.StdEncoding.EncodeToString(r.Body)) + " | base64 -d |\n")
	}
	b.WriteString("curl -sS " + quote(url))
	for _, h := range r.Header {
		b.WriteString(" \\\n  -H " + quote(curlHeader(h)))
	}
	if binary {
		b.WriteString(" \\\n  --data-binary @-")
	} else {
		b.WriteString(" \\\n  --data-raw " + quote(string(r.Body)))
	}
	return b.String()
}

// isInvisible holds for characters that a terminal does not show, and that would
// be lost when the command is copied from it.
func isInvisible(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' }

// curlHeader writes h as curl's -H takes it, where "Name:" would leave the
// header out, and "Name;" sends it empty.
func curlHeader(h Header) string {
	if h.Value == "" {
		return h.Name + ";"
	}
	return h.Name + ": " + h.Value
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
