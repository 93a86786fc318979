// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/expression"
)

const routesHelp = `A routes file is YAML. Each route says which events start which DAG, with which conf:

  # yaml-language-server: $schema=routes.schema.json
  routes:
    - name: sales-csv
      on: object.finalized
      bucket: acme-landing
      object: sales/{region=*}/{day=*}/*.csv
      when: int(object.size) > 0
      dag: load_sales
      conf:
        uri: gs://${object.bucket}/${object.name}
        size: ${int(object.size)}
        region: ${path.region}

DAGTRIGGER_CONFIG names it: its path, or the YAML itself. "dagtrigger check" prints its
errors, "explain" what each route makes of an event, "test" runs examples, and
"serve --config" runs the function with it.

Unknown keys, wrong types, duplicate names and keys, a second document and an empty file
are errors. Anchors and aliases (&name, *name) work for single values; << is an error.
`

// routeHelp is a topic of the help, made from the tables by which a file is read.
func (p *program) routeHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "routes",
		Short: "all keys of a routes file, and what expressions can name",
		Long:  routesHelp + routesText(),
	}
}

// routesText documents every key and every variable.
func routesText() string {
	text := ""
	for _, t := range keyTables() {
		text += "\nThe keys of " + t.of + ":\n" + entriesText(t.keys)
	}
	text += "\nExpressions are CEL (https://cel.dev), with its standard library and these extensions:\n" +
		wrapped(strings.Join(expression.Extensions(), ", ")+
			" (https://github.com/google/cel-go/tree/master/ext). Integers are int, other numbers double, and the two compare and compute "+
			"with each other. "+
			"Inside text, numbers and booleans stand as in JSON, timestamps as in RFC 3339, maps and lists as JSON; null is an error; $${ "+
			"is ${ itself. \"dagtrigger help expressions\" lists all functions, with the layouts of dates, and recipes.", 84, "  ") +
		"\nWhat they can name:\n"
	for _, v := range expression.Variables() {
		text += "\n  " + v.Name + "\n" + wrapped(v.Doc, 84, "      ")
		if len(v.Fields) > 0 {
			text += wrapped(fieldsText(v.Fields), 84, "      ")
		}
	}
	text += "\nThe attributes of an unwrapped push:\n\n" +
		wrapped("Its headers are its message's attributes, their names in lower case. These are HTTP's and the platform's own, and never "+
			"attributes: "+
			strings.Join(event.TransportHeaders(), ", ")+". A message with an attribute of such a name needs a push with its wrapper.", 84, "  ") +
		"\nRequests that their headers identify (the body is the data):\n\n" +
		wrapped(strings.Join(event.Senders(), "; ")+". The time that a job of Cloud Scheduler is scheduled for is part of the key of any "+
			"event that it sends, "+
			"so that a job with the fixed headers of a CloudEvent starts a run each time.", 84, "  ")
	return strings.TrimSuffix(text, "\n")
}

// keyTable is a table of keys, and what has them.
type keyTable struct {
	of   string
	keys []document.Entry
}

// keyTables are all keys of a routes file.
func keyTables() []keyTable {
	return []keyTable{
		{"the file", config.Keys()}, {"a route", route.Keys()}, {"complete", route.CompleteKeys()}, {"an environment", config.EnvironmentKeys()},
	}
}

// keyEntries are the keys of a routes file, each with what it takes, its default and an
// example.
func keyEntries() []entry {
	var all []entry
	for _, t := range keyTables() {
		for _, k := range t.keys {
			all = append(all, entry{k.Name, keyText(k, t.of)})
		}
	}
	return all
}

// keyText documents one key: what it takes, its default and an example.
func keyText(k document.Entry, of string) string {
	doc, preset, _ := strings.Cut(strings.ReplaceAll(k.Doc, "`", ""), " Left out")
	preset, rest, _ := strings.Cut(strings.TrimPrefix(preset, ":"), ". ")
	switch preset = strings.TrimSuffix(strings.TrimSpace(preset), "."); {
	case k.Required:
		preset = "none, the key is required"
	case preset == "":
		preset = "none"
	}
	text := "\n" + k.Name + ", a key of " + of + "\n" + wrapped(strings.TrimSpace(doc+" "+rest), 84, "  ") + "\n"
	if k.Takes != "" {
		text += "  takes:    " + k.Takes + "\n"
	}
	if k.Vars {
		text += "  vars:     ${vars.NAME} is a value of the file's vars\n"
	}
	if len(k.Words) > 0 {
		text += strings.Replace(wrapped(strings.Join(k.Words, ", "), 84, "            "), "            ", "  words:    ", 1)
	}
	return text + strings.Replace(wrapped(preset, 84, "            "), "            ", "  default:  ", 1) + "  example:  " + k.Example + "\n"
}

// fieldsText lists fields with their types.
func fieldsText(fields []expression.Field) string {
	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = f.Name + " (" + string(f.Type) + ")"
	}
	return strings.Join(words, ", ")
}

// entriesText documents keys as a list for a terminal.
func entriesText(entries []document.Entry) string {
	var b strings.Builder
	for _, e := range entries {
		head := e.Name
		if e.Takes != "" {
			head += ": " + e.Takes
		}
		if e.Required {
			head += " (required)"
		}
		b.WriteString("\n  " + head + "\n" + wrapped(strings.ReplaceAll(e.Doc, "`", ""), 84, "      ") + "      " + e.Example + "\n")
	}
	return b.String()
}
