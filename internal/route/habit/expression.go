// SPDX-License-Identifier: Apache-2.0

package habit

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Expression finds what keeps text from being CEL: the operators and forms of other
// languages. It is for text that the parser refuses, and finds each habit once.
func Expression(text string, known Known) []Finding {
	if len(text) > maxText {
		return nil
	}
	if inner, ok := enclosed(text); ok {
		return []Finding{{strings.Index(text, "${"), "an expression stands here without ${ and }", "write " + inner}}
	}
	found := find(expressionRules, text, mask(text), known)
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.Offset, b.Offset) })
	return found
}

// enclosed returns what is in a text that is ${…} as a whole.
func enclosed(text string) (string, bool) {
	text = strings.TrimSpace(text)
	inner, begins := strings.CutPrefix(text, "${")
	inner, ends := strings.CutSuffix(inner, "}")
	return strings.TrimSpace(inner), begins && ends && !strings.ContainsAny(inner, "{}")
}

// form compiles the form of an expression. L stands for a quoted text.
func form(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(text, "<L>", literal))
}

const noOperator = `"$0" is not an operator of CEL`

// expressionRules are in the order in which they are tried: longer forms first.
var expressionRules = []rule{
	{form(`\{\{.*?\}\}|\{%.*?%\}`), "$0 is Jinja, and this is CEL", jinjaInside},
	{form(`^\s*\{\s*[\w.]+\s*\}`), "$0 has one pair of braces too many", func(m match) string {
		return "write ${" + strings.Trim(m.group(0), "{} ") + "}"
	}},
	{form(`^([^?{]*?)\s*(?P<at>:\s*%[A-Za-z].*)$`), "$0 is a format of Python's f-strings", func(m match) string {
		return "write format_date(" + strings.TrimSpace(m.group(1)) + `, "` + strings.TrimLeft(m.group(2), ": ") + `")`
	}},
	{form(`^[^?{]*?(?P<at>:[<>^]?\d*,?(?:\.\d+)?[dfsxeg%]?)\s*$`), "$0 is a format of Python's f-strings",
		write(`leave it out, or write "%.2f".format([x])`)},
	{form(`\$\{`), "an expression stands here without ${ and }", write("leave ${ and } out, and join text with +")},
	{form(`\$\(?[A-Za-z_]\w*\)?`), "$0 is a variable of the shell, and this is CEL", variableInside},
	{form(`[“”‘’]`), "$0 is a typographic quote", write(`write " or '`)},
	{form(`\bf(<L>)`), "$0 is Python's f-string", func(m match) string {
		return "join with +, as in " + joined(m.group(1))
	}},
	{form(`(?i)\bis\s+not\s+(?:none|null|nil)\b`), noOperator, func(m match) string { return "write " + presence(m, "") }},
	{form(`(?i)\bis\s+(?:none|null|nil)\b`), noOperator, func(m match) string { return "write " + presence(m, "!") }},
	{form(`(?i)\bis\s+(?:not\s+)?`), noOperator, write("write == or !=")},
	{form(`(?i)\bnot\s+in\b`), noOperator, func(m match) string { return "write !(" + operand(m, "x") + " in […])" }},
	{form(`(?i)\b(not\s+)?like\s*(<L>)`), noOperator, like},
	{form(`(?i)\bbetween\s+(\S+)\s+and\s+(\S+)`), noOperator, func(m match) string {
		x := operand(m, "x")
		return "write " + x + " >= " + m.group(1) + " && " + x + " <= " + m.group(2)
	}},
	{form(`(?i)\bends_?with\s*\(\s*\(\s*(<L>(?:\s*,\s*<L>)*)\s*,?\s*\)\s*\)`), "endsWith takes one text", oneByOne},
	{form(`(?i)\bstarts_?with\s*\(\s*\(\s*(<L>(?:\s*,\s*<L>)*)\s*,?\s*\)\s*\)`), "startsWith takes one text", oneByOne},
	{form(`(?i)\bin\s*\(\s*(<L>(?:\s*,\s*<L>)*)\s*,?\s*\)`), "a list stands in square brackets", func(m match) string {
		return "write in [" + m.group(1) + "]"
	}},
	{form(`\bcase\s+when\b`), "case when is SQL", write("write condition ? a : b")},
	{form(`(.*)\bif\b(.*)\belse\b(.*)`), "a if b else c is Python", func(m match) string {
		return "write " + strings.TrimSpace(m.group(2)) + " ? " + strings.TrimSpace(m.group(1)) + " : " + strings.TrimSpace(m.group(3))
	}},
	{form(`(?s)[\[(]([^\[\]]*?)\bfor\s+(\w+)\s+in\s+([\w.]+)(?:\s+if\b([^\[\]]*))?[\])]`), "this is Python's comprehension", comprehension},
	{form(`\[\s*(-?\d*)\s*:\s*(-?\d*)\s*\]`), noOperator, slice},
	{form(`\blambda\b[^:]*:`), "lambda is Python", write("write a macro, such as x.exists(v, v > 1)")},
	{form(`\btimedelta\s*\([^)]*\)`), "timedelta is Python", write(`write a duration, as in duration("24h")`)},
	{form(`\w+\(\s*\w+\s*=[^=]`), "functions take no named arguments", write("write the values alone")},
	{form(`===|!==`), noOperator, func(m match) string { return "write " + m.group(0)[:2] }},
	{form(`<>`), noOperator, write("write !=")},
	{form(`=~|!~|~`), noOperator, func(m match) string { return "write " + operand(m, "x") + `.matches("…")` }},
	{form(`\?\?`), noOperator, func(m match) string { return "write " + optional(operand(m, "x.name")) + ".orValue(…)" }},
	{form(`\?\.`), noOperator, write("write .? before the name, as in data.?name.orValue(…)")},
	{form(`\?:`), noOperator, func(m match) string { return "write " + optional(operand(m, "x.name")) + ".orValue(…)" }},
	{form(`\*\*`), noOperator, write("write x * x")},
	{form(`//`), noOperator, write("write /, which divides integers as well")},
	{form(`(?i)\bcontains\s+<L>`), noOperator, func(m match) string { return "write " + infix(m, "contains") }},
	{form(`(?i)\bstarts_?with\s+<L>`), noOperator, func(m match) string { return "write " + infix(m, "startsWith") }},
	{form(`(?i)\bends_?with\s+<L>`), noOperator, func(m match) string { return "write " + infix(m, "endsWith") }},
	{form(`(?i)\b(?:matches|rlike|regexp)\s+<L>`), noOperator, func(m match) string { return "write " + infix(m, "matches") }},
	{form(`(?i)\band\b`), noOperator, write("write &&")},
	{form(`(?i)\bor\b`), noOperator, write("write ||")},
	{form(`(?i)\bnot\b`), noOperator, write("write !")},
	{form(`(?:^|[^&])(?P<at>&)(?:[^&]|$)`), noOperator, write("write &&")},
	{form(`(?:^|[^|])(?P<at>\|)(?:[^|]|$)`), noOperator, write("write ||, or a function in place of a filter")},
	{form(`\+=|:=`), noOperator, write("write an expression: CEL assigns nothing")},
	{form(`(?:^|[^=!<>])(?P<at>=)(?:[^=~]|$)`), noOperator, write("write ==")},
	{form(`#.*$`), "# begins a comment in Python and YAML", write("write the comment on a line before, or //")},
	{form(`;\s*$`), "; ends nothing in CEL", write("leave it out")},
	{form(`^\s*return\b`), "return is no part of an expression", write("leave it out")},
	{form(`\b(\d+(?:\.\d+)?)\s*((?i:[kmgt]i?b|bytes?))\b`), "$0 is not a number of CEL", inBytes},
	{form(`\b(\d+)\s*(ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|w|weeks?)\b`), "$0 is not a number of CEL", asDuration},
	{form(`<L>\s*%\s*[\w("']`), "% is Python's format", write("join with +, or write text with ${…} inside")},
}

