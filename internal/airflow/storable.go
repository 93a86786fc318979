// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"strconv"
	"unicode/utf16"
)

// checkStorable refuses a conf that PostgreSQL cannot store, where Airflow says so by a 500 that no retry
// helps: 3.0 to 3.2. Later ones answer 422 ("Value rejected by database"), and Airflow 2 stores a pickle.
func checkStorable(d server, conf []byte) error {
	if d.api != V2 || d.version == "" || !before(d.version, "3.3") {
		return nil
	}
	escape := unstorable(conf)
	if escape == "" {
		return nil
	}
	return beforeSending(Invalid, V2, "the conf has "+escape+" in a text, which Airflow "+d.version+" cannot store",
		"take it out in the route's conf, or pass the text on as base64")
}

// unstorable returns the first escape of valid JSON that stands for NUL or for half a character.
func unstorable(text []byte) string {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 >= len(text) {
			return ""
		}
		text = text[at:]
		r := codeUnit(text)
		switch {
		case r < 0:
			text = text[2:]
		case r == 0 || utf16.IsSurrogate(r) && utf16.DecodeRune(r, codeUnit(text[6:])) == '\uFFFD':
			return string(text[:6])
		case utf16.IsSurrogate(r):
			text = text[12:]
		default:
			text = text[6:]
		}
	}
}

// codeUnit reads an escape such as \u00e4 at the beginning of a text; -1 where there is none.
func codeUnit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
