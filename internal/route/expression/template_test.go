// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/dagtrigger/internal/route/expression"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	c, up, ord := compiler(t), upload(), generic(order)
	for _, row := range []struct {
		s          *expression.Scope
		text       string
		plain, err string // as text
		json       string // in a conf
	}{
		// Literal text, and $${.
		{ord, ``, ``, ``, `""`},
		{ord, `plain`, `plain`, ``, `"plain"`},
		{ord, `a $ b {c} }`, `a $ b {c} }`, ``, `"a $ b {c} }"`},
		{ord, `$${x}`, `${x}`, ``, `"${x}"`},
		{ord, `$$${x}`, `$${x}`, ``, `"$${x}"`},
		{ord, `a$${b}${1}$`, `a${b}1$`, ``, `"a${b}1$"`},
		{ord, `${"$"}${data.text}`, `$x`, ``, `"$x"`},

		// Expressions inside text.
		{up, `gs://${object.bucket}/${object.name}`, `gs://acme/sales/ü #1%.csv`, ``, `"gs://acme/sales/ü #1%.csv"`},
		{up, `${path.region}${path.rest}`, `eu`, ``, `"eu"`},
		{ord, `${ data.text }`, `x`, ``, `"x"`},
		{ord, `n=${data.count} ${data.amount} ${data.id} ${data.half * 2} ${data.flag}`, `n=150 150.10 12345678901234567890 300.5 true`, ``,
			`"n=150 150.10 12345678901234567890 300.5 true"`},
		{up, `at ${event.time}`, `at 2026-11-22T01:02:03.5Z`, ``, `"at 2026-11-22T01:02:03.5Z"`},
		{up, `in ${event.time + duration("1h")}`, `in 2026-11-22T02:02:03.5Z`, ``, `"in 2026-11-22T02:02:03.5Z"`},
		{ord, `for ${duration("90s")}`, `for 90s`, ``, `"for 90s"`},
		{ord, `items ${data.items.map(i, i.sku)} ${ {"a": 1} }`, `items ["a","b"] {"a":1}`, ``, `"items [\"a\",\"b\"] {\"a\":1}"`},
		{ord, `bytes ${b"\xff"}`, `bytes /w==`, ``, `"bytes /w=="`},
		{generic(`"x\ny"`), `data: ${data}`, "data: x\ny", ``, `"data: x\ny"`},
		{generic(`{ "a" : 1.0 }`), `data: ${data}`, `data: { "a" : 1.0 }`, ``, `"data: { \"a\" : 1.0 }"`},

		// A lone expression keeps its type, but not as text.
		{ord, `${data.count}`, `150`, ``, `150`},
		{ord, `${data.id}`, `12345678901234567890`, ``, `12345678901234567890`},
		{ord, `${data.items[0]}`, `{"price":1.0,"sku":"a"}`, ``, `{"price":1.0,"sku":"a"}`},
		{ord, `${data.text}`, `x`, ``, `"x"`},
		{ord, `${data.count} `, `150 `, ``, `"150 "`},

		// Braces and quotes that belong to the expression.
		{ord, `${ {"a": {"b": 1}}["a"]["b"] }`, `1`, ``, `1`},
		{ord, `${"}"}`, `}`, ``, `"}"`},
		{ord, `${'\'}'}`, `'}`, ``, `"'}"`},
		{ord, `${r"\"}`, `\`, ``, `"\\"`},
		{ord, `${"""a"}b"""}`, `a"}b`, ``, `"a\"}b"`},
		{ord, `${string(b"}") + rb'\'.size().format_}`, ``, ``, ``},

		// Null has no text, but is JSON.
		{ord, `${data.none}`, ``, `evaluating data.none where data.none is null: null has no text: give a default, or test with != null`, `null`},
		{ord, `${data.nothing}`, ``,
			`evaluating data.nothing: the event has no data.nothing: test it with has(data.nothing), or give a default with ` +
				`data.?nothing.orValue(…)`, ``},
	} {
		template, _, problems := c.Template(row.text)
		if len(problems) > 0 {
			if row.plain+row.err+row.json != "" {
				t.Errorf("%s does not compile: %+v", row.text, problems)
			}
			continue
		}
		plain, err := template.Text(t.Context(), row.s, 1<<20)
		if plain != row.plain || fmt.Sprint(err) != fmt.Sprint(text(row.err)) {
			t.Errorf("%s is %q, %v\nwant %q, %s", row.text, plain, err, row.plain, row.err)
		}
		b := expression.Output{Most: 1 << 20}
		if err := template.JSON(t.Context(), row.s, &b); b.String() != row.json && err == nil {
			t.Errorf("%s is %s in JSON, want %s", row.text, &b, row.json)
		}
	}
}

// text is an error's text, or none.
func text(err string) any {
	if err == "" {
		return nil
	}
	return err
}

func TestTime(t *testing.T) {
	t.Parallel()
	c, up := compiler(t), upload()
	for _, row := range []struct{ text, want, err string }{
		{`${event.time}`, "2026-11-22T01:02:03.5Z", ""},
		{`${event.time - duration("1h")}`, "2026-11-22T00:02:03.5Z", ""},
		{`${"2026-11-22"}T00:00:00+01:00`, "2026-11-21T23:00:00Z", ""},
		{`2026-11-22T00:00:00Z`, "2026-11-22T00:00:00Z", ""},
		{`${object.name}`, "", `evaluating object.name where object.name is "sales/ü #1%.csv": "sales/ü #1%.csv" is not a valid timestamp: ` +
			`write it as 2026-11-22T00:00:00Z`},
		{`2026-11-22`, "", `"2026-11-22" is not a valid timestamp: write it as 2026-11-22T00:00:00Z`},
		{`${object.etag}`, "", `evaluating object.etag: the event has no object.etag: test it with has(object.etag), or give a default with ` +
			`object.?etag.orValue(…)`},
		{`${data.none}`, "", `evaluating data.none: the event has no data.none: test it with has(data.none), or give a default with ` +
			`data.?none.orValue(…)`},
	} {
		template, _, problems := c.Template(row.text)
		if len(problems) > 0 {
			t.Errorf("%s: %+v", row.text, problems)
			continue
		}
		got, err := template.Time(t.Context(), up)
		if row.err != "" && fmt.Sprint(err) != row.err || row.err == "" && got.UTC().Format(time.RFC3339Nano) != row.want {
			t.Errorf("%s is %v, %v\nwant %s%s", row.text, got, err, row.want, row.err)
		}
	}
}

// The words in which an invalid expression is reported are part of the product.
func TestErrors(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	const sizeIsText = ": convert with int(object.size), or quote the number; 64-bit integers of an object resource are text"
	const fix = ": fix the expression; in YAML, quote one that holds ': ' or ' #', or begins with a quote"
	for _, row := range []struct{ text, want string }{
		// Templates.
		{`a ${`, `2: ${ is not closed: end the expression with }, or write $${ for a literal ${`},
		{`ü${"}`, `2: ${ is not closed: end the expression with }, or write $${ for a literal ${`},
		{`${}`, `0: ${} holds no expression: write one, or $${ for a literal ${`},
		{`${1}${ }`, `4: ${} holds no expression: write one, or $${ for a literal ${`},

		// Syntax.
		{`${1 +}`, `5: invalid CEL: the expression ends too early: write what is missing at its end`},
		{`${a b}`, `4: invalid CEL: unexpected token after expression` + fix},
		{`${1 = 1}`, `4: "=" is not an operator of CEL: write ==`},
		{`${"ü" + # 1}`, `9: # begins a comment in Python and YAML: write the comment on a line before, or //`},

		// Names.
		{`${objct.name}`, `2: objct is not a variable or function: did you mean object?`},
		{`${request.path}`, `2: request is not a variable or function: name one of complete, data, event, manifest, message, object, ` +
			`path or vars, or a function of CEL`},
		{`${sizze("x")}`, `2: sizze is not a variable or function: name one of complete, data, event, manifest, message, object, ` +
			`path or vars, or a function of CEL`},
		{`${object.nane}`, `8: object has no field nane: did you mean object.name?`},
		{`${object.contenttype}`, `8: object has no field contenttype: did you mean object.contentType?`},
		{`${object.retention.mod}`, `18: object.retention has no field mod: did you mean object.retention.mode?`},
		{`${event.data}`, `7: event has no field data: write data`},
		{`${message.publishTime}`, `9: message has no field publishTime: write message.publish_time`},
		{`${has(object.nane)}`, `5: object has no field nane: did you mean object.name?`},
		{`${object.?nane.orValue("")}`, `8: object has no field nane: did you mean object.name?`},
		{`${objct.name + object.nane}`,
			`2: objct is not a variable or function: did you mean object?|21: object has no field nane: did you mean object.name?`},
		{`x ${object.nane} y ${object.sise}`,
			`10: object has no field nane: did you mean object.name?|27: object has no field sise: did you mean object.size?`},

		// Types.
		{`${data.items[-1]}`, `12: [-1] counts from the end in Python, and fails here: write .last().orValue("")`},
		{`${object.size > 0}`, `14: > does not take text and a number` + sizeIsText},
		{`${object.size == 0}`, `14: == does not take text and a number` + sizeIsText},
		{`${"a" + 1}`, `6: + does not take text and a number: convert with string(…), or write text with ${…} inside`},
		{`${object["name"]}`, `8: […] does not take object and text: write object.name`},
		{`${event.time.strftime(1)}`, `21: strftime does not take a timestamp and a number: write format_date(event.time, "%Y-%m-%d")`},
		{`${1.name}`, `3: a number has no field name: leave .name out`},
		{`${"x".name}`, `5: text has no field name: leave .name out`},
		{`${event.id.map(i, i)}`, `7: text has no elements: take those of a list or a map, as in x.split("/")`},
		{`${"a".matches("[")}`, `14: invalid matches argument: write a regular expression of RE2: https://github.com/google/re2/wiki/Syntax`},
		{`${timestamp("today")}`, `12: invalid timestamp argument: write it as 2026-11-22T00:00:00Z`},
		{`${duration("soon")}`, `11: invalid duration argument: write it as 90s or 1h30m`},

		// What CEL allows and a route has no use for.
		{`${[1].exists(path, path == 1)}`, `12: path would hide the variable path: give the macro's variable another name`},
		{`${object{name: "x"}}`, `8: object{…} is no value: write a map as {"name": value}`},
	} {
		_, _, problems := c.Template(row.text)
		got := ""
		for i, f := range problems {
			got += []string{"", "|"}[min(i, 1)] + fmt.Sprintf("%d: %s: %s", f.Offset, f.What, f.Fix)
		}
		if got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}
