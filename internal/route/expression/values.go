// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"example.com/dagtrigger/internal/plainjson"
)

// maxShown is the most characters of a value that an error or an explanation
// shows.
const maxShown = 80

// bounded cuts text to what may be shown of it.
func bounded(text string) string {
	runes := 0
	for i := range text {
		if runes++; runes > maxShown {
			return text[:i] + "…"
		}
	}
	return text
}

// textOf writes a value inside text.
func textOf(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case types.String:
		return string(v), nil
	case carriedJSON:
		if v[0] == '{' || v[0] == '[' {
			return string(v), nil
		}
		return textOf(parse(v))
	case nil, types.Null:
		return "", errors.New("null has no text: give a default, or test with != null")
	}
	var b bytes.Buffer
	if err := writeJSON(&b, value); err != nil {
		return "", err
	}
	if quoted := b.Bytes(); quoted[0] == '"' { // of bytes, a timestamp or a duration
		return string(quoted[1 : len(quoted)-1]), nil
	}
	return b.String(), nil
}

// writeJSON appends a value as JSON: what a [Scope] holds, or one of CEL's.
func writeJSON(b *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case nil, types.Null:
		b.WriteString("null")
	case carriedJSON:
		b.Write(v)
	case json.Number:
		b.WriteString(v.String()) // its own text: nothing is rounded
	case string:
		writeQuoted(b, v)
	case bool, int, int64, uint64:
		fmt.Fprint(b, v)
	case float64:
		return writeDouble(b, v)
	case []byte:
		writeQuoted(b, base64.StdEncoding.EncodeToString(v))
	case time.Time:
		writeQuoted(b, v.UTC().Format(time.RFC3339Nano))
	case []any:
		return writeList(b, slices.Values(v))
	case map[string]any:
		return writeMap(b, keys(v), func(key string) any { return v[key] })
	case map[string]string:
		return writeMap(b, keys(v), func(key string) any { return v[key] })
	case record:
		return writeJSON(b, v.whole())
	case ref.Val:
		return writeValue(b, v)
	default:
		return fmt.Errorf("%T is no JSON", value)
	}
	return nil
}

// writeValue appends one of CEL's values as JSON.
func writeValue(b *bytes.Buffer, value ref.Val) error {
	switch v := value.(type) {
	case types.Duration:
		writeQuoted(b, string(v.ConvertToType(types.StringType).(types.String)))
	case types.Bool, types.Bytes, types.Double, types.Int, types.String, types.Timestamp, types.Uint:
		return writeJSON(b, v.Value())
	case *types.Optional:
		if !v.HasValue() {
			return errors.New("it gives an optional without a value: end it in .orValue(…)")
		}
		return writeValue(b, v.GetValue())
	case traits.Mapper:
		return writeMapper(b, v)
	case traits.Lister:
		return writeList(b, elements(v))
	case *types.Err:
		return v
	default:
		return fmt.Errorf("it gives %s, which is no JSON: give text, a number, a map or a list", typeOf(value.Type().(*types.Type)))
	}
	return nil
}

func elements(list traits.Lister) func(yield func(any) bool) {
	return func(yield func(any) bool) {
		for it := list.Iterator(); it.HasNext() == types.True; {
			if !yield(it.Next()) {
				return
			}
		}
	}
}

// writeMapper appends a map of CEL's. Where it came from the event it is
// written as it stands there, and its numbers keep their text.
func writeMapper(b *bytes.Buffer, m traits.Mapper) error {
	if native, ok := m.Value().(map[string]any); ok {
		return writeJSON(b, native)
	}
	members := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return fmt.Errorf("a map has the key %v, which is no text: JSON has no others", key.Value())
		}
		members[string(name)] = m.Get(key)
	}
	return writeMap(b, keys(members), func(key string) any { return members[key] })
}

func writeList(b *bytes.Buffer, values func(yield func(any) bool)) error {
	separator := "["
	for value := range values {
		b.WriteString(separator)
		if err := writeJSON(b, value); err != nil {
			return err
		}
		separator = ","
	}
	b.WriteString(strings.TrimPrefix(separator, ",") + "]")
	return nil
}

func writeMap(b *bytes.Buffer, names []string, get func(name string) any) error {
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		writeQuoted(b, name)
		b.WriteByte(':')
		if err := writeJSON(b, get(name)); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func writeDouble(b *bytes.Buffer, f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("it gives %v, which is no JSON: test with math.isFinite(…)", f)
	}
	text, err := json.Marshal(f)
	b.Write(text)
	return err
}

// writeQuoted appends text as a JSON string, in which < and & stand for
// themselves.
func writeQuoted(b *bytes.Buffer, text string) {
	_ = plainjson.Write(b, text) // of text, into memory: never fails
}

// show writes what a selection means in s, bounded; false where it is absent,
// which its error says, or is a map or a list, which may be the whole of what
// the event carries.
func (s *Scope) show(way selection) (string, bool) {
	value, err := s.look(way)
	if err != nil {
		return "", false
	}
	return shown(value)
}

func shown(value any) (string, bool) {
	if raw, ok := value.(carriedJSON); ok {
		value = parse(raw)
	}
	var b bytes.Buffer
	if err := writeJSON(&b, value); err != nil || strings.ContainsRune("{[", rune(b.Bytes()[0])) {
		return "", false
	}
	return bounded(b.String()), true
}
