// SPDX-License-Identifier: Apache-2.0

package event

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
		err := walk(data, maxDepth, func(name, value []byte) {
			got[string(name)] = string(value)
			count++
		})
		if errors.Is(err, errTooDeep) {
			if bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) <= maxDepth {
				t.Fatalf("%q is not that deep", data)
			}
			return
		}
		if want := json.Valid(data) && utf8.Valid(data); (err == nil) != want {
			t.Fatalf("walk(%q) = %v, want JSON: %t", data, err, want)
		}
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		var elements []json.RawMessage
		switch first(data) {
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
			if got := text(bytes.TrimSpace(data)); got != want {
				t.Fatalf("text(%q) = %q, want %q", data, got, want)
			}
		}
	})
}

func TestTheLastOfTwoMembersCounts(t *testing.T) {
	t.Parallel()
	var d decoder
	o, err := d.readObject([]byte(`{"name":"first","bucket":"b","generation":1,"name":"last"}`))
	if err != nil || o.Name != "last" {
		t.Errorf("name = %q, %v, want last", o.Name, err)
	}
}

// Every text is read eight bytes at a time, so what ends a run of plain bytes
// must be found wherever it stands among the eight.
func TestTextsOfAnyLengthAreRead(t *testing.T) {
	t.Parallel()
	for length := range 40 {
		for at := range length + 1 {
			before, after := strings.Repeat("a", at), strings.Repeat("b", length-at)
			for _, row := range []struct {
				middle string
				valid  bool
			}{{`\"`, true}, {`\u00e9`, true}, {"é", true}, {"\x7f", true}, {`\x`, false}, {"\x1f", false}, {"\xc3", false}, {`"`, false}} {
				quoted := fmt.Sprintf(`"%s%s%s"`, before, row.middle, after)
				if err := walk([]byte(quoted), 1, nil); (err == nil) != row.valid {
					t.Errorf("walk(%q) = %v, want valid: %t", quoted, err, row.valid)
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
		{`[]`, 0, errTooDeep},
		{`[]`, 1, nil},
		{`[{}]`, 1, errTooDeep},
		{`[{}]`, 2, nil},
		{`{"a":{"b":[1]}}`, 2, errTooDeep},
		{`{"a":{"b":[1]}}`, 3, nil},
		{strings.Repeat("[", 10_000_000), 200, errNoJSON},
		{strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000), 200, errTooDeep},
	} {
		if err := walk([]byte(row.data), row.depth, nil); !errors.Is(err, row.want) {
			t.Errorf("walk(%.20q, %d) = %v, want %v", row.data, row.depth, err, row.want)
		}
	}
}
