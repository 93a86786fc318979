// SPDX-License-Identifier: Apache-2.0

package params

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const head = `"""The conf that the route %[1]s of dagtrigger gives a run of the DAG %[2]s.

Written by "dagtrigger params %[1]s". Do not edit: run it again when the route
changes, and "dagtrigger params %[1]s --check FILE" to see whether this is up to date.

    from %[3]s import %[4]s, PARAMS

    with DAG(%[5]s, params=PARAMS, ...):
        @task
        def load(dag_run=None):
            conf: %[4]s = dag_run.conf
"""

from typing import Any, Dict, List, TypedDict

try:  # Airflow 3
    from airflow.sdk import Param
except ImportError:  # Airflow 2.2 to 2.11
    from airflow.models.param import Param

`

const foot = `

def test_params():
    """Run by pytest: each Param takes its own default, and each has a type above."""
    for param in PARAMS.values():
        param.resolve()
    assert set(PARAMS) == set(%[1]s.__annotations__)
`

// Module is the name, without .py, that the module of a route is imported by.
func (c Contract) Module() string { return identifier(c.Route) + "_params" }

// Python is the module's text. It is imported by Airflow 2.2 and later, where
// Params have JSON Schemas.
func (c Contract) Python() string {
	var b strings.Builder
	class := className(c.Route) + "Conf"
	fmt.Fprintf(&b, head, c.Route, plain(c.DAG), c.Module(), class, quoted(c.DAG))
	writeType(&b, class, "dag_run.conf, as the route makes it.", c.Conf)
	b.WriteString("PARAMS = {\n")
	for _, m := range c.Conf {
		fmt.Fprintf(&b, "    %s: %s,\n", quoted(m.Name), param(m))
	}
	b.WriteString("}\n")
	fmt.Fprintf(&b, foot, class)
	return b.String()
}

// writeType writes the TypedDict of members, those of members that are maps first.
func writeType(b *strings.Builder, class, doc string, members []Member) {
	for _, m := range members {
		if len(m.Members) > 0 {
			writeType(b, class+className(m.Name), "The member "+plain(m.Name)+".", m.Members)
		}
	}
	fmt.Fprintf(b, "# %s\n%s = TypedDict(\n    %q,\n    {\n", doc, class, class)
	for _, m := range members {
		python := m.Type.Python
		if len(m.Members) > 0 {
			python = class + className(m.Name)
		}
		fmt.Fprintf(b, "        %s: %s,\n", quoted(m.Name), python)
	}
	b.WriteString("    },\n)\n\n")
}

// param is the Param of a member. What every event gives has None for its
// default, so that the DAG can be parsed, and be started by hand without it.
func param(m Member) string {
	value, schema := "None", ""
	switch {
	case m.Literal:
		value = python(m.Text)
		schema = fmt.Sprintf(", type=%q", m.Type.Schema)
	case m.Type.Schema != "":
		schema = fmt.Sprintf(`, type=["null", %q]`, m.Type.Schema)
	}
	if m.Type.Schema == "" {
		schema = ""
	}
	if about := description(m); about != "" {
		schema += ", description=" + quoted(about)
	}
	return "Param(" + value + schema + ")"
}

// maxDescription is how many characters of a template a description quotes.
const maxDescription = 200

func description(m Member) string {
	if m.Literal || m.Text == "" {
		return ""
	}
	if utf8.RuneCountInString(m.Text) > maxDescription {
		return string([]rune(m.Text)[:maxDescription]) + "…"
	}
	return m.Text
}

// quoted is text as a string of Python, and of JSON: the escapes of a JSON string
// mean the same in both, but for that of a slash, which nothing here writes.
func quoted(text string) string {
	b, _ := json.Marshal(text) // a string has no error
	return string(b)
}

// python is a JSON value as Python has it, which is no list and no map.
func python(value string) string {
	switch value {
	case "true":
		return "True"
	case "false":
		return "False"
	case "null", "":
		return "None"
	}
	return value
}

// plain is text as it can be part of a docstring.
func plain(text string) string {
	return regexp.MustCompile(`[\\"\x00-\x1f]+`).ReplaceAllString(text, " ")
}

// identifier makes a name of Python of a route's or a member's.
func identifier(name string) string {
	name = regexp.MustCompile(`[^A-Za-z0-9_]+`).ReplaceAllString(name, "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// className is a name in CamelCase.
func className(name string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(identifier(name), func(c rune) bool { return c == '_' }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	if text := b.String(); text != "" && (text[0] < '0' || text[0] > '9') {
		return text
	}
	return "Route" + b.String()
}
