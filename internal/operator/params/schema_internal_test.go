// SPDX-License-Identifier: Apache-2.0

package params

import (
	"encoding/json"
	"testing"
)

func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ schema, value, want string }{
		{``, `1`, ""},
		{`{}`, `null`, ""},
		{`{"type":"string"}`, `"x"`, ""},
		{`{"type":"string"}`, `1`, "is integer, and has to be string"},
		{`{"type":["null","integer"]}`, `null`, ""},
		{`{"type":["null","integer"]}`, `1.5`, "is number, and has to be null or integer"},
		{`{"type":"number"}`, `1`, ""},
		{`{"type":"integer"}`, `1.0`, ""},
		{`{"type":"boolean"}`, `"true"`, "is string, and has to be boolean"},
		{`{"type":"array"}`, `{}`, "is object, and has to be array"},
		{`{"enum":["a",1,null]}`, `1`, ""},
		{`{"enum":["a",1,null]}`, `2`, "is none of the values that it may have"},
		{`{"const":"a"}`, `"b"`, "is not the one value that it may have"},
		{`{"minimum":1,"maximum":2}`, `2`, ""},
		{`{"minimum":1}`, `0`, "is less than 1"},
		{`{"maximum":1.5}`, `2`, "is more than 1.5"},
		{`{"exclusiveMinimum":1}`, `1`, "is not more than 1"},
		{`{"exclusiveMaximum":1}`, `1`, "is not less than 1"},
		{`{"minLength":2}`, `"é"`, "has fewer than 2 characters"},
		{`{"maxLength":1}`, `"é"`, ""},
		{`{"maxLength":1}`, `"ab"`, "has more than 1 characters"},
		{`{"pattern":"^a"}`, `"ba"`, "does not match ^a"},
		{`{"pattern":"^(?<=a)"}`, `"x"`, ""}, // Python's alone
		{`{"minItems":1}`, `[]`, "has fewer than 1 items"},
		{`{"maxItems":1}`, `[1,2]`, "has more than 1 items"},
		{`{"items":{"type":"string"}}`, `["a",1]`, "has an item, number 2, that is integer, and has to be string"},
		{`{"required":["a"]}`, `{"b":1}`, "lacks a"},
		{`{"properties":{"a":{"minimum":1}}}`, `{"a":0,"b":0}`, "has a, which is less than 1"},
		{`{"properties":{"a":{}},"additionalProperties":false}`, `{"b":0}`, "has b, which it may not"},
		{`{"properties":{"a":{}},"additionalProperties":{"type":"string"}}`, `{"b":0}`, ""}, // left to Airflow
		{`{"format":"date","anyOf":[{"type":"string"}]}`, `"x"`, ""},                        // likewise
		{`{"type":"string","values_display":{"a":"b"}}`, `"x"`, ""},
		{`[`, `"x"`, ""},
		{`{"minimum":"x"}`, `1`, ""},
	} {
		if got := complaint(json.RawMessage(tt.schema), json.RawMessage(tt.value)); got != tt.want {
			t.Errorf("%s of %s: got %q, want %q", tt.value, tt.schema, got, tt.want)
		}
	}
}

func FuzzSchemasNeverPanic(f *testing.F) {
	f.Add(`{"type":["null","object"],"properties":{"k":{"type":"integer"}},"required":["k"],"additionalProperties":false}`, `{"k":1}`)
	f.Add(`{"items":{"pattern":"("}}`, `["a"]`)
	f.Fuzz(func(_ *testing.T, schema, value string) {
		complaint(json.RawMessage(schema), json.RawMessage(value))
	})
}
