// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/route"
)

// holds reports whether value is valid for a JSON Schema of draft 7. It knows the
// keywords that this schema uses, and fails the test at any other.
func holds(t *testing.T, schema map[string]any, value any) bool {
	t.Helper()
	for keyword, want := range schema {
		if !keywordHolds(t, keyword, want, value, schema) {
			return false
		}
	}
	return true
}

func keywordHolds(t *testing.T, keyword string, want, value any, schema map[string]any) bool {
	t.Helper()
	object, isObject := value.(map[string]any)
	list, isList := value.([]any)
	text, isText := value.(string)
	switch keyword {
	case "$schema", "$id", "title", "description", "examples":
		return true
	case "type":
		if n, ok := value.(int); ok && want == "integer" {
			return n >= 0
		}
		return typeOf(value) == want
	case "minimum":
		n, ok := value.(int)
		return !ok || n >= int(want.(float64))
	case "enum":
		return slices.ContainsFunc(want.([]any), func(word any) bool { return reflect.DeepEqual(word, value) })
	case "pattern":
		return !isText || regexp.MustCompile(want.(string)).MatchString(text)
	case "items":
		return !isList || !slices.ContainsFunc(list, func(item any) bool { return !holds(t, want.(map[string]any), item) })
	case "minItems":
		return !isList || len(list) >= int(want.(float64))
	case "minProperties":
		return !isObject || len(object) >= int(want.(float64))
	case "required":
		return !isObject || !slices.ContainsFunc(want.([]any), func(name any) bool { _, ok := object[name.(string)]; return !ok })
	case "anyOf", "oneOf":
		n := 0
		for _, s := range want.([]any) {
			if holds(t, s.(map[string]any), value) {
				n++
			}
		}
		return n == 1 || n > 1 && keyword == "anyOf"
	case "properties", "additionalProperties", "propertyNames":
		return membersHold(t, keyword, want, object, schema)
	}
	t.Fatalf("the schema has the keyword %s, which this test does not know", keyword)
	return false
}

func membersHold(t *testing.T, keyword string, want any, object map[string]any, schema map[string]any) bool {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	for name, member := range object {
		property, listed := properties[name]
		switch {
		case keyword == "propertyNames":
			if !holds(t, want.(map[string]any), name) {
				return false
			}
		case keyword == "properties":
			if listed && !holds(t, property.(map[string]any), member) {
				return false
			}
		case listed:
		case want == false:
			return false
		default:
			if !holds(t, want.(map[string]any), member) {
				return false
			}
		}
	}
	return true
}

func typeOf(value any) string {
	switch value.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case nil:
		return "null"
	}
	return "number"
}

