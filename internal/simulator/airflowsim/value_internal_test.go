// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"encoding/json"
	"testing"
)

func TestNumbersAreWrittenLikePython(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]number{
		"1": "1", "-5": "-5", "123456789012345678901234567890": "123456789012345678901234567890",
		"1.0": "1.0", "1.50": "1.5", "0.1": "0.1", "-0.0": "-0.0", "1e3": "1000.0", "1E+3": "1000.0",
		"1e15": "1000000000000000.0", "1e16": "1e+16", "1.5e300": "1.5e+300", "0.0001": "0.0001", "0.00001": "1e-05",
		"-0": "0", "1e400": "Infinity", "-1e400": "-Infinity", "1e-400": "0.0",
	} {
		if got := pythonNumber(literal); got != want {
			t.Errorf("%s: got %s, want %s", literal, got, want)
		}
	}
}

func TestSmallFloatsAreWrittenLikeRustByPydantic(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]string{
		"0.0001": "0.0001", "0.00001": "0.00001", "1.234e-5": "0.00001234", "-1.5e-5": "-0.000015", "1e-6": "1e-6", "1.5e-7": "1.5e-7",
		"1e-10": "1e-10", "1e16": "1e+16", "-0.0": "-0.0", "5e-324": "5e-324",
	} {
		if got := string(pydanticStyle.encode(pythonNumber(literal))); got != want {
			t.Errorf("%s: got %s, want %s", literal, got, want)
		}
	}
}

func TestPostgreSQLKeepsNumbersWithoutExponents(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]string{
		"1": "1", "1.50": "1.5", "-0.0": "0.0", "1e-7": "1e-7", "1e15": "1000000000000000.0", "1e16": "10000000000000000",
		"-1.2345678901234567e+16": "-12345678901234568", "1.5e20": "150000000000000000000",
	} {
		if got := string(pydanticStyle.encode(jsonb([]any{pythonNumber(literal)}))); got != "["+want+"]" {
			t.Errorf("%s: got %s, want %s", literal, got, want)
		}
	}
}

func TestLoneSurrogateIsFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`"\ud83d\ude00"`: false, `"😀"`: false, `"\\ud83d"`: false, `"\u0041\n\ud83d\ude00\ud83d\ude00"`: false, `""`: false,
		`"\ud83d"`: true, `"\uDE00"`: true, `"\ude00\ud83d"`: true, `"\ud83d\ud83d\ude00"`: true, `"\ud83d \ude00"`: true, `"\ud83d\n"`: true,
	} {
		if got := halved([]byte(text)); got != want {
			t.Errorf("%s: got %t", text, got)
		}
	}
}

func TestReprMatchesPython(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`null`: "None", `true`: "True", `[false, 1.0]`: "[False, 1.0]", `{"a": {"b": []}}`: "{'a': {'b': []}}",
		`"it's"`: `"it's"`, `"it's \"so\""`: `'it\'s "so"'`, `"a\\b\n\r\t\u0000é"`: `'a\\b\n\r\t\x00é'`,
	} {
		v, syntax := parse([]byte(text))
		if got := repr(v); syntax != nil || got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestLastValueOfARepeatedKeyKeepsTheFirstPlace(t *testing.T) {
	t.Parallel()
	v, _ := parse([]byte(`{"a": 1, "b": 2, "a": 3}`))
	if got := string(pydanticStyle.encode(v)); got != `{"a":3,"b":2}` {
		t.Errorf("got %s", got)
	}
}

// What is read and written again is the same in every style, and JSON wherever
// Python's own is.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`{"a": [1.50, "é\u0000😀", {"b": null}], "a": 2}`, `1e400`, `"\ud800"`, `[1,]`, `{
		"a" 1}`, ``, `[[[`, `nul`, `"\u007f"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if nesting(text) > pythonNesting {
			return
		}
		v, syntax := parse(text)
		if (syntax == nil) != json.Valid(text) {
			t.Fatalf("parse says %v of %q", syntax, text)
		}
		if syntax != nil || unstorable(v) {
			return
		}
		for _, st := range []style{connexionStyle, flask1Style, flask2Style, pydanticStyle} {
			written := st.encode(v)
			again, syntax := parse(written)
			if syntax != nil || string(st.encode(again)) != string(written) {
				t.Fatalf("%q is written as %q, which is not a fixed point", text, written)
			}
		}
		_ = repr(v)
	})
}
