// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const fuzzDepth = 200

// FuzzJSON holds the scanner to encoding/json: it takes the same texts for
// JSON, less those that are no UTF-8, and finds the same members in them.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, ` { "a" : [ 1 , -0.5e+7 , true , false , null ] , "b" : "\u00e9\"\\\/\b\f\n\r\t" } `, `""`, `-`, `01`, `1.`, `.1`, `1e`, `+1`,
		`{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, `tru`, `nulll`, `"\u12"`, `"\x"`, "\"\t\"", `"`, `"\`,
		`"\u`,
		`{"a":1,"a":2}`, `{"\u0061":1}`, "\"\xff\"", "\xff", `"12345678"`, "\"1234567\xc3\xa9\"", "\"12345678\x01\"", `{"":{"":[[[]]]}}`, "1 2",
		"\x00", "1\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := make(map[string]string)
		count := 0
		err := Walk(data, fuzzDepth, func(name, value []byte) {
			got[string(name)] = string(value)
			count++
		})
		if errors.Is(err, ErrTooDeep) {
			if bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) <= fuzzDepth {
				t.Fatalf("%q is not that deep", data)
			}
			return
		}
		if want := json.Valid(data) && utf8.Valid(data); (err == nil) != want {
			t.Fatalf("Walk(%q) = %v, want JSON: %t", data, err, want)
		}
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		var elements []json.RawMessage
		switch First(data) {
		case '{':
			_ = json.Unmarshal(data, &members)
			want := make(map[string]string)
			for name, value := range members {
				want[name] = string(value)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("members of %q (-want +got):\n%s", data, diff)
			}
		case '[':
			_ = json.Unmarshal(data, &elements)
			if count != len(elements) {
				t.Fatalf("%q has %d elements, got %d", data, len(elements), count)
			}
		case '"':
			var want string
			_ = json.Unmarshal(data, &want)
			if got := Text(bytes.TrimSpace(data)); got != want {
				t.Fatalf("Text(%q) = %q, want %q", data, got, want)
			}
		}
	})
}

// Every text is read eight bytes at a time, so what ends a run of plain bytes
// must be found wherever it stands among the eight.
func TestTextsOfAnyLength(t *testing.T) {
	t.Parallel()
	for length := range 40 {
		for at := range length + 1 {
			before, after := strings.Repeat("a", at), strings.Repeat("b", length-at)
			for _, row := range []struct {
				middle string
				valid  bool
			}{{`\"`, true}, {`\u00e9`, true}, {"é", true}, {"\x7f", true}, {`\x`, false}, {"\x1f", false}, {"\xc3", false}, {`"`, false}} {
				quoted := fmt.Sprintf(`"%s%s%s"`, before, row.middle, after)
				if err := Walk([]byte(quoted), 1, nil); (err == nil) != row.valid {
					t.Errorf("Walk(%q) = %v, want valid: %t", quoted, err, row.valid)
				}
			}
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		data  string
		depth int
		want  error
	}{
		{`1`, 0, nil},
		{`[]`, 0, ErrTooDeep},
		{`[]`, 1, nil},
		{`[{}]`, 1, ErrTooDeep},
		{`[{}]`, 2, nil},
		{`{"a":{"b":[1]}}`, 2, ErrTooDeep},
		{`{"a":{"b":[1]}}`, 3, nil},
		{strings.Repeat("[", 10_000_000), 200, ErrInvalid},
		{strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000), 200, ErrTooDeep},
	} {
		if err := Walk([]byte(row.data), row.depth, nil); !errors.Is(err, row.want) {
			t.Errorf("Walk(%.20q, %d) = %v, want %v", row.data, row.depth, err, row.want)
		}
	}
}
