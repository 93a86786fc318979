// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/event"
)

// routes is a file without problems.
const routes = `
routes:
  - name: sales-csv
    on: object.finalized
    object: sales/{region=*}/*.csv
    dag: load_sales
    conf: {region: "${path.region}"}
`

func TestFileIsDecoded(t *testing.T) {
	t.Parallel()
	const text = `
environments:
  prod: {composer: projects/acme/locations/europe-west1/environments/prod}
  lab: {url: "http://127.0.0.1:8080", api: v2, auth: password, username: admin, password_file: /secrets/airflow, timeout: 10s}
routes:
- {name: a, on: '*', dag: d, environment: lab}
- {name: b, on: '*', dag: e, environment: prod}
`
	f, err := config.Parse("routes.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	if f.Name != "routes.yaml" || f.Digest != hex.EncodeToString(sum[:]) || len(f.Routes) != 2 {
		t.Errorf("the file is %s, digest %s, %d routes", f.Name, f.Digest, len(f.Routes))
	}
	want := map[string]environment.Spec{
		"prod": {Composer: "projects/acme/locations/europe-west1/environments/prod"},
		"lab":  {URL: "http://127.0.0.1:8080", API: "v2", Auth: "password", Username: "admin", PasswordFile: "/secrets/airflow", Timeout: 10e9},
	}
	if diff := cmp.Diff(want, f.Environments); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
	plans := f.Table.Decide(t.Context(), &event.Event{ID: "1", Type: "t", Source: "s"}).Plans
	if len(plans) != 2 || plans[0].DAG != "d" || plans[0].Environment != "lab" || plans[1].Environment != "prod" {
		t.Errorf("plans are %+v", plans)
	}
}

// The text of an error and its place are part of the product:
// each row is a file and all that is wrong with it.
func TestSelectOneRoute(t *testing.T) {
	t.Parallel()
	f, err := config.Parse("f", []byte(`
environments: {prod: {url: "http://127.0.0.1:1"}}
routes:
- {name: a, on: "*", dag: da}
- {name: b, on: "*", dag: db}
- {name: c, on: "*", dag: dc, enabled: false}
`))
	if err != nil {
		t.Fatal(err)
	}
	table, ok := f.Only("b")
	if !ok {
		t.Fatal("there is no route b")
	}
	d := table.Decide(t.Context(), &event.Event{ID: "1", Source: "s", Type: "t"})
	if len(d.Plans) != 1 || d.Plans[0].Route != "b" || d.Plans[0].DAG != "db" || d.Plans[0].Environment != "prod" {
		t.Errorf("decided %+v", d)
	}
	for _, name := range []string{"c", "d", ""} {
		if _, ok := f.Only(name); ok {
			t.Errorf("%q is a route that starts something", name)
		}
	}
}

