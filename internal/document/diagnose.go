// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"example.com/dagtrigger/internal/route/habit"
)

const notYAML = "this is not valid YAML: "

// diagnose finds why text stops being YAML at a line, and where in it. The parser's own
// errors name a rule of its grammar, and often another line.
func diagnose(text []byte, at Position) (*Problem, bool) {
	lines := strings.Split(string(text), "\n")
	i := int(at.Line) - 1
	line := strings.TrimRight(lines[i], "\r")
	d := diagnosis{line: line, number: at.Line, hidden: secretKey.MatchString(line)}
	switch {
	case d.tab(), d.brokenValue(), d.noBlank(lines, i), d.indented(lines, i), d.noColon():
		return d.found, true
	}
	return nil, false
}

type diagnosis struct {
	line   string
	number int32
	hidden bool // the line holds a secret
	found  *Problem
}

// at reports a cause that stands at a byte of the line.
func (d *diagnosis) at(offset int, what, fix string) bool {
	column := utf8.RuneCountInString(d.line[:offset]) + 1
	d.found = &Problem{Position: Position{d.number, int32(column)}, What: notYAML + what, Fix: fix}
	return true
}

// tab finds a tab in the indentation.
func (d *diagnosis) tab() bool {
	indent := d.line[:len(d.line)-len(strings.TrimLeft(d.line, " \t"))]
	tab := strings.IndexByte(indent, '\t')
	return tab >= 0 && d.at(tab, "the line is indented with a tab", "indent with blanks")
}

// keyed is the form of a line with a key, or an item of a list, and a value.
var keyed = regexp.MustCompile(`^\s*(?:-\s+)*(?:[\w.-]+|"[^"]*"|'[^']*'):\s+|^\s*(?:-\s+)+`)

// brokenValue finds a value that has to be quoted.
func (d *diagnosis) brokenValue() bool {
	begin := len(keyed.FindString(d.line))
	value := strings.TrimSpace(d.line[begin:])
	if value == "" || begin == 0 {
		return false
	}
	quote := d.quote(value)
	first := value[:1]
	inner := strings.Index(value, ": ")
	switch {
	case strings.HasPrefix(value, "{{") || strings.HasPrefix(value, "{%"):
		return d.at(begin, "a value that begins with "+value[:2]+" is not text", d.template(value))
	case first == `"` || first == "'":
		return d.quotes(begin, value)
	case first == "[" || first == "{":
		return d.flow(begin, value)
	case strings.Contains("%@", first):
		return d.at(begin, "a value that begins with "+first+" is not text", d.template(value))
	case strings.Contains("*&!`", first):
		return d.at(begin, "a value that begins with "+first+" is not text", quote)
	case inner >= 0 || strings.HasSuffix(value, ":"):
		return d.at(begin+max(inner, 0), `a value that holds ": " is not text`, quote)
	}
	return false
}

// quote is the fix of a value that has to be quoted. It shows no secret.
func (d *diagnosis) quote(value string) string {
	// A word that begins with * may be a password as well as a pattern.
	if rest, starred := strings.CutPrefix(value, "*"); d.hidden || value == "" || starred && !strings.ContainsAny(rest, "*./") {
		return "quote it"
	}
	return "quote it: " + inQuotes(value)
}

// template is the fix of a value that another language's template may begin.
func (d *diagnosis) template(value string) string {
	if found, ok := habit.Text(value, habit.Known{Object: true, Message: true}); ok && !d.hidden {
		return found.Fix
	}
	return d.quote(value)
}

// quotes finds a quoted value that does not end, or goes on after its end.
func (d *diagnosis) quotes(begin int, value string) bool {
	end := 1
	for end < len(value) && value[end] != value[0] {
		if value[end] == '\\' && value[0] == '"' {
			end++
		}
		end++
	}
	switch {
	case end >= len(value):
		return d.at(begin, "the quote is not closed", "end the text with "+value[:1])
	case end == len(value)-1 || strings.HasPrefix(strings.TrimSpace(value[end+1:]), "#"):
		return false
	}
	return d.at(begin+end+1, "text goes on after its closing quote", d.quote(value))
}

// inFlow is a ${…} in a map or a list that is not quoted.
var inFlow = regexp.MustCompile(`[:,\[{]\s*(?:[^\s"',\[\]{}:](?:[^"',\[\]{}:]|:\S)*?)?\$\{`)

