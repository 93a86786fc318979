// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A JSON value is nil, bool, string, number, []any or *object: what Python's
// json.loads makes of a text, so that it can be written again as Airflow does.

// number is a number as Python prints it: an integer digit by digit, however
// large; a float by its shortest form, so 1.50 is 1.5 and 1e3 is 1000.0.
type number string

// object is a JSON object with its keys in the order of their first
// appearance; of a repeated key the last value counts, as in a Python dict.
type object struct {
	keys []string
	vals map[string]any
}

// obj makes an object of keys and values in turn.
func obj(pairs ...any) *object {
	o := &object{vals: make(map[string]any, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func (o *object) set(key string, value any) {
	if _, known := o.vals[key]; !known {
		o.keys = append(o.keys, key)
	}
	o.vals[key] = value
}

func (o *object) has(key string) bool { _, ok := o.vals[key]; return ok }

// jsonb is the same value as PostgreSQL's jsonb keeps it, its keys ordered by
// length and then by bytes, all the way down.
func jsonb(v any) any {
	switch v := v.(type) {
	case number:
		return numeric(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = jsonb(item)
		}
		return list
	case *object:
		o := obj()
		for _, key := range slices.SortedFunc(slices.Values(v.keys), func(a, b string) int {
			return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
		}) {
			o.set(key, jsonb(v.vals[key]))
		}
		return o
	}
	return v
}

// numeric is a number as PostgreSQL keeps it: without a sign of zero, and
// without an exponent, so that a float that had a large one is an integer.
func numeric(n number) number {
	if n == "-0.0" {
		return "0.0"
	}
	if r, ok := new(big.Rat).SetString(string(n)); ok && strings.Contains(string(n), "e+") {
		return number(r.Num().String())
	}
	return n
}

// parse reads one JSON text. What follows it, and Python's NaN and Infinity,
// are errors. The caller bounds the nesting: see nesting.
func parse(text []byte) (any, *json.SyntaxError) {
	var whole json.RawMessage
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(text, &whole)); ok {
		return nil, syntax
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := parseNext(dec)
	if err != nil {
		return nil, &json.SyntaxError{Offset: dec.InputOffset()}
	}
	return v, nil
}

func parseNext(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		return pythonNumber(string(token)), nil
	case json.Delim:
		if token == '[' {
			return parseList(dec)
		}
		return parseObject(dec)
	}
	return token, nil
}

func parseList(dec *json.Decoder) (any, error) {
	list := []any{}
	for dec.More() {
		v, err := parseNext(dec)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}

func parseObject(dec *json.Decoder) (any, error) {
	o := obj()
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := parseNext(dec)
		if err != nil {
			return nil, err
		}
		o.set(key.(string), v)
	}
	_, err := dec.Token()
	return o, err
}

// pythonNumber is float.__repr__ for a literal with a point or an exponent.
func pythonNumber(literal string) number {
	if literal == "-0" {
		return "0"
	}
	if !strings.ContainsAny(literal, ".eE") {
		return number(literal)
	}
	f, _ := strconv.ParseFloat(literal, 64) // out of range is infinite, as in Python
	if math.IsInf(f, 0) {
		return number(strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64), "+") + "inity")
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	exponent, _ := strconv.Atoi(text[strings.IndexByte(text, 'e')+1:])
	if exponent < -4 || exponent >= 16 {
		return number(text)
	}
	text = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return number(text)
}

// nesting is how many lists and objects stand open at once at the most.
func nesting(text []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// parsePython is parse without what Python takes for no JSON besides: bytes
// that are no UTF-8, and integers of too many digits.
func parsePython(text []byte) (v any, ok bool) {
	v, syntax := parse(text)
	return v, syntax == nil && utf8.Valid(text) && !tooLong(v)
}

// maxDigits is how many digits of an integer Python reads: sys.get_int_max_str_digits.
const maxDigits = 4300

// tooLong tells an integer of more digits.
func tooLong(v any) bool {
	switch v := v.(type) {
	case number:
		return len(strings.TrimPrefix(string(v), "-")) > maxDigits
	case []any:
		return slices.ContainsFunc(v, tooLong)
	case *object:
		return slices.ContainsFunc(v.keys, func(key string) bool { return tooLong(v.vals[key]) })
	}
	return false
}

var escapes = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|.)`)

// halved reports whether a JSON text holds half a surrogate pair. Python keeps
// it, where Go's decoder makes U+FFFD of it.
func halved(text []byte) bool {
	second := -1 // where the second half of a pair must stand
	for _, at := range escapes.FindAllIndex(text, -1) {
		var unit uint64
		if at[1]-at[0] == len(`\uffff`) {
			unit, _ = strconv.ParseUint(string(text[at[0]+2:at[1]]), 16, 16) // four hexadecimal digits
		}
		due, low := second == at[0], 0xdc00 <= unit && unit < 0xe000
		if low != due || second >= 0 && !due {
			return true
		}
		second = -1
		if 0xd800 <= unit && unit < 0xdc00 {
			second = at[1]
		}
	}
	return second >= 0
}

// style is how one of Airflow's web frameworks spells JSON.
type style struct {
	comma, colon string
	indent       string // a member a line, indented by this
	sort, ascii  bool
	rust         bool // small floats as Rust spells them
	end          string
}

var (
	connexionStyle = style{comma: ",", colon: ": ", indent: "  ", sort: true, ascii: true, end: "\n"} // v1
	flask2Style    = style{comma: ", ", colon: ": ", sort: true, ascii: true}                         // experimental on 2.11
	flask1Style    = style{comma: ",", colon: ":", sort: true, ascii: true, end: "\n"}                // experimental on 1.10
	pydanticStyle  = style{comma: ",", colon: ":", rust: true}                                        // v2
)

func (st style) encode(v any) []byte { return append(st.append(nil, v, "\n"), st.end...) }

func (st style) append(b []byte, v any, margin string) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case number:
		if st.rust {
			v = rustNumber(v)
		}
		return append(b, v...)
	case string:
		return st.appendString(b, v)
	case []any:
		return st.appendMembers(b, '[', ']', len(v), margin, func(b []byte, i int, margin string) []byte {
			return st.append(b, v[i], margin)
		})
	case *object:
		keys := v.keys
		if st.sort {
			keys = slices.Sorted(slices.Values(keys))
		}
		return st.appendMembers(b, '{', '}', len(keys), margin, func(b []byte, i int, margin string) []byte {
			b = append(st.appendString(b, keys[i]), st.colon...)
			return st.append(b, v.vals[keys[i]], margin)
		})
	}
	return fmt.Appendf(b, "%q", fmt.Sprint(v))
}

// rustNumber is a float as Pydantic's serializer spells it: Python's 1e-05 and
// 1e-06 are 0.00001 and 1e-6.
func rustNumber(n number) number {
	mantissa, exponent, small := strings.Cut(string(n), "e-0")
	if !small {
		return n
	}
	if f, err := strconv.ParseFloat(string(n), 64); exponent == "5" && err == nil {
		return number(strconv.FormatFloat(f, 'f', -1, 64))
	}
	return number(mantissa + "e-" + exponent)
}

func (st style) appendMembers(b []byte, open, end byte, n int, margin string, member func([]byte, int, string) []byte) []byte {
	b = append(b, open)
	inner := margin + st.indent
	for i := range n {
		if i > 0 {
			b = append(b, st.comma...)
		}
		if st.indent != "" {
			b = append(b, inner...)
		}
		b = member(b, i, inner)
	}
	if st.indent != "" && n > 0 {
		b = append(b, margin...)
	}
	return append(b, end)
}

func (st style) appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for s != "" {
		plain := strings.IndexFunc(s, st.escapes)
		if plain < 0 {
			plain = len(s)
		}
		b, s = append(b, s[:plain]...), s[plain:]
		if s != "" {
			r, size := utf8.DecodeRuneInString(s)
			b, s = appendEscape(b, r), s[size:]
		}
	}
	return append(b, '"')
}

// escapes lists the characters that json.dumps does not leave as they are.
func (st style) escapes(r rune) bool {
	return r < 0x20 || r == '"' || r == '\\' || st.ascii && r > 0x7e
}

func appendEscape(b []byte, r rune) []byte {
	const short = "\b\f\n\r\t\"\\"
	switch i := strings.IndexRune(short, r); {
	case i >= 0:
		return append(b, '\\', `bfnrt"\`[i])
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(b, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}
