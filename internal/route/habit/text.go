// SPDX-License-Identifier: Apache-2.0

package habit

import (
	"regexp"
	"strings"
)

// selection is the form of a field of a variable.
var selection = regexp.MustCompile(`^(?:event|object|message|data|path|vars)(?:\.\w+)*$`)

// Text finds, in text with ${expressions} inside, what only another language would
// replace: here it is passed on as it is. It finds the first, and writes the whole text
// as it is meant where it can.
func Text(text string, known Known) (Finding, bool) {
	if len(text) > maxText {
		return Finding{}, false
	}
	masked := maskExpressions(text)
	var first *Finding
	var b strings.Builder
	certain := true
	for at := 0; ; {
		r, place := firstOf(masked[at:])
		if r == nil {
			b.WriteString(text[at:])
			break
		}
		m := match{text[at:], place, known}
		meant := r.meant(m)
		if first == nil {
			first = &Finding{Offset: at + place[0], What: m.group(0) + " is " + r.of + ", and is passed on as it is"}
			if first.Fix = meant; strings.HasPrefix(meant, "${") {
				first.Fix = "write " + meant
			}
		}
		certain = certain && strings.HasPrefix(meant, "${")
		b.WriteString(text[at:at+place[0]] + meant)
		at += place[1]
	}
	if first == nil {
		return Finding{}, false
	}
	if certain {
		first.Fix = "write " + b.String()
	}
	return *first, true
}

// textRule is a form in which another language replaces text. meant writes the expression
// in its place, or else what to do.
type textRule struct {
	form  *regexp.Regexp
	of    string
	meant func(m match) string
}

var textRules = []textRule{
	{regexp.MustCompile(`\{\{\s*(.*?)\s*\}\}`), "Jinja", jinja},
	{regexp.MustCompile(`\{\{\s*([A-Za-z_][\w.]*)\s*\}?`), missingBrace, byName},
	{regexp.MustCompile(`\{\s*([A-Za-z_][\w.]*)\s*\}\}`), missingBrace, byName},
	{regexp.MustCompile(`<%[=-]?\s*(.*?)\s*-?%>`), "a tag of ERB or EJS", byName},
	{regexp.MustCompile(`@\{(.*?)\}`), "Azure's", byName},
	{regexp.MustCompile(`#\{(.*?)\}`), "Ruby's", byName},
	{regexp.MustCompile(`%([A-Z][A-Z0-9_]{2,})%`), "a variable of Windows", environmentVariable},
	{regexp.MustCompile(`\{%.*?%\}`), "Jinja", write("write ${condition ? a : b}")},
	{regexp.MustCompile(`\$\((.*?)\)`), "the shell's", byName},
	{regexp.MustCompile(`%\((\w+)\)s`), "Python's", byName},
	{regexp.MustCompile(`\B\$([A-Za-z_][\w.]*)`), "a variable of the shell", environmentVariable},
	{regexp.MustCompile(`\{([A-Za-z_][\w.]*)(?:![rsa])?(?::[^{}"]*)?\}`), "Python's", byName},
}

const missingBrace = "Jinja with a brace missing"

// firstOf is the rule whose form comes first in text, and where.
func firstOf(text string) (*textRule, []int) {
	var best *textRule
	var place []int
	for i := range textRules {
		at := textRules[i].form.FindStringSubmatchIndex(text)
		if at != nil && (place == nil || at[0] < place[0]) {
			best, place = &textRules[i], at
		}
	}
	return best, place
}

func byName(m match) string { return inBraces(m, m.group(1)) }

// environmentVariable is the field that a variable is named for, or else declares it.
func environmentVariable(m match) string {
	if meant := byName(m); strings.HasPrefix(meant, "${") {
		return meant
	}
	return fromEnvironment(m.group(1))
}

// fromEnvironment declares a variable of the environment in the file's vars.
func fromEnvironment(name string) string {
	lower := strings.ToLower(name)
	return "declare vars: {" + lower + ": {env: " + name + "}} in the file, and write ${vars." + lower + "}"
}

// inBraces writes a name as an expression in text.
func inBraces(m match, name string) string {
	name = strings.TrimSpace(name)
	if selection.MatchString(name) {
		return "${" + name + "}"
	}
	for _, candidate := range []string{name, strings.ToLower(name)} {
		if expression := m.ask.Name(candidate); expression != "" {
			return "${" + expression + "}"
		}
	}
	return "write ${…} around an expression, such as ${event.time}"
}

var (
	runConf  = regexp.MustCompile(`^(?:dag_run\.conf|params)(?:\.(\w+)|\[["'](\w+)["']\]|\.get\(["'](\w+)["'].*\))$`)
	variable = regexp.MustCompile(`^var\.(?:value|json)\.`)
)

// jinja writes an expression of Airflow's templates.
func jinja(m match) string {
	inner := m.group(1)
	if part := runConf.FindStringSubmatch(inner); part != nil {
		return "${data." + part[1] + part[2] + part[3] + "}"
	}
	if variable.MatchString(inner) {
		return "leave it to the DAG, which can read Airflow's variables"
	}
	name, _, _ := strings.Cut(inner, "|") // a filter
	return inBraces(m, name)
}

// maskExpressions hides ${…} and $${.
func maskExpressions(text string) string {
	masked := []byte(text)
	for at := 0; at < len(text); at++ {
		rest := text[at:]
		end := 0
		switch {
		case strings.HasPrefix(rest, "$${"):
			end = len("$${") + max(0, strings.IndexByte(rest[len("$${"):], '}')+1)
		case strings.HasPrefix(rest, "${"):
			end = expressionLength(rest)
		}
		for i := range end {
			masked[at+i] = quoted[0]
		}
		at += max(0, end-1)
	}
	return string(masked)
}

// expressionLength is how long the ${…} is that text begins with: it ends with the
// brace that closes it outside quotes.
func expressionLength(text string) int {
	masked := mask(text)
	depth := 0
	for i := range len(masked) {
		switch masked[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// InQuotes finds, in quoted texts of an expression, what only a template would replace.
func InQuotes(expression string) []Finding {
	if len(expression) > maxText {
		return nil
	}
	masked := mask(expression)
	var found []Finding
	for at := 0; at < len(expression); at++ {
		begins := masked[at] == quoted[0] && (strings.HasPrefix(expression[at:], "${") || strings.HasPrefix(expression[at:], "{{"))
		if !begins {
			continue
		}
		found = append(found, Finding{at, expression[at:at+2] + " within quotes is not computed", "close the quotes and join with +"})
		for at < len(expression) && masked[at] == quoted[0] {
			at++
		}
	}
	return found
}