// flow finds what has to be quoted in {…} or […], and text that begins like one.
func (d *diagnosis) flow(begin int, value string) bool {
	if at := inFlow.FindStringIndex(value); at != nil {
		start := at[0] + 1 + len(value[at[0]+1:at[1]]) - len(strings.TrimLeft(value[at[0]+1:at[1]], " "))
		return d.at(begin+start, "${…} within "+pair(value)+" is not text", d.quote(flowItem(value[start:])))
	}
	depth, open := 0, byte(0)
	for i := range len(value) {
		switch c := value[i]; {
		case open != 0:
			if c == open {
				open = 0
			}
		case c == '"' || c == '\'':
			open = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 && i < len(value)-1 && !strings.HasPrefix(strings.TrimSpace(value[i+1:]), "#") {
				return d.at(begin, "a value that begins with "+value[:1]+" is not text", d.quote(value))
			}
		case strings.ContainsRune("*&!%@`", rune(c)) && strings.TrimRight(value[:i], " ") != value[:i] || c == '*' && value[i-1] == value[0]:
			return d.at(begin+i, "a value that begins with "+string(c)+" is not text", d.quote(flowItem(value[i:])))
		}
	}
	switch {
	case open != 0:
		return d.at(begin+strings.LastIndexByte(value, open), "the quote is not closed", "end the text with "+string(open))
	case depth > 0:
		return d.at(begin, value[:1]+" is not closed", "end it with "+pair(value)[len(pair(value))-1:])
	}
	return false
}

func pair(value string) string {
	if value[0] == '[' {
		return "[ ]"
	}
	return "{ }"
}

// flowItem is the item of a list or map that text begins with.
func flowItem(text string) string {
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '{' || c == '(' || c == '[':
			depth++
		case depth == 0 && strings.IndexByte(",}]", c) >= 0:
			return strings.TrimSpace(text[:i])
		case c == '}' || c == ')' || c == ']':
			depth--
		}
	}
	return strings.TrimSpace(text)
}

// glued is the form of a key without the blank after its colon.
var glued = regexp.MustCompile(`^(\s*(?:-\s+)?[A-Za-z_]\w*):([^\s/:].*)$`)

// bare is the form of a key without a colon.
var bare = regexp.MustCompile(`^\s*(?:-\s+)?([A-Za-z_]\w*)\s+[^:]*$`)

// noColon finds a key without a colon, in a line that is no part of a longer text.
func (d *diagnosis) noColon() bool {
	m := bare.FindStringSubmatchIndex(d.line)
	return m != nil && d.at(m[3], "no colon stands after "+d.line[m[2]:m[3]], "write "+d.line[m[2]:m[3]]+": before the value")
}

// noBlank finds a key without the blank after its colon, on the line or the one before.
func (d *diagnosis) noBlank(lines []string, i int) bool {
	for _, at := range []int{i, before(lines, i)} {
		if at < 0 {
			continue
		}
		if m := glued.FindStringSubmatch(strings.TrimRight(lines[at], "\r")); m != nil {
			d.line, d.number = lines[at], int32(at+1)
			return d.at(len(m[1]), "no blank stands after the colon", "write one after it")
		}
	}
	return false
}

// indented finds a line that stands below no line that it can belong to.
func (d *diagnosis) indented(lines []string, i int) bool {
	indent := indentation(d.line)
	above := before(lines, i)
	if above < 0 || strings.TrimSpace(d.line) == "" {
		return false
	}
	for at := above; at >= 0; at = before(lines, at) {
		if starts(lines[at]) == indent || indentation(lines[at]) == indent {
			if !strings.HasPrefix(strings.TrimSpace(d.line), "-") && indentation(lines[at]) == indent && starts(lines[at]) != indent {
				break // a key beside the dash of an item
			}
			return false
		}
	}
	want := starts(lines[above])
	if strings.HasPrefix(strings.TrimSpace(d.line), "-") { // as the item before it
		for above > 0 && !strings.HasPrefix(strings.TrimSpace(lines[above]), "-") {
			above--
		}
		want = indentation(lines[above])
	}
	return d.at(indent, fmt.Sprintf("the line is indented by %d, and no line above it is", indent),
		fmt.Sprintf("indent it by %d, as line %d", want, above+1))
}

// before is the index of the line before i that is not blank and no comment, or -1.
func before(lines []string, i int) int {
	for i--; i >= 0; i-- {
		if text := strings.TrimSpace(lines[i]); text != "" && !strings.HasPrefix(text, "#") {
			return i
		}
	}
	return -1
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// starts is where the key of a line begins, after the dash of an item.
func starts(line string) int {
	return indentation(line) + len(dash.FindString(strings.TrimLeft(line, " ")))
}

var dash = regexp.MustCompile(`^(?:-\s+)*`)

// inQuotes writes text as YAML in quotes.
func inQuotes(text string) string {
	switch {
	case !strings.ContainsAny(text, `"\`):
		return `"` + text + `"`
	case !strings.Contains(text, "'"):
		return "'" + text + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
