// SPDX-License-Identifier: Apache-2.0

// Package jsonscan implements a check of JSON text in one pass, without an
// allocation, that returns the members of one level as parts of the text.
//
// It exists because encoding/json reads a text twice to find four members, takes a
// member whose name differs in case for the one asked for, accepts text that is not
// UTF-8, and has no bound on nesting but its own of 10,000. jsontext of
// encoding/json/v2 does none of that, and takes 4.6 times as long for an upload's
// resource, with ten allocations, and 2.4 times for a message of 30,000 small objects:
// GOEXPERIMENT=jsonv2 go test -bench . compares them. jsonscan never decodes a value
// other than a string.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Why a text cannot be used.
var (
	ErrInvalid = errors.New("invalid JSON")
	ErrTooDeep = errors.New("JSON nested too deep")
)

// Walk reads data as one JSON text (RFC 8259, so UTF-8 too) of at most depth
// levels, and calls visit for each member of the object, or element of the
// array, that data is. Both slices are parts of data; an element has no name.
// Of several members with one name the last counts, as it does to Airflow.
//
// What visit saw counts unless the error is ErrInvalid: where it is ErrTooDeep,
// visit saw all members still, so that an event keeps its identity.
func Walk(data []byte, depth int, visit func(name, value []byte)) error {
	return WalkInto(data, depth, &Visitor{Visit: visit})
}

// Visitor is called for the members of one object or the elements of one array.
type Visitor struct {
	Visit func(name, value []byte) // after a member; nil for nobody
	// Into returns the Visitor of a member's members, before they are read. It is
	// called once for each member of the name, so that the last of several counts.
	// nil, or returning nil, means that nobody visits those.
	Into func(name []byte) *Visitor
}

// WalkInto is [Walk] for a visitor, which may be nil.
func WalkInto(data []byte, depth int, v *Visitor) error {
	s := scanner{data: data}
	if !s.value(depth, v) || s.next() != 0 || s.pos < len(data) {
		return ErrInvalid
	}
	if s.tooDeep {
		return ErrTooDeep
	}
	return nil
}

// scanner checks JSON in one pass and without allocating. Each method that
// reports whether there was such a thing leaves pos behind it.
type scanner struct {
	data    []byte
	pos     int
	escaped bool // the last text has an escape
	tooDeep bool
}

// next skips white space and returns the byte at pos; 0, which is no part of
// JSON, at the end.
func (s *scanner) next() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos] // apart from space, so that it is inlined
	}
	return s.space()
}

func (s *scanner) space() byte {
	for ; s.pos < len(s.data); s.pos++ {
		if c := s.data[s.pos]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

func (s *scanner) value(depth int, v *Visitor) bool {
	switch c := s.next(); c {
	case '{', '[':
		return s.members(depth, c+2, v) // two on in ASCII is the byte that ends it
	case '"':
		return s.text()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

// members reads an object or an array: last is the byte that ends it.
func (s *scanner) members(depth int, last byte, v *Visitor) bool {
	if depth == 0 {
		s.tooDeep = true
		return s.skipDeep()
	}
	s.pos++
	if s.skipTo(last) {
		return true
	}
	for {
		var name []byte
		if last == '}' {
			start := s.pos
			if s.next() != '"' || !s.text() {
				return false
			}
			name = s.data[start+1 : s.pos-1]
			if s.escaped && v != nil {
				name = Unquote(s.data[start:s.pos])
			}
			if !s.skipTo(':') {
				return false
			}
		}
		s.next()
		start := s.pos
		var inner *Visitor
		if v != nil && v.Into != nil {
			inner = v.Into(name)
		}
		if !s.value(depth-1, inner) {
			return false
		}
		if v != nil && v.Visit != nil {
			v.Visit(name, s.data[start:s.pos])
		}
		if !s.skipTo(',') {
			return s.skipTo(last)
		}
		s.next()
	}
}

// skipTo skips white space, and a byte if that is behind it.
func (s *scanner) skipTo(c byte) bool {
	s.next()
	return s.skip(c)
}

// skipDeep moves behind an object or array that is nested too deep to be read,
// without recursion: it only counts what opens and closes.
func (s *scanner) skipDeep() bool {
	for open := 0; s.pos < len(s.data); {
		switch s.data[s.pos] {
		case '{', '[':
			open++
		case '}', ']':
			open--
		case '"':
			if !s.text() {
				return false
			}
			continue
		}
		if s.pos++; open == 0 {
			return true
		}
	}
	return false
}

func (s *scanner) text() bool {
	s.escaped = false
	ascii, start := true, s.pos+1
	for i := start; i < len(s.data); i++ {
		if i+8 <= len(s.data) {
			if i += plain(binary.LittleEndian.Uint64(s.data[i:])); i == len(s.data) {
				return false
			}
		}
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return ascii || utf8.Valid(s.data[start:i])
		case c == '\\':
			s.escaped, s.pos = true, i
			if !s.escape() {
				return false
			}
			i = s.pos
		case c < ' ':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return false
}

// plain returns how many of eight bytes, the first the lowest, come before one
// that text must look at: a quote, a backslash, a control or not ASCII. Most of
// an event is inside of strings, and this reads those four times as fast. See
// https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord.
func plain(eight uint64) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := eight^each*'"', eight^each*'\\'
	found := (quote-each)&^quote | (backslash-each)&^backslash | (eight-each*' ')&^eight | eight
	return bits.TrailingZeros64(found&high) / 8
}

// escape leaves pos on the escape's last byte.
func (s *scanner) escape() bool {
	rest := s.data[s.pos+1:]
	if len(rest) > 0 && strings.IndexByte(`"\/bfnrt`, rest[0]) >= 0 {
		s.pos++
		return true
	}
	s.pos += 5
	return len(rest) > 4 && rest[0] == 'u' && isHex(rest[1]) && isHex(rest[2]) && isHex(rest[3]) && isHex(rest[4])
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

func (s *scanner) literal(word string) bool {
	ok := len(s.data)-s.pos >= len(word) && string(s.data[s.pos:s.pos+len(word)]) == word
	s.pos += len(word)
	return ok
}

func (s *scanner) number() bool {
	s.skip('-')
	ok := s.skip('0') || s.digits()
	if s.skip('.') {
		ok = s.digits() && ok
	}
	if s.skip('e') || s.skip('E') {
		_ = s.skip('+') || s.skip('-')
		ok = s.digits() && ok
	}
	return ok
}

func (s *scanner) skip(c byte) bool {
	found := s.pos < len(s.data) && s.data[s.pos] == c
	if found {
		s.pos++
	}
	return found
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// Unquote returns the text of a JSON string, which is part of quoted wherever
// nothing in it is escaped.
func Unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // a scanner has found it to be a string
	return []byte(s)
}

// Text returns the text of a JSON value, "" where that is not a string.
func Text(value []byte) string {
	if bytes.HasPrefix(value, []byte{'"'}) {
		return string(Unquote(value))
	}
	return ""
}

// First returns the first byte of a JSON text, which says its type.
func First(data []byte) byte {
	s := scanner{data: data}
	return s.next()
}