// operand is the operand before an operator, and otherwise where there is none.
func operand(m match, otherwise string) string {
	before := strings.TrimRight(m.text[:m.at[0]], " \t\n")
	if found := beforeOperator.FindString(before); found != "" {
		return found
	}
	return otherwise
}

var beforeOperator = regexp.MustCompile(`[A-Za-z_][\w.]*(?:\[[^\]]*\]|\([^()]*\)|\.\w+)*$`)

// presence writes the test that x is there: has() takes a selection alone.
func presence(m match, not string) string {
	x := operand(m, "x.name")
	if !strings.Contains(x, ".") || strings.HasSuffix(x, ")") || strings.HasSuffix(x, "]") {
		if not == "" {
			return x + " != null"
		}
		return x + " == null"
	}
	return not + "has(" + x + ")"
}

// optional writes a selection that may be absent: a.b as a.?b.
func optional(selection string) string {
	if at := strings.LastIndexByte(selection, '.'); at >= 0 {
		return selection[:at] + ".?" + selection[at+1:]
	}
	return selection
}

// infix writes an operator between two values as a method.
func infix(m match, method string) string {
	quotedAt := strings.IndexAny(m.group(0), `"'`)
	return operand(m, "x") + "." + method + "(" + m.group(0)[quotedAt:] + ")"
}