func TestErrorsOfAFile(t *testing.T) {
	t.Parallel()
	const route = "routes: [{name: r, on: '*', dag: d}]\n"
	const lab = route + "environments: {lab: "
	for _, row := range []struct{ name, text, want string }{
		{"none", routes, ``},

		// The document.
		{"nothing", "", `f:1:1: the file is empty: write it, or leave it out`},
		{"a comment", "# routes:\n", `f:1:1: the file is empty: write it, or leave it out`},
		{"null", "null", `f:1:1: the file is empty: write it, or leave it out`},
		{"no UTF-8", "# ü\nroutes: ü\xff", `f:2:10: the file is not UTF-8: save it as UTF-8`},
		{"two documents", route + "---\n" + route, `f:2:1: a second document begins: keep one document in a file`},
		{"two documents, as blocks", routes[1:] + "---" + routes, `f:7:1: a second document begins: keep one document in a file`},
		{"a tab", "routes:\n  - name: r\n\ton: x", `f:3:1: this is not valid YAML: the line is indented with a tab: indent with blanks`},
		{"indented wrongly", "routes:\n  - name: r\n   on: x\n    dag: d\n",
			`f:3:4: this is not valid YAML: the line is indented by 3, and no line above it is: indent it by 4, as line 2`},
		{"an open quote", routes + "    note: \"x\n    run_id: y\n",
			`f:8:11: this is not valid YAML: the quote is not closed: end the text with "`},
		{"an anchor that is none", "routes:\n  - name: r\n    on: x\n    dag: *secret\n",
			`f:4:10: this is not valid YAML: a value that begins with * is not text: quote it`},
		{"a colon", "routes:\n  - name: r\n    when: a ? b: c\n    on: x",
			`f:3:16: this is not valid YAML: a value that holds ": " is not text: quote it: "a ? b: c"`},
		{"no map", "- routes", `f:1:1: the file is a map, and this is a list: write it as key: value`},

		// The keys of the file.
		{"misspelt", "route: []", `f:1:1: route is not a key of the file: did you mean routes?|` +
			`f:1:1: the file has no routes: add it, such as routes: [{name: sales-csv, on: object.finalized, dag: load_sales}]`},
		{"unknown", route + "version: 1",
			`f:2:1: version is not a key of the file: use one of environments, dead_letter, give_up_after, match, vars, routes`},
		{"twice", routes + routes, `f:9:1: routes stands here twice, first on line 2: remove one of the two`},
		{"merged", route + "<<: {a: b}", `f:2:1: << merges nothing here: write the keys out, or use an alias for one value`},
		{"a number for a key", route + "1: 2", `f:2:1: a key is text, and this is a number: quote it: "1"`},
		{"routes of the wrong type", "routes: {a: b}", `f:1:9: routes is a list, and this is a map: write it as routes: [{name: sales-csv, ` +
			`on: object.finalized, dag: load_sales}]`},
		{"routes of no type", "routes:", `f:1:8: routes is a list, and this is nothing: write it as routes: [{name: sales-csv, on: ` +
			`object.finalized, dag: load_sales}]`},
		{"no routes", "routes: []", `f:1:9: there are no routes: add one: without any, every event is acknowledged and starts nothing`},

		// The routes.
		{"a route's own", "routes:\n  - name: r\n    on: '*'\n    dag: d\n    objekt: x",
			`f:5:5: objekt is not a key of a route: did you mean object?`},
		{"a route's own, in one line", "routes: [{name: r, on: '*', dag: d, objekt: x}]",
			`f:1:37: objekt is not a key of a route: did you mean object?`},
		{"two of one name", routes + routes[9:], `f:8:11: name: sales-csv is taken by the route on line 3: give each route a unique name`},
		{"of an environment that is not declared", "routes: [{name: r, on: '*', dag: d, environment: prod}]",
			`f:1:50: environment: prod is not declared: declare it under environments, or leave it out`},
		{"of an environment that is misspelt", "routes: [{name: r, on: '*', dag: d, environment: prd}]\nenvironments: {prod: {url: " +
			"'http://127.0.0.1'}, lab: {url: 'http://127.0.0.1'}}",
			`f:1:50: environment: prd is not declared: did you mean prod?`},
		{"of no environment among several", route + "environments: {prod: {url: 'http://127.0.0.1'}, lab: {url: 'http://127.0.0.1'}}",
			`f:1:10: the route names no environment, and there are several: add environment: lab or prod`},

		// The environments.
		{"environments of the wrong type", route + "environments: prod",
			`f:2:15: environments is a map, and this is text: write it as key: value`},
		{"no environments", route + "environments: {}", `f:2:15: environments is empty: add one, or leave the key out to use the ` +
			`environment variables`},
		{"an environment's name", route + "environments: {Prod EU: {url: 'http://127.0.0.1'}}",
			`f:2:16: "Prod EU" is not a valid name of an environment: use lower-case letters, digits, _ and -, beginning with a letter or ` +
				`digit, at most 63`},
		{"an environment of the wrong type", lab + "http://127.0.0.1}",
			`f:2:21: an environment is a map, and this is text: write it as key: value`},
		{"an environment's key", lab + "{ulr: http://127.0.0.1}}", `f:2:22: ulr is not a key of an environment: did you mean url?`},
		{"a number for text", lab + "{url: http://127.0.0.1, username: 12}}",
			`f:2:55: username takes text, and this is the number 12: quote it: "12"`},
		{"a number for a secret", lab + "{url: http://127.0.0.1, password: 4711}}",
			`f:2:55: password takes text, and this is a number: quote it`},
		{"nothing for text", lab + "{url: }}", `f:2:27: url takes text, and this is nothing: write it as url: https://airflow.example.com`},
		{"text for a switch", lab + "{url: http://127.0.0.1, insecure: maybe}}",
			`f:2:55: insecure takes true or false, and this is the text "maybe": write it as insecure: true`},
		{"what is no switch", lab + "{url: http://127.0.0.1, insecure: !!bool maybe}}",
			`f:2:55: insecure takes true or false, and this is maybe: write it as insecure: true`},
		{"a number for a duration", lab + "{url: http://127.0.0.1, timeout: 90}}",
			`f:2:54: timeout takes a duration such as 90s or 2d, and this is the number 90: write it as timeout: 30s`},
		{"what does not hold together", lab + "{auth: basic, url: http://127.0.0.1, password: hush, token: hush}}",
			`f:2:16: username is missing: auth=basic needs it|f:2:81: token is given, but auth=basic does not use it: leave it out, or choose ` +
				`another auth`},
		{"no address", lab + "{api: v9}}", `f:2:27: api is "v9": use one of auto, v2, v1, experimental`},

		// All at once, in the order of the file.
		{"several", "environments:\n  lab: {url: x}\nroutes:\n  - name: R\n    on: '*'\ncolour: red\n",
			`f:2:14: url is no web address: write it as https://HOST or https://HOST/PATH|` +
				`f:4:5: a route has no dag: add it, such as dag: load_sales|` +
				`f:4:11: name: "R" is not a valid name of a route: use lower-case letters, digits, _ and -, beginning with a letter or digit, ` +
				`at most 63|` +
				`f:6:1: colour is not a key of the file: use one of environments, dead_letter, give_up_after, match, vars, routes`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f, err := config.Parse("f", []byte(row.text))
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), "\n", "|")
			}
			if got != row.want {
				t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
			}
			if err == nil && f.Table == nil {
				t.Error("there is no table")
			}
			if strings.Contains(got, "hush") || strings.Contains(got, "4711") || strings.Contains(got, "secret") {
				t.Errorf("a secret stands in %s", got)
			}
		})
	}
}