// loadSchema reads the schema as an editor does.
func loadSchema(t *testing.T) map[string]any {
	t.Helper()
	text, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// agree holds the schema against what Parse says of a file, and reports whether
// it is a good one.
func agree(t *testing.T, schema map[string]any, text string) bool {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	_, err := config.Parse("f", []byte(text))
	if ok := holds(t, schema, value); ok != (err == nil) {
		t.Errorf("the schema takes it: %t, and Parse says %v of\n%s", ok, err, text)
	}
	return err == nil
}

// shapes are values of every type that YAML has.
func shapes() []string {
	return []string{"", "true", "12", "1.5", "[]", "{}", "[a, 1]", "[null]", "[[a]]", "[{a: b}]", "{a: 1}", "{a: [1]}", "{a: []}",
		"{a: {b: c}}", "{a: null}"}
}

// For every key of the file and every type of value that it may be given, the
// schema takes what Parse takes, and nothing else.
func TestSchemaAgreesWithParse(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	taken := map[string]int{}
	for _, k := range route.Keys() {
		_, example, _ := strings.Cut(k.Example, ": ")
		for _, value := range append(shapes(), example) {
			keys := map[string]string{"name": "r", "on": "[object.finalized, message.published]", "dag": "d", "object": "a/{region=*}/**"}
			switch k.Name {
			case "asset", "dataset":
				delete(keys, "dag")
			case "extra", "materialize":
				delete(keys, "dag")
				keys["asset"] = "s3://acme/orders"
			}
			keys[k.Name] = value
			if k.Name == "complete" {
				keys["object"] = "sales/{day=*}/*.csv"
			}
			if k.Name == "dags" {
				keys["dag"] = "load_${data.region}"
			}
			if k.Name == "grace" || k.Name == "late" {
				keys["every"] = "5m"
			}
			if k.Name == "reject" {
				delete(keys, "dag")
			}
			text := "environments: {prod: {url: 'http://127.0.0.1'}}\nroutes:\n- "
			for name, value := range keys {
				text += name + ": " + value + "\n  "
			}
			if agree(t, schema, text) {
				taken[k.Name]++
			}
		}
	}
	for _, k := range route.Keys() {
		if taken[k.Name] == 0 {
			t.Errorf("no value of %s was taken", k.Name)
		}
	}
}

// The same holds for the keys of complete.
func TestSchemaAcceptsTheSameSetsAsParse(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	for _, k := range route.CompleteKeys() {
		_, example, _ := strings.Cut(k.Example, ": ")
		taken := 0
		for _, value := range append(shapes(), example) {
			keys := map[string]string{"prefix": "sales/", "names": "[a]"}
			switch k.Name {
			case "count", "manifest":
				delete(keys, "names")
			case "files":
				keys = map[string]string{"prefix": "sales/", "manifest": "m"}
			}
			keys[k.Name] = value
			text := "environments: {prod: {url: 'http://127.0.0.1'}}\nroutes:\n- name: r\n  on: object.finalized\n  dag: d\n" +
				"  object: sales/{day=*}/*.csv\n  complete:\n"
			for name, value := range keys {
				text += "    " + name + ": " + value + "\n"
			}
			if agree(t, schema, text) {
				taken++
			}
		}
		if taken == 0 {
			t.Errorf("no value of %s was taken", k.Name)
		}
	}
}

func TestSchemaAcceptsTheSameEnvironmentsAsParse(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	const routes = "routes: [{name: r, on: '*', dag: d}]\nenvironments: {lab: {"
	for _, key := range config.EnvironmentKeys() {
		k := key.Name
		if k == "composer" || k == "url" {
			continue
		}
		for _, value := range shapes() {
			if k == "insecure" && value == "true" {
				continue // by itself it has a meaning
			}
			agree(t, schema, fmt.Sprintf("%surl: 'http://127.0.0.1', %s: %s}}", routes, k, value))
		}
	}
	for _, value := range shapes() {
		agree(t, schema, fmt.Sprintf("%surl: %s}}", routes, value))
		agree(t, schema, fmt.Sprintf("%scomposer: %s}}", routes, value))
	}
	for _, row := range []struct {
		keys string
		good bool
	}{
		{"url: 'http://127.0.0.1', insecure: true, timeout: 5s, api: v1, auth: basic, username: a, password_file: b", true},
		{"url: 'http://127.0.0.1', auth: iap, iap_client_id: 4711-abc.apps.googleusercontent.com", true},
		{"url: 'http://127.0.0.1', auth: bearer, token_file: /x", true},
		{"url: 'http://127.0.0.1', auth: oauth2, oauth2_token_url: 'https://x/', oauth2_client_id: a, oauth2_client_secret: b", true},
		{"url: 'https://a.run.app', auth: id_token", true},
		{"url: 'https://a.example', auth: none, headers: 'X-Api-Key: a'", true},
		{"composer: projects/acme/locations/europe-west1/environments/prod", true},
		{"composer: projects/acme/locations/europe-west1/environments/prod, url: 'http://127.0.0.1'", false},
		{"url: 'http://127.0.0.1', api: v9", false},
		{"url: 'http://127.0.0.1', auth: magic", false},
		{"url: 'http://127.0.0.1', timeout: soon", false},
		{"url: 'http://127.0.0.1', timeout: 1m30s", true},
		{"url: 'http://127.0.0.1', colour: red", false},
		{"api: v2", false},
		{"", false},
	} {
		if good := agree(t, schema, routes+row.keys+"}}"); good != row.good {
			t.Errorf("%s: good is %t, want %t", row.keys, good, row.good)
		}
	}
}

func TestSchemaAcceptsTheSameFilesAsParse(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	for _, row := range []struct {
		text string
		good bool
	}{
		{routes, true},
		{"routes: [{name: r, on: com.acme.*, dag: d}]", true},
		{"routes: [&a {name: r, on: x, dag: d, conf: &c {a: [1, {b: null}]}}, {name: s, on: y, dag: d, conf: *c}]", true},
		{"routes: [{name: R, on: x, dag: d}]", false},
		{"routes: [{name: r, on: x}]", false},
		{"routes: [{name: r, dag: d}]", false},
		{"routes: [{on: x, dag: d}]", false},
		{"routes: [{name: r, on: object.finalized, dag: d, skip: [folder]}]", false},
		{"routes: [{name: r, on: x, dag: d, objekt: y}]", false},
		{"routes: []", false},
		{"routes: {a: b}", false},
		{"routes: null", false},
		{"{}", false},
		{"[]", false},
		{"routes: [{name: r, on: x, dag: d}]\nversion: 1", false},
		{"routes: [{name: r, on: x, dag: d}]\nenvironments: {}", false},
		{"routes: [{name: r, on: x, dag: d}]\nenvironments: {Prod: {url: 'http://127.0.0.1'}}", false},
		{"routes: [{name: r, on: x, dag: d}]\nenvironments: [prod]", false},
		{"routes: [r]", false},
	} {
		if good := agree(t, schema, row.text); good != row.good {
			t.Errorf("%s: good is %t, want %t", row.text, good, row.good)
		}
	}
}

// timeless is a value as JSON has it: times are text.
func timeless(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = timeless(v[name])
		}
	case []any:
		for i := range v {
			v[i] = timeless(v[i])
		}
	case time.Time:
		return v.Format(time.RFC3339)
	}
	return value
}