// oneByOne writes a call that takes a tuple in Python.
func oneByOne(m match) string {
	method := "endsWith"
	if strings.HasPrefix(strings.ToLower(m.group(0)), "s") {
		method = "startsWith"
	}
	x := cmp.Or(beforeOperator.FindString(strings.TrimSuffix(m.text[:m.at[0]], ".")), "x")
	var calls []string
	for text := range strings.SplitSeq(m.group(1), ",") {
		calls = append(calls, x+"."+method+"("+strings.TrimSpace(text)+")")
	}
	return "write " + strings.Join(calls, " || ")
}

// like writes SQL's pattern as the method that does the same.
func like(m match) string {
	not := ""
	if m.group(1) != "" {
		not = "!"
	}
	pattern := strings.Trim(m.group(2), `"'`)
	inner := strings.Trim(pattern, "%")
	x, first, last := not+operand(m, "x"), strings.HasPrefix(pattern, "%"), strings.HasSuffix(pattern, "%")
	switch {
	case strings.ContainsAny(inner, "%_"):
		return "write " + x + `.matches("^` + strings.NewReplacer("%", ".*", "_", ".", ".", `\\.`).Replace(pattern) + `$")`
	case first && last:
		return "write " + x + `.contains("` + inner + `")`
	case last:
		return "write " + x + `.startsWith("` + inner + `")`
	case first:
		return "write " + x + `.endsWith("` + inner + `")`
	}
	return "write " + x + ` == "` + inner + `"`
}

// slice writes Python's slice as a method: substring takes no negative numbers.
func slice(m match) string {
	x, from, to := operand(m, "x"), m.group(1), m.group(2)
	place := func(n string) string {
		if rest, negative := strings.CutPrefix(n, "-"); negative {
			return "size(" + x + ") - " + rest
		}
		return cmp.Or(n, "0")
	}
	if to == "" {
		return "write " + x + ".substring(" + place(from) + ")"
	}
	return "write " + x + ".substring(" + place(from) + ", " + place(to) + ")"
}

// comprehension writes Python's comprehension as a macro.
func comprehension(m match) string {
	value, name, list, condition := strings.TrimSpace(m.group(1)), m.group(2), m.group(3), strings.TrimSpace(m.group(4))
	text := "write " + list
	if condition != "" {
		text += ".filter(" + name + ", " + condition + ")"
	}
	if value != name {
		text += ".map(" + name + ", " + value + ")"
	}
	return text
}

// joined writes an f-string as a sum.
func joined(text string) string {
	quote := text[:1]
	text = text[1 : len(text)-1]
	var parts []string
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		if before != "" {
			parts = append(parts, quote+before+quote)
		}
		if !found {
			break
		}
		inner, after, _ := strings.Cut(rest, "}")
		parts = append(parts, inner)
		text = after
	}
	return strings.Join(parts, " + ")
}

func jinjaInside(m match) string {
	if inner := strings.TrimSpace(strings.Trim(m.group(0), "{}%")); selection.MatchString(inner) {
		return "write " + inner
	}
	return "write an expression without the braces, such as path.region"
}

func variableInside(m match) string {
	name := strings.Trim(m.group(0), "$()")
	if expression := m.ask.Name(strings.ToLower(name)); expression != "" {
		return "write " + expression
	}
	return "write an expression, such as object.name"
}

// inBytes writes a size with a unit as a product.
func inBytes(m match) string {
	unit := strings.ToLower(m.group(2))
	if strings.HasPrefix(unit, "byte") {
		return "write " + m.group(1)
	}
	thousand := " * 1000"
	if strings.Contains(unit, "i") {
		thousand = " * 1024"
	}
	if strings.Contains(m.group(1), ".") {
		thousand += ".0" // CEL multiplies no number of another kind
	}
	return "write " + m.group(1) + strings.Repeat(thousand, strings.IndexByte("kmgt", unit[0])+1)
}

// asDuration writes a length of time with a unit as a duration, which has no days.
func asDuration(m match) string {
	number, unit := m.group(1), m.group(2)[:1]
	if n, err := strconv.Atoi(number); err == nil && (unit == "d" || unit == "w") {
		hours := map[string]int{"d": 24, "w": 7 * 24}[unit]
		number, unit = strconv.Itoa(n*hours), "h"
	} else if m.group(2) == "ms" {
		unit = "ms"
	}
	return `write duration("` + number + unit + `")`
}