func TestConfigIsAPathOrInlineYAML(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(path, []byte(routes), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := path + ".missing"
	for _, row := range []struct{ name, value, file, want string }{
		{"a path", path, path, ``},
		{"a path and a line end", " " + path + "\n", path, ``},
		{"YAML", routes, "DAGTRIGGER_CONFIG", ``},
		{"YAML in one line", "routes: [{name: r, on: '*', dag: d}]", "DAGTRIGGER_CONFIG", ``},
		{"YAML that is invalid", "# mine\nroute: []\n", "DAGTRIGGER_CONFIG",
			"DAGTRIGGER_CONFIG:2:1: route is not a key of the file: did you mean routes?\nDAGTRIGGER_CONFIG:2:1: the file has no routes: " +
				"add it, such as routes: [{name: sales-csv, on: object.finalized, dag: load_sales}]"},
		{"no file", missing, missing, missing + ": it cannot be opened: no such file or directory: name an existing, readable file"},
		{"a folder", filepath.Dir(path), filepath.Dir(path), filepath.Dir(path) + ": it is a folder: name a file in it"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f, err := config.Find(row.value)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != row.want || f.Name != row.file {
				t.Errorf("%s: got %s\nwant %s", f.Name, got, row.want)
			}
		})
	}
}

func TestFileSizeIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(path, make([]byte, config.MaxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path)
	if want := path + ": it is larger than 16 MiB: split it between several functions"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestFileCannotBeCombinedWithConnectionVariables(t *testing.T) {
	t.Parallel()
	const declared = "environments: {lab: {url: 'http://127.0.0.1'}}\n" + routes
	for _, row := range []struct {
		name string
		env  []string
		want string
	}{
		{"the connection holds", []string{"DAGTRIGGER_CONFIG=" + routes, "AIRFLOW_URL=http://127.0.0.1"}, ``},
		{"it is declared", []string{"DAGTRIGGER_CONFIG=" + declared}, ``},
		{"it is missing", []string{"DAGTRIGGER_CONFIG=" + routes},
			`AIRFLOW_URL is missing: give the web server's address, such as https://<id>-dot-<region>.composer.googleusercontent.com, or name ` +
				`the environment in COMPOSER_ENVIRONMENT`},
		{"both", []string{"DAGTRIGGER_CONFIG=" + declared, "AIRFLOW_URL=http://127.0.0.1", "AIRFLOW_TOKEN=hush"},
			`AIRFLOW_URL is given, and DAGTRIGGER_CONFIG has environments: leave it out, or set url there|` +
				`AIRFLOW_TOKEN is given, and DAGTRIGGER_CONFIG has environments: leave it out, or set token there`},
		{"a DAG too", []string{"DAGTRIGGER_CONFIG=" + routes, "DAG_ID=d", "AIRFLOW_URL=http://127.0.0.1"},
			`DAG_ID and DAGTRIGGER_CONFIG are both given: leave one of them out: the routes of a file name their DAGs`},
		{"problems of both", []string{"DAGTRIGGER_CONFIG=routes: 1", "AIRFLOW_URL=x", "LOG_LEVEL=loud"},
			`LOG_LEVEL is "loud": use debug, info, warn or error|` +
				`DAGTRIGGER_CONFIG:1:9: routes is a list, and this is a number: write it as routes: [{name: sales-csv, on: object.finalized, ` +
				`dag: load_sales}]|` +
				`AIRFLOW_URL is no web address: write it as https://HOST or https://HOST/PATH`},
		{"a file that cannot be read", []string{"DAGTRIGGER_CONFIG=routes: ["},
			`DAGTRIGGER_CONFIG:1:9: this is not valid YAML: [ is not closed: end it with ]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.FromEnv(set(row.env...))
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), "\n", "|")
			} else if c.Table == nil || c.File.Name != "DAGTRIGGER_CONFIG" || len(c.Digest()) != 64 || len(c.Environments) != 1 {
				t.Errorf("the config is %+v", c)
			}
			if got != row.want {
				t.Errorf("got %s\nwant %s", got, row.want)
			}
		})
	}
}

// What the documentation shows must work.
func TestExampleOfEveryKeyIsValid(t *testing.T) {
	t.Parallel()
	for _, k := range config.Keys() {
		text := k.Example
		if k.Name != "routes" {
			text += routes
		}
		if _, err := config.Parse("f", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		documented(t, k)
	}
	const oauth2 = "auth: oauth2, "
	beside := map[string]string{
		"composer": "", "iap_client_id": "auth: iap, ", "audience": "auth: id_token, ",
		"username": "auth: basic, password: x, ", "password": "auth: basic, username: x, ", "password_file": "auth: basic, username: x, ",
		"token": "auth: bearer, ", "token_file": "auth: bearer, ", "auth": "username: x, password: y, ", "url": "auth: none, ",
		"oauth2_token_url":          oauth2 + "oauth2_client_id: x, oauth2_client_secret: x, ",
		"oauth2_client_id":          oauth2 + "oauth2_token_url: 'https://x/', oauth2_client_secret: x, ",
		"oauth2_client_secret":      oauth2 + "oauth2_token_url: 'https://x/', oauth2_client_id: x, ",
		"oauth2_client_secret_file": oauth2 + "oauth2_token_url: 'https://x/', oauth2_client_id: x, ",
		"oauth2_scope":              oauth2 + "oauth2_token_url: 'https://x/', oauth2_client_id: x, oauth2_client_secret: x, ",
		"client_cert_file":          "client_key_file: /x, ", "client_key_file": "client_cert_file: /x, ",
	}
	for _, k := range config.EnvironmentKeys() {
		keys := beside[k.Name] + k.Example
		if k.Name != "composer" && k.Name != "outbox" && k.Name != "url" {
			keys += ", url: 'https://127.0.0.1'"
		}
		text := "environments: {lab: {" + keys + "}}\n" + routes
		if _, err := config.Parse("f", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		documented(t, k)
	}
}

func documented(t *testing.T, k document.Entry) {
	t.Helper()
	if !strings.HasPrefix(k.Example, k.Name+": ") || !strings.HasSuffix(k.Doc, ".") {
		t.Errorf("%s is not documented: %+v", k.Name, k)
	}
}
