// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"
)

// standard is what encoding/json makes of JSON.
func standard(t *testing.T, text string) string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Skip("it is not valid JSON")
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func mustParse(t *testing.T, text string) node {
	t.Helper()
	root, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func FuzzTreeEqualsEncodingJSON(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` [ ] `, `{"a":[{},{},[[]],""]}`, `{"b":1,"a":{"c":null},"b":[true,false]}`, `"\u00fc\n\\\""`, ` -1.50e3 `,
		`["\ud83d\ude00","\ud83d","\ude00x","\ud83d\u0041","\ud83d\ud83d\ude00","\/\b\f\r\t\u00E9"]`, `{"\u0061\ud83d":1,"a\ufffd":2}`,
		`{"\u0061":1,"a":2}`, `["` + strings.Repeat(`a\"`, 200) + `"]`, `[1 , 2 ,{ "x" : "y" } ]`, `[` + strings.Repeat(`{"k":[1]},`, 40) + `0]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || !utf8.ValidString(text) {
			t.Skip("an event never carries that as JSON")
		}
		want := standard(t, text)
		root := mustParse(t, text)
		if len(root.spans) != cap(root.spans) {
			t.Errorf("%q takes %d spans, and %d were counted", text, len(root.spans), cap(root.spans))
		}
		b := Output{Most: math.MaxInt}
		if err := writeJSON(&b, root); err != nil || b.String() != want {
			t.Errorf("%q is %s, %v, want %s", text, &b, err, want)
		}
	})
}

// Maps of Go take up to 90 times the size of the JSON.
func TestParsedJSONTakesAtMostEightTimesItsSize(t *testing.T) {
	t.Parallel()
	for _, part := range []string{`{}`, `[]`, `1`, `{"":0}`, `[[]]`, `[[[[[]]]]]`, `{"a":{}}`, `"a"`} {
		text := "[" + strings.Repeat(part+",", 10_000) + "0]"
		if bytes := cap(mustParse(t, text).spans) * int(unsafe.Sizeof(span{})); bytes > 8*len(text) {
			t.Errorf("%s takes %d bytes for %d bytes of JSON", part, bytes, len(text))
		}
	}
}

// Of one value more nothing is built.
func TestParseRefusesMoreValuesThanItHasMemoryFor(t *testing.T) {
	t.Parallel()
	most := []byte("[" + strings.Repeat("7,", maxSpans-3) + "7]") // the list takes two
	if root, err := parse(most); err != nil || len(root.spans) != maxSpans {
		t.Errorf("%d values: %v", maxSpans-2, err)
	}
	more := append(most[:len(most)-1], ",7]"...)
	if root, err := parse(more); !errors.Is(err, errTooMany) || root.tree != nil {
		t.Errorf("%d values: %v", maxSpans-1, err)
	}
}

func TestFindReadsEscapedNames(t *testing.T) {
	t.Parallel()
	root := mustParse(t, `{"\ud83d\ude00":1,"\u0061":2,"\ud83d":3,"a\/\"\\\n":4,"\u0061bc":5}`)
	for name, want := range map[string]string{"😀": "1", "a": "2", "\uFFFD": "3", "a/\"\\\n": "4", "abc": "5", "ab": "", "abcd": "", "": ""} {
		if found, ok := root.find(name); ok != (want != "") || ok && found.raw() != want {
			t.Errorf("%q is there: %t", name, ok)
		}
	}
}

func TestFindReturnsTheLastOfEqualNames(t *testing.T) {
	t.Parallel()
	many := `{` + strings.Repeat(`"x":1,`, 30) + `"\u0061":2,"b":{"c":3},"a":4,"b":5}`
	for _, text := range []string{`{"x":1,"a":2,"b":{"c":3},"\u0061":4,"b":5}`, many} {
		root := mustParse(t, text)
		for range 100 { // by search, then by the sorted members
			for name, want := range map[string]string{"x": "1", "a": "4", "b": "5"} {
				found, ok := root.find(name)
				if !ok || found.raw() != want {
					t.Errorf("%s of %s is %v", name, text, ok)
				}
			}
			if _, ok := root.find("c"); ok {
				t.Errorf("%s has a member c", text)
			}
		}
		if n := object(root).Size().Value(); n != int64(3) {
			t.Errorf("%s has %v members", text, n)
		}
	}
}
