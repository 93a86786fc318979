// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/route/expression"
)

const expressionsHelp = `Expressions are CEL (https://cel.dev). They stand in when, and as ${…} in the text of dag,
conf, run_id, logical_date and note. "dagtrigger help routes" lists what they can name,
"dagtrigger help expressions NAME" shows one function, and "dagtrigger explain" what an
expression gives for an event.

x.f(y) calls f on x. Text stands in "" or '', and r"\d" is text without escapes. Whole
numbers are int, others double.
`

// expressions is a help topic, made from the table of functions and the recipes.
func (p *program) expressions() *cobra.Command {
	return &cobra.Command{
		Use:   "expressions",
		Short: "all functions of expressions, and recipes",
		Long: expressionsHelp + "\nFunctions and operators:\n" + functionsText() + "\n" + layoutsText() +
			"\nRecipes:\n" + strings.TrimSuffix(recipesText(), "\n"),
	}
}

// functionsText documents every function with an example.
func functionsText() string {
	var b strings.Builder
	for _, f := range expression.Functions() {
		b.WriteString(functionText(f))
	}
	return b.String()
}

func functionText(f expression.Function) string {
	return "\n  " + f.Name + "\n" + wrapped(f.Doc, 84, "      ") + "      " + f.Example + "  is  " + f.Gives + "\n"
}

// layoutsText lists the directives of a date's layout.
func layoutsText() string {
	var all []string
	for _, d := range expression.Directives() {
		all = append(all, d.Name+" "+d.Doc)
	}
	return "The layouts of date and format_date, which are Python's:\n\n" + wrapped(strings.Join(all, "; ")+".", 84, "      ")
}

// functionEntries are the functions by their names; an operator stands for itself.
func functionEntries() []entry {
	var all []entry
	for _, f := range expression.Functions() {
		text := functionText(f)
		if strings.HasSuffix(f.Name, "date") {
			text += "\n" + layoutsText()
		}
		for _, name := range strings.Fields(f.Name) {
			all = append(all, entry{name, text})
		}
	}
	return all
}

// recipesText shows every recipe as keys of a route.
func recipesText() string {
	var b strings.Builder
	for _, r := range recipes {
		b.WriteString("\n  # " + r.title + "\n")
		for _, line := range strings.Split(strings.TrimSpace(r.route), "\n") {
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String()
}

// recipe is a part of a route that people look for. A test tries it on an event.
type recipe struct {
	title string
	route string // its keys, but for name and, where they are missing, on and dag
	event string // keys of an example
	want  string // what the run must be, as the keys of an example's start; empty for no run
}

var recipes = []recipe{
	{"A file's name without its folder and its ending.", `
conf: {file: "${regex.extract(object.name, '([^/]+)[.][^./]*$').orValue(object.name)}"}`,
		"upload: gs://acme/sales/eu/a.b.csv", `conf: {file: a.b}`},
	{"The date in a path as the logical date.", `
object: sales/{day=*}/*.csv
logical_date: ${date(path.day, "%Y%m%d")}`,
		"upload: gs://acme/sales/20261122/a.csv", `logical_date: 2026-11-22T00:00:00Z`},
	{"The date in a path in another form.", `
object: sales/{day=*}/*.csv
conf: {day: "${format_date(date(path.day, '%d.%m.%Y'), '%Y-%m-%d')}"}`,
		"upload: gs://acme/sales/22.11.2026/a.csv", `conf: {day: "2026-11-22"}`},
	{"The day of an event in a time zone.", `
conf: {day: "${format_date(event.time, '%Y-%m-%d', 'Europe/Berlin')}"}`,
		"upload: gs://acme/a.csv\ntime: 2026-11-22T23:30:00Z", `conf: {day: "2026-11-23"}`},
	{"A DAG for each folder.", `
object: "{region=*}/**"
dag: load_${path.region}
dags: [load_eu, load_us]`,
		"upload: gs://acme/us/a.csv", `dag: load_us`},
	{"A lookup table, with a default.", `
object: "{country=*}/**"
dag: '${{"de": "load_eu", "fr": "load_eu", "us": "load_us"}[?path.country].orValue("load_rest")}'
dags: [load_eu, load_us, load_rest]`,
		"upload: gs://acme/jp/a.csv", `dag: load_rest`},
	{"A member that may be absent.", `
on: message.published
conf: {priority: "${message.json.?order.?priority.orValue('normal')}"}`,
		"message: {order: {}}", `conf: {priority: normal}`},
	{"An object's custom metadata.", `
conf: {owner: "${object.metadata.?owner.orValue('nobody')}"}`,
		"upload: gs://acme/a.csv\nmetadata: {owner: ana}", `conf: {owner: ana}`},
	{"Large objects alone.", `
when: int(object.size) > 100 * 1024 * 1024`,
		"upload: gs://acme/a.csv\nsize: 104857600", ``},
	{"Objects of some types.", `
when: object.contentType in ["text/csv", "application/json"]`,
		"upload: gs://acme/a.json", `dag: load`},
	{"Messages of one kind, where others have another shape.", `
on: message.published
when: message.json.type == "order" && message.json.order.total > 100`,
		`message: {type: order, order: {total: 150.25}}`, `conf: {type: order, order: {total: 150.25}}`},
	{"A message with one element that matters.", `
on: message.published
when: message.json.items.exists(i, i.sku.startsWith("gift-"))
conf: {skus: "${message.json.items.map(i, i.sku)}"}`,
		`message: {items: [{sku: a}, {sku: gift-b}]}`, `conf: {skus: [a, gift-b]}`},
	{"An attribute in any case that begins with something.", `
on: message.published
when: message.attributes.?source.orValue("").lowerAscii().startsWith("shop-")`,
		"message: {}\nattributes: {source: SHOP-7}", `dag: load`},
	{"One run for an order, however often it is published.", `
on: message.published
run_id: ${message.json.order}`,
		"message: {order: 4711}", `run_key: "4711"`},
	{"One run for an hour.", `
on: message.published
run_id: ${format_date(event.time, "%Y-%m-%dT%H")}`,
		"message: {}\ntime: 2026-11-22T09:30:00Z", `run_key: 2026-11-22T09`},
	{"The text of a message that is not JSON.", `
on: message.published
conf: {line: "${message.text.trim()}", by: "${message.attributes}"}`,
		"message: \" hello \"\nattributes: {kind: greeting}", `conf: {line: hello, by: {kind: greeting}}`},
	{"The object and the event that said so.", `
conf:
  uri: gs://${object.bucket}/${object.name}
  event: {id: "${event.id}", time: "${event.time}"}`,
		"upload: gs://acme/a.csv", `conf: {uri: gs://acme/a.csv, event: {id: "1", time: "2026-01-01T00:00:00Z"}}`},
}
