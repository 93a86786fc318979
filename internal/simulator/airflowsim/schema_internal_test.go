// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"strings"
	"testing"
)

// The words of the jsonschema package, for each keyword that is known here.
func TestSchemaErrorsMatchJsonschema(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ spec, value, want string }{
		{`{"type": "integer"}`, `1.0`, ""},
		{`{"type": "integer"}`, `1.5`, "1.5 is not of type 'integer'"},
		{`{"type": "integer"}`, `true`, "True is not of type 'integer'"},
		{`{"type": "integer"}`, `1e400`, "Infinity is not of type 'integer'"},
		{`{"type": "number"}`, `1`, ""},
		{`{"type": ["null", "object"]}`, `[1, {"a": "b'c"}]`, `[1, {'a': "b'c"}] is not of type 'null', 'object'`},
		{`{"type": "boolean"}`, `null`, "None is not of type 'boolean'"},
		{`{"type": "array"}`, `{}`, "{} is not of type 'array'"},
		{`{"type": "string"}`, `"x"`, ""},
		{`{"enum": [1, "x", null]}`, `1.0`, ""},
		{`{"enum": [1, "x", {"a": 1}]}`, `{"a": 1}`, ""},
		{`{"enum": [1]}`, `true`, "True is not one of [1]"},
		{`{"minimum": 1}`, `0.999`, "0.999 is less than the minimum of 1"},
		{`{"maximum": 9007199254740992}`, `9007199254740993`, "9007199254740993 is greater than the maximum of 9007199254740992"},
		{`{"minimum": 1}`, `"x"`, ""},
		{`{"minLength": 1}`, `""`, "'' should be non-empty"},
		{`{"minLength": 2}`, `"é"`, "'é' is too short"},
		{`{"maxLength": 1}`, `"é"`, ""},
		{`{"maxLength": 1}`, `"ab"`, "'ab' is too long"},
		{`{"pattern": "b+"}`, `"abc"`, ""},
		{`{"pattern": "^b+$"}`, `"abc"`, "'abc' does not match '^b+$'"},
		{`{"required": ["k", "l"]}`, `{"k": 1}`, "'l' is a required property"},
		{`{"required": ["k"]}`, `null`, ""},
		{`{"additionalProperties": true}`, `{"z": 1}`, ""},
		{`{"additionalProperties": false}`, `{"z": 1}`, "Additional properties are not allowed ('z' was unexpected)"},
		{`{"additionalProperties": false, "properties": {"k": {}}}`, `{"z": 1, "a": 1, "k": 1}`, "Additional properties are not allowed ('a'," +
			" 'z' were unexpected)"},
		{`{"properties": {"k": {"type": "integer"}}, "title": "t", "examples": []}`, `{"k": 1}`, ""},
	} {
		spec, _ := parse([]byte(row.spec))
		s, err := compileSchema(spec.(*object))
		if err != nil {
			t.Fatalf("%s: %v", row.spec, err)
		}
		v, _ := parse([]byte(row.value))
		got := ""
		if faults := s.validate(v, "", ""); len(faults) > 0 {
			got = faults[0].message
		}
		if got != row.want {
			t.Errorf("%s of %s: got %q, want %q", row.spec, row.value, got, row.want)
		}
	}
}

func TestBestMatchIsTheShallowestError(t *testing.T) {
	t.Parallel()
	params, err := parseParams(
		`{"o": {"default": null, "properties": {"k": {"properties": {"j": {"type": "integer"}}, "required": ["i"]}}}}`,
		Airflow211,
	)
	if err != nil {
		t.Fatal(err)
	}
	conf, _ := parse([]byte(`{"o": {"k": {"j": "x"}}}`))
	want := `Invalid input for param o: 'i' is a required property

Failed validating 'required' in schema['properties']['k']:
    {'properties': {'j': {'type': 'integer'}}, 'required': ['i']}

On instance['k']:
    {'j': 'x'}`
	if got := checkParams(params, conf.(*object), Airflow211); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLongListIsPrintedOneItemPerLine(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("x", 40)
	want := "['" + word + "',\n '" + word + "']"
	if got := pretty([]any{word, word}, 0, 0); got != want {
		t.Errorf("got %s", got)
	}
}
