// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
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

// textOf writes a value inside text of at most so many bytes.
func textOf(value any, most int, c *meter) (string, error) {
	switch v := value.(type) {
	case string:
		if len(v) > most {
			return "", tooLong(most)
		}
		return v, nil
	case types.String:
		return textOf(string(v), most, c)
	case carriedJSON:
		if v[0] == '{' || v[0] == '[' {
			return textOf(view(v), most, c)
		}
		root, err := parse(v)
		if err != nil {
			return "", err
		}
		return textOf(root.native(), most, c)
	case nil, types.Null:
		return "", errors.New("null has no text: give a default, or test with != null")
	}
	b := Output{Most: most, meter: c}
	if err := writeJSON(&b, value); err != nil {
		return "", err
	}
	if quoted := b.Bytes(); quoted[0] == '"' { // of bytes, a timestamp or a duration
		return string(quoted[1 : len(quoted)-1]), nil
	}
	return b.String(), nil
}

// writeJSON appends a value as JSON: what a [Scope] holds, or one of CEL's.
func writeJSON(b *Output, value any) error {
	if n, ok := value.(node); ok {
		return writeNode(b, n)
	}
	if err := b.count(); err != nil {
		return err
	}
	switch v := value.(type) {
	case nil, types.Null:
		return b.add("null")
	case carriedJSON:
		if err := b.check(len(v)); err != nil {
			return err
		}
		b.Write(v)
		return nil
	case json.Number:
		return b.add(v.String()) // its own text: nothing is rounded
	case string:
		return writeQuoted(b, v)
	case bool, int, int64, uint64:
		return b.add(fmt.Sprint(v))
	case float64:
		return writeDouble(b, v)
	case []byte:
		return writeQuoted(b, base64.StdEncoding.EncodeToString(v))
	case time.Time:
		return writeQuoted(b, v.UTC().Format(time.RFC3339Nano))
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
	}
	return fmt.Errorf("%T is not JSON", value)
}

// writeNode appends a part of what the event carries: its numbers keep their
// text, and the members of objects are sorted.
func writeNode(b *Output, n node) error {
	if err := b.count(); err != nil {
		return err
	}
	switch n.kind() {
	case '{':
		return writeObject(b, n)
	case '[':
		return writeArray(b, n)
	case '"':
		return writeQuoted(b, n.string(n.at))
	}
	return b.add(n.raw())
}

func writeObject(b *Output, n node) error {
	b.WriteByte('{')
	for i, m := range n.sorted() {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeQuoted(b, m.name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := writeNode(b, node{n.tree, m.value}); err != nil {
			return err
		}
	}
	return b.add("}")
}

func writeArray(b *Output, n node) error {
	b.WriteByte('[')
	at := n.at + 2
	for i := range n.count() {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeNode(b, node{n.tree, at}); err != nil {
			return err
		}
		at = n.after(at)
	}
	return b.add("]")
}

// writeValue appends one of CEL's values as JSON.
func writeValue(b *Output, value ref.Val) error {
	switch v := value.(type) {
	case object:
		return writeNode(b, node(v))
	case array:
		return writeNode(b, node(v))
	case types.Duration:
		return writeQuoted(b, string(v.ConvertToType(types.StringType).(types.String)))
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
	}
	return fmt.Errorf("it gives %s, which is not JSON: give text, a number, a map or a list", typeOf(value.Type().(*types.Type)))
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

// writeMapper appends a map of CEL's.
func writeMapper(b *Output, m traits.Mapper) error {
	members := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return fmt.Errorf("a map has the key %v, which is not text: JSON has no others", key.Value())
		}
		members[string(name)] = m.Get(key)
	}
	return writeMap(b, keys(members), func(key string) any { return members[key] })
}

func writeList(b *Output, values iter.Seq[any]) error {
	separator := "["
	for value := range values {
		if err := b.add(separator); err != nil {
			return err
		}
		if err := writeJSON(b, value); err != nil {
			return err
		}
		separator = ","
	}
	return b.add(strings.TrimPrefix(separator, ",") + "]")
}

func writeMap(b *Output, names []string, get func(name string) any) error {
	return writeMembers(b, len(names), func(i int) (string, any) { return names[i], get(names[i]) })
}

func writeMembers(b *Output, count int, get func(i int) (string, any)) error {
	b.WriteByte('{')
	for i := range count {
		if i > 0 {
			b.WriteByte(',')
		}
		name, value := get(i)
		if err := writeQuoted(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := writeJSON(b, value); err != nil {
			return err
		}
	}
	return b.add("}")
}

func writeDouble(b *Output, f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("it gives %v, which is not JSON: test with math.isFinite(…)", f)
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return b.add(string(text))
}

// writeQuoted appends text as a JSON string, in which < and & stand for
// themselves.
func writeQuoted(b *Output, text string) error {
	if err := b.check(len(text) + len(`""`)); err != nil {
		return err
	}
	if isPlain(text) { // almost all text: ten times as fast
		b.WriteByte('"')
		b.WriteString(text)
		b.WriteByte('"')
		return nil
	}
	_ = plainjson.Write(&b.Buffer, text) // of text, into memory: never fails
	return b.check(0)
}

// isPlain reports whether JSON spells text without an escape: it is ASCII.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// show writes what a selection means in s, bounded; false where it is absent,
// which its error says, or is a map or a list, which may be the whole of what
// the event carries.
func (s *Scope) show(way selection) (string, bool) {
	value, err := s.look(way)
	if err != nil || s.hidden(way) {
		return "", false
	}
	return shown(value)
}

func shown(value any) (string, bool) {
	if raw, ok := value.(carriedJSON); ok {
		root, err := parse(raw)
		if err != nil {
			return "", false
		}
		value = root.native()
	}
	switch v := value.(type) {
	case node, []any, map[string]any, map[string]string, record, traits.Lister, traits.Mapper:
		return "", false
	case string:
		value = beginning(v)
	case types.String:
		value = beginning(string(v))
	case []byte:
		value = v[:min(len(v), maxShown)]
	case types.Bytes:
		value = v[:min(len(v), maxShown)]
	}
	b := Output{Most: math.MaxInt}
	if err := writeJSON(&b, value); err != nil {
		return "", false
	}
	return bounded(b.String()), true
}

// beginning is as much of text as may be needed to show it.
func beginning(text string) string {
	runes := 0
	for i := range text {
		if runes++; runes > maxShown+1 {
			return text[:i]
		}
	}
	return text
}
