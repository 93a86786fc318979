// SPDX-License-Identifier: Apache-2.0

package params_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/operator/params"
)

// declaring are the Params of the given schemas, with the default of each.
func declaring(schemas map[string]string) map[string]params.Param {
	all := map[string]params.Param{}
	for name, text := range schemas {
		schema, value, _ := strings.Cut(text, " default ")
		all[name] = params.Param{Param: airflow.Param{Schema: []byte(schema), Value: []byte(value)}}
	}
	return all
}

// The route sales-csv of testdata is compared with Params that take its conf, but for one.
func TestDifferencesOfAConfAndParams(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, schema, want string }{
		{"uri", `{"type":"string"}`, ``},
		{"uri", `{}`, ``},
		{"uri", ``, ``}, // before Airflow 2.2
		{"uri", `{"type":["null","integer"]}`, `conf.uri is string, and has to be null or integer`},
		{"size", `{"type":"number"}`, ``},
		{"size", `{"type":"string"}`, `conf.size is integer, and has to be string`},
		{"at", `{"type":"string","format":"date-time"}`, ``},
		{"full", `{"const":false}`, `conf.full is not the one value that it may have`},
		{"factor", `{"type":"integer"}`, `conf.factor is number, and has to be integer`},
		{"factor", `{"maximum":1}`, `conf.factor is more than 1`},
		{"name", `{"type":"string","maxLength":3}`, `conf.name has more than 3 characters`},
		{"x-y", `{"type":"integer"}`, ``}, // it can be anything
		{"tags", `{"type":"object"}`, `conf.tags is array, and has to be object`},
		{"source", `{"type":"object","required":["bucket"]}`, ``},
		{"source", `{"type":"object","required":["size"]}`, `conf.source lacks size`},
		{"source", `{"properties":{"kind":{"enum":["s3"]}}}`, `conf.source has kind, which is none of the values that it may have`},
		{"source", `{"properties":{"bucket":{"type":"array"}}}`, `conf.source has bucket, which is string, and has to be array`},
		{"source", `{"properties":{"kind":{}},"additionalProperties":false}`, `conf.source has bucket, which it may not`},
		{"day", `{"type":"string"} default "x"`, ``},
		{"day", `{"type":"string"}`, `the Param day has no default that it takes, and the conf does not give it`},
		{"day", `{"type":"string"} default null`, `the Param day has no default that it takes, and the conf does not give it`},
		{"sizes", `-size {} default 1`, `conf.size has no Param: did you mean sizes?`},
		{"", `-region`, `conf.region has no Param: add "region": Param(None, type=["null", "string"], description="${path.region}")`},
	} {
		all := map[string]string{}
		c := contracts(t)[0]
		for _, m := range c.Conf {
			all[m.Name] = ""
		}
		if without, ok := strings.CutPrefix(row.schema, "-"); ok {
			without, row.schema, _ = strings.Cut(without, " ")
			delete(all, without)
		}
		if row.name != "" {
			all[row.name] = row.schema
		}
		var lines []string
		for _, d := range c.Differences(declaring(all)) {
			lines = append(lines, d.Text)
		}
		if got := strings.Join(lines, "\n"); got != row.want {
			t.Errorf("%s %s:\n got %s\nwant %s", row.name, row.schema, got, row.want)
		}
	}
}

func TestChangesBetweenAFileAndAirflow(t *testing.T) {
	t.Parallel()
	file := declaring(map[string]string{
		"same": `{"type": "string"} default "x"`, "none": `{}`, "schema": `{"type":"string"} default 1`, "default": `{} default 1`, "new": `{}`,
	})
	computed := params.Param{Computed: true}
	file["computed"] = computed
	reported := declaring(map[string]string{
		"same": `{"type":"string"} default "x"`, "none": `{} default null`, "schema": `{"type":"integer"} default 1`, "default": `{} default 2`,
		"old": `{}`, "computed": ` default 7`,
	})
	const want = "Airflow has the Param default with another default\n" +
		"Airflow does not have the Param new\n" +
		"Airflow has the Param schema with the schema {\"type\":\"integer\"}\n" +
		"Airflow has a Param old, which the file does not"
	if got := strings.Join(params.Changes(file, reported), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