// TestSchemaOfExamplesTakesWhatIsRead holds the schema of examples against the examples
// of the guides, and against what is wrong with them.
func TestSchemaOfExamplesTakesWhatIsRead(t *testing.T) {
	t.Parallel()
	text, err := example.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil || schema["$id"] != example.SchemaID {
		t.Fatalf("%v, the schema is %v", err, schema["$id"])
	}
	files, err := filepath.Glob("../../deploy/examples/*_test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	agrees := func(name, text string) {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		_, err := example.Parse(name, []byte(text))
		if ok := holds(t, schema, timeless(value)); ok != (err == nil) {
			t.Errorf("the schema takes it: %t, and Parse says %v of %s", ok, err, name)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		agrees(file, string(text))
	}
	for _, row := range []string{
		"upload: gs://a/b, starts: [r, {route: s, conf: {a: 1}, run_key: x}], fails: [t, {route: u, error: v}]",
		"message: [1], topic: t, as: push", "upload: a/b", "upload: gs://a", "upload: gs://a/b, message: x", "size: 3",
		"upload: gs://a/b, size: -1",
		"upload: gs://a/b, starts: [{dag: d}]", "upload: gs://a/b, starts: r", "upload: gs://a/b, starts: [{route: r, conf: 1}]",
		"upload: gs://a/b, as: pushed", "upload: gs://a/b, fails: [{error: e}]", "upload: gs://a/b, metadata: {a: b}",
		"upload: gs://a/b, begins: []",
	} {
		agrees(row, "config: r.yaml\ntests:\n- {name: n, "+row+"}")
	}
	agrees("nothing", "{}")
}

// A row of a table whose field has a type that no reader knows would end the program.
func TestEveryKeyHasAField(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string]func() []document.Entry{
		"a file": config.Keys, "an environment": config.EnvironmentKeys, "a route": route.Keys, "complete": route.CompleteKeys,
		"a file of examples": example.SuiteKeys, "an example": example.Keys,
	} {
		for _, e := range entries() {
			if e.Name == "" || e.Example == "" {
				t.Errorf("%s: the key %+v is not documented", name, e)
			}
		}
	}
}
