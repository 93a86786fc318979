// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/bits"
	"strings"
	"unicode/utf8"

	"example.com/dagtrigger/internal/plainjson"
)

// maxDepth is the most levels of arrays and objects that data may have.
// Python's parser, and so Airflow's, gives up at about 1,000.
const maxDepth = 200

var (
	errNoJSON  = errors.New("invalid JSON")
	errTooDeep = errors.New("JSON nested too deep")
)

// walk reads data as one JSON text (RFC 8259, so UTF-8 too) of at most depth
// levels, and calls visit for each member of the object, or element of the
// array, that data is. Both slices are parts of data; an element has no name.
// Of several members with one name the last counts, as it does to Airflow.
//
// It exists because encoding/json reads data twice to find four members, takes
// a member whose name differs in case for the one asked for, accepts text that
// is no UTF-8, and has no bound on nesting but its own of 10,000.
//
// What visit saw counts only where walk returns no error, which is errNoJSON
// or errTooDeep.
//
// Where it is errTooDeep, visit saw all members still: an event keeps its
// identity however deep its data is nested.
func walk(data []byte, depth int, visit func(name, value []byte)) error {
	return walkInto(data, depth, &visitor{visit: visit})
}

// visitor is called for the members of one object or the elements of one array.
type visitor struct {
	visit func(name, value []byte) // after a member; nil for nobody
	// into returns the visitor of a member's members, before they are read. It is
	// called once for each member of the name, so that the last of several counts.
	// nil, or returning nil, means that nobody visits those.
	into func(name []byte) *visitor
}

func walkInto(data []byte, depth int, v *visitor) error {
	s := scanner{data: data}
	switch ok := s.value(depth, v) && s.next() == 0 && s.pos == len(data); {
	case !ok:
		return errNoJSON
	case s.tooDeep:
		return errTooDeep
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
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) value(depth int, v *visitor) bool {
	switch c := s.next(); c {
	case '{':
		return s.members(depth, '}', v)
	case '[':
		return s.members(depth, ']', v)
	case '"':
		return s.text()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

// members reads an object or an array: last is the byte that ends it.
func (s *scanner) members(depth int, last byte, v *visitor) bool {
	if depth == 0 {
		s.tooDeep = true
		return s.skipDeep()
	}
	s.pos++
	if s.next() == last {
		s.pos++
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
				name = unquote(s.data[start:s.pos])
			}
			if s.next() != ':' {
				return false
			}
			s.pos++
		}
		s.next()
		start := s.pos
		var inner *visitor
		if v != nil && v.into != nil {
			inner = v.into(name)
		}
		if !s.value(depth-1, inner) {
			return false
		}
		if v != nil && v.visit != nil {
			v.visit(name, s.data[start:s.pos])
		}
		switch s.next() {
		case ',':
			s.pos++
			s.next()
		case last:
			s.pos++
			return true
		default:
			return false
		}
	}
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
		s.pos++
		if open == 0 {
			return true
		}
	}
	return false
}

func (s *scanner) text() bool {
	s.escaped = false
	ascii := true
	start := s.pos + 1
	for i := start; i < len(s.data); i++ {
		if i+8 <= len(s.data) {
			i += plain(binary.LittleEndian.Uint64(s.data[i:]))
			if i == len(s.data) {
				return false
			}
		}
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return ascii || utf8.Valid(s.data[start:i])
		case c == '\\':
			s.escaped = true
			if s.pos = i; !s.escape() {
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
	s.pos++
	if s.pos == len(s.data) {
		return false
	}
	switch s.data[s.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			s.pos++
			if s.pos == len(s.data) || strings.IndexByte("0123456789abcdefABCDEF", s.data[s.pos]) < 0 {
				return false
			}
		}
		return true
	}
	return false
}

func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return false
	}
	s.pos += len(word)
	return true
}

func (s *scanner) number() bool {
	s.skip('-')
	if !s.skip('0') && !s.digits() {
		return false
	}
	if s.skip('.') && !s.digits() {
		return false
	}
	if s.skip('e') || s.skip('E') {
		_ = s.skip('+') || s.skip('-')
		return s.digits()
	}
	return true
}

func (s *scanner) skip(c byte) bool {
	if s.pos == len(s.data) || s.data[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// unquote returns the text of a JSON string, which is part of quoted wherever
// nothing in it is escaped.
func unquote(quoted []byte) []byte {
	if len(quoted) == 0 {
		return nil
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // a scanner has found it to be a string
	return []byte(s)
}

// text returns the text of a JSON value, "" where that is not a string.
func text(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return string(unquote(value))
}

// integer returns the digits of a JSON value that is an int64 in Google's APIs:
// protobuf's JSON writes those as strings, other senders as numbers. It is ""
// where the value is neither, is negative or has more than an int64's digits.
func integer(value []byte) string {
	s := bytes.Trim(value, `"`)
	if len(s) > 19 || len(bytes.Trim(s, "0123456789")) > 0 {
		return ""
	}
	return string(s)
}

// decodeBase64 returns the bytes of a JSON value that is base64 (RFC 4648, padded).
func decodeBase64(value []byte) ([]byte, bool) {
	if len(value) == 0 || value[0] != '"' {
		return nil, false
	}
	encoded := unquote(value)
	data := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(data, encoded)
	return data[:n], err == nil
}

// isNull reports whether a member is absent, which null says too.
func isNull(value []byte) bool { return len(value) == 0 || value[0] == 'n' }

// isObject reports whether a JSON text is an object.
func isObject(data []byte) bool { return first(data) == '{' }

// first returns the first byte of a JSON text, which says its type.
func first(data []byte) byte {
	s := scanner{data: data}
	return s.next()
}

// byteOrderMark is what .NET, PowerShell and spreadsheets write before UTF-8. A
// reader of JSON may ignore it (https://www.rfc-editor.org/rfc/rfc8259#section-8.1);
// Python's refuses it.
const byteOrderMark = "\uFEFF"

// withoutMark is a JSON text without the byte order mark before it.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte(byteOrderMark)) }

// encode writes v as JSON, in which < and & stand for themselves.
func encode(v any) []byte {
	text, _ := plainjson.Marshal(v) // of text, maps of text and valid JSON: never fails
	return text
}
