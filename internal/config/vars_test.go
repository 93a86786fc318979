// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
)

const staged = `
vars:
  landing: acme-${vars.stage}-landing
  stage: {env: STAGE, default: dev}
  tables: {orders: load_orders, items: "load_items_${vars.stage}"}
environments:
  dev: {url: "http://127.0.0.1/${vars.stage}"}
  prod: {url: "http://127.0.0.2"}
dead_letter: gs://acme-${vars.stage}-dead/x
routes:
  - name: r
    on: object.finalized
    bucket: ${vars.landing}
    object: "{table=*}/**"
    environment: ${vars.stage}
    dag: ${vars.tables[path.table]}
    dags: ${vars.tables}
    conf: {stage: "${vars.stage}"}
`

func TestOneFileServesEveryStage(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ stage, object, want string }{
		{"", "orders/a", `load_orders dev gs://acme-dev-dead/x {"stage":"dev"}`},
		{"prod", "items/a", `load_items_prod prod gs://acme-prod-dead/x {"stage":"prod"}`},
	} {
		c, err := config.FromEnv(set("DAGTRIGGER_CONFIG="+staged, "STAGE="+row.stage))
		if err != nil {
			t.Fatal(err)
		}
		bucket := "acme-" + max(row.stage, "dev") + "-landing"
		ev := event.New(event.CloudEvent{ID: "1", Type: "google.cloud.storage.object.v1.finalized",
			Source:      "//storage.googleapis.com/projects/_/buckets/" + bucket,
			ContentType: "application/json", Data: []byte(`{"bucket":"` + bucket + `","name":"` + row.object + `","generation":"1"}`)})
		d := c.Table.Decide(t.Context(), &ev)
		if len(d.Plans) != 1 {
			t.Fatalf("%s: %+v", row.stage, d)
		}
		p := d.Plans[0]
		if got := p.DAG + " " + p.Environment + " " + c.DeadLetter + " " + string(p.Conf); got != row.want {
			t.Errorf("%s: %s, want %s", row.stage, got, row.want)
		}
	}
	f, err := config.Parse("f", []byte(staged))
	if err != nil || f.Environments["dev"].URL != "http://127.0.0.1/dev" {
		t.Errorf("the environment is %+v: %v", f.Environments["dev"], err)
	}
}

func TestErrorsOfTheVarsOfAFile(t *testing.T) {
	t.Parallel()
	const route = "routes: [{name: r, on: '*', dag: d, bucket: 'acme-${vars.stage}'}]\n"
	for _, row := range []struct{ name, text, want string }{
		{"unknown", route + "vars: {stag: dev}", "f:1:51: bucket: there is no vars.stage: did you mean vars.stag?"},
		{"none", route, "f:1:51: bucket: there is no vars.stage: declare it in the file's vars, such as vars: {stage: VALUE}"},
		{"not set", route + "vars: {stage: {env: STAGE}}",
			"f:2:21: vars.stage: the environment variable STAGE is not set: set it, or add default: TEXT|" +
				"f:1:51: bucket: there is no vars.stage: declare it in the file's vars, such as vars: {stage: VALUE}"},
		{"a circle", route + "vars: {stage: '${vars.a}', a: '${vars.stage}'}",
			"vars: stage needs a needs stage: none of them has a value: break the circle"},
		{"a table", route + "vars: {stage: {a: b}}", "f:1:51: bucket: ${vars.stage} is a table or a list: name one of its values, " +
			"such as ${vars.NAME.KEY}"},
		{"an expression", "routes: [{name: r, on: '*', dag: d, bucket: 'a-${object.name}'}]",
			"f:1:48: bucket takes no expression, and ${object.name} is one: write ${vars.NAME}, a value of the file's vars; " +
				"compute what depends on the event in when, dag or conf"},
		{"an open brace", "routes: [{name: r, on: '*', dag: d, bucket: 'a-${vars.x'}]",
			"f:1:48: bucket: ${ is not closed: end it with }, or write $${ for a literal ${"},
		{"a name", "vars: {a-b: 1}\n" + strings.Replace(route, "${vars.stage}", "x", 1),
			"f:1:8: vars: a-b is not a valid name of a variable: use letters, digits and _, beginning with a letter"},
		{"no map", "vars: x\n" + strings.Replace(route, "${vars.stage}", "x", 1),
			"f:1:7: vars is a map, and this is text: write it as key: value"},
		{"a number for a default", "vars: {a: {env: STAGE, default: 1}}\n" + strings.Replace(route, "${vars.stage}", "x", 1),
			"f:1:33: vars.a: default is text, as every environment variable is: quote it"},
	} {
		_, err := config.FromEnv(set("DAGTRIGGER_CONFIG="+row.text, "AIRFLOW_URL=http://127.0.0.1"))
		got := ""
		if err != nil {
			got = strings.ReplaceAll(strings.ReplaceAll(err.Error(), "\n", "|"), "DAGTRIGGER_CONFIG:", "f:")
		}
		for _, want := range strings.Split(row.want, "|") {
			if !strings.Contains(got, want) {
				t.Errorf("%s:\n got %s\nwant %s", row.name, got, want)
			}
		}
	}
}

// The value of an environment variable may be a secret, and is in no error.
func TestErrorsLeaveOutValuesOfEnvironmentVariables(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{
		"bucket: '${vars.v}'", "object: 'x/${vars.v}/{a=*}'", "environment: '${vars.v}'", "dead_letter: '${vars.v}'",
		"dags: ['${vars.v}'], dag: '${data.x}'",
		"dags: ['${vars.v}', '${vars.v}'], dag: '${data.x}'", "dag: '${vars.v}'",
	} {
		if !strings.Contains(keys, "dag: ") {
			keys += ", dag: d"
		}
		for _, value := range []string{"hush{hush", "Hush/Hush", "hush hush"} {
			text := "vars: {v: {env: V}}\nroutes: [{name: r, on: object.finalized, " + keys + "}]"
			file, err := config.FileFromEnv(set("DAGTRIGGER_CONFIG="+text, "V="+value))
			said := file.Warnings().Error()
			if err != nil {
				said += err.Error()
			}
			if strings.Contains(strings.ToLower(said), "hush") {
				t.Errorf("%s: the value is in %s", keys, said)
			}
		}
	}
}

func TestMatchIsFirstOrAll(t *testing.T) {
	t.Parallel()
	const routes = "\nroutes: [{name: a, on: '*', dag: d}, {name: b, on: x, dag: e}]"
	for _, row := range []struct{ text, want string }{
		{"match: first", `f:2:38: b is never reached: match is first, and a, on line 2, takes all of its events: move b above a, or narrow a`},
		{"match: all", ``},
		{"match: one", `f:1:8: match is "one": use one of first, all`},
	} {
		f, err := config.Parse("f", []byte(row.text+routes))
		got := f.Warnings().Error()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, row.want) || row.want == "" && got != "" {
			t.Errorf("%s: %s, want %s", row.text, got, row.want)
		}
	}
}
