// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf16"
)

// checkStorable refuses a conf that PostgreSQL cannot store, where Airflow says so by a 500 that no retry
// helps: 3.0 to 3.2. Later ones answer 422 ("Value rejected by database"), and Airflow 2 stores a pickle.
func checkStorable(d server, conf []byte) error {
	if d.api != V2 || d.version == "" || !before(d.version, "3.3") {
		return nil
	}
	if escape := unstorable(conf); escape != "" {
		return beforeSending(Invalid, V2, "the conf has "+escape+" in a text, which Airflow "+d.version+" cannot store",
			"take it out in the route's conf, or pass the text on as base64")
	}
	if number := infinite(conf); number != "" {
		return beforeSending(Invalid, V2, "the conf has the number "+number+", which Airflow "+d.version+" cannot store",
			"take it out in the route's conf, or pass it on as text")
	}
	return nil
}

// infinite returns the first number of valid JSON that Python reads as infinity: one with
// a point or an exponent that is beyond a double. It is cut to what an error may show.
func infinite(text []byte) string {
	const ofNumbers, longest = "-+.eE0123456789", 40
	for len(text) > 0 {
		at := bytes.IndexAny(text, `"-0123456789`)
		if at < 0 {
			return ""
		}
		text = text[at:]
		if text[0] == '"' {
			text = afterText(text)
			continue
		}
		rest := bytes.TrimLeft(text, ofNumbers)
		number := text[:len(text)-len(rest)]
		if bytes.ContainsAny(number, ".eE") {
			if n, _ := strconv.ParseFloat(string(number), 64); math.IsInf(n, 0) {
				return string(number[:min(len(number), longest)])
			}
		}
		text = rest
	}
	return ""
}

// afterText returns what comes after the JSON string at the beginning of text.
func afterText(text []byte) []byte {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[i+1:]
		}
	}
	return nil
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
