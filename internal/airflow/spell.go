// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// speller writes JSON values as a server written in Python may repeat them: as
// repr has it, as json.dumps has it, and as compact JSON. It hands every
// spelling of every value to each, which may not keep it.
type speller struct {
	python, dumps, compact []byte
	each                   func(spelling []byte)
}

// members spells the values of an object, one member after the other, and calls
// after once a member's value stands in the speller. The object's own keys are
// the DAG's Params, which a refusal has to name: they are not spelled.
func (s *speller) members(object []byte, after func()) {
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return
	}
	for dec.More() {
		if _, err := dec.Token(); err != nil {
			return
		}
		s.python, s.dumps, s.compact = s.python[:0], s.dumps[:0], s.compact[:0]
		if s.value(dec) != nil {
			return
		}
		after()
	}
}

func (s *speller) value(dec *json.Decoder) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	p, d, c := len(s.python), len(s.dumps), len(s.compact)
	switch v := token.(type) {
	case string:
		s.text(v)
		return nil
	case json.Number:
		s.number(v.String())
	case json.Delim:
		if err := s.composite(dec, v); err != nil {
			return err
		}
	case bool: // like null a word of the language, which tells nothing
		if v {
			s.write("True", "true", "true")
		} else {
			s.write("False", "false", "false")
		}
		return nil
	default:
		s.write("None", "null", "null")
		return nil
	}
	s.each(s.python[p:])
	s.each(s.dumps[d:])
	s.each(s.compact[c:])
	return nil
}

func (s *speller) composite(dec *json.Decoder, begin json.Delim) error {
	s.write(begin.String(), begin.String(), begin.String())
	for first := true; dec.More(); first = false {
		if !first {
			s.write(", ", ", ", ",")
		}
		if begin == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			s.text(key.(string))
			s.write(": ", ": ", ":")
		}
		if err := s.value(dec); err != nil {
			return err
		}
	}
	end, err := dec.Token()
	if err != nil {
		return err
	}
	s.write(fmt.Sprint(end), fmt.Sprint(end), fmt.Sprint(end))
	return nil
}

func (s *speller) write(python, dumps, compact string) {
	s.python = append(s.python, python...)
	s.dumps = append(s.dumps, dumps...)
	s.compact = append(s.compact, compact...)
}

// text spells a string, with its quotes and without.
func (s *speller) text(v string) {
	p, d, c := len(s.python), len(s.dumps), len(s.compact)
	s.python = appendRepr(s.python, v)
	s.dumps = appendJSON(s.dumps, v, true)
	s.compact = appendJSON(s.compact, v, false)
	for _, spelling := range [][]byte{s.python[p:], s.dumps[d:], s.compact[c:]} {
		s.each(spelling)
		s.each(spelling[1 : len(spelling)-1])
	}
	s.each([]byte(v))
}

// number spells a number as it was sent, and as Python reads and writes it.
func (s *speller) number(v string) {
	python := v
	if f, err := strconv.ParseFloat(v, 64); strings.ContainsAny(v, ".eE") && (err == nil || math.IsInf(f, 0)) {
		python = floatRepr(f)
	}
	s.write(python, python, v)
}

// floatRepr is Python's repr of a float: the shortest digits that tell it, with
// an exponent below 1e-4 and from 1e16 on.
func floatRepr(f float64) string {
	size := math.Abs(f)
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case size != 0 && (size < 1e-4 || size >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// appendRepr is Python's repr of a str.
func appendRepr(b []byte, v string) []byte {
	quote := byte('\'')
	if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
		quote = '"'
	}
	b = append(b, quote)
	for _, r := range v {
		switch {
		case r == '\\' || r == rune(quote):
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r < 0x100:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
	}
	return append(b, quote)
}

// appendJSON is a JSON string, of ASCII only where json.dumps would have it so.
func appendJSON(b []byte, v string, ascii bool) []byte {
	b = append(b, '"')
	for _, r := range v {
		if i := strings.IndexRune("\"\\\n\r\t\b\f", r); i >= 0 {
			b = append(b, '\\', `"\nrtbf`[i])
			continue
		}
		switch {
		case r >= ' ' && (r < utf8.RuneSelf || !ascii):
			b = utf8.AppendRune(b, r)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		}
	}
	return append(b, '"')
}
