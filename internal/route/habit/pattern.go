// SPDX-License-Identifier: Apache-2.0

package habit

import (
	"regexp"
	"strconv"
	"strings"
)

// Pattern finds, in a pattern of a route, the syntax of regular expressions, SQL and
// other globs, which stands for itself there.
func Pattern(text string) (Finding, bool) {
	if len(text) > maxText {
		return Finding{}, false
	}
	negated := strings.HasPrefix(text, "!")
	for _, r := range patternRules {
		if negated && r.name == hidden {
			continue
		}
		at := r.form.FindStringIndex(text)
		if at == nil {
			continue
		}
		fix := r.fix
		if r.regular {
			fix = regularFix(text)
		}
		if r.rewrite != nil {
			fix = r.rewrite(text, at)
		}
		return Finding{at[0], strings.ReplaceAll(r.what, "$0", text[at[0]:at[1]]), fix}, true
	}
	return Finding{}, false
}

// regularFix writes a regular expression as patterns, or says how they are written.
func regularFix(text string) string {
	switch all := asPatterns(text); len(all) {
	case 0:
		return "write * for any characters but /, ** for any at all, and compare with matches(…) in when"
	case 1:
		return "write " + all[0]
	default:
		return quotedList(all)
	}
}

// hidden are names that begin with a dot, which only an exclusion is likely to mean.
const hidden = "hidden"

type patternRule struct {
	name    string
	form    *regexp.Regexp
	what    string
	fix     string
	regular bool // the text is a regular expression: the fix is it as a pattern
	rewrite func(text string, at []int) string
}

const constant = "declare it in vars, and write ${vars.NAME}; or capture it, as in {name=*}, and compare it in when"

const regularExpression = "$0 is a regular expression's, and a pattern takes it for itself"

var patternRules = []patternRule{
	{form: regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}`), what: "$0 is Jinja, and a pattern takes vars of the file alone",
		fix: constant},
	{form: regexp.MustCompile(`\$\{[A-Z][A-Z0-9_]*\}`), what: "$0 is a variable of the shell, and a pattern takes vars of the file alone",
		rewrite: variables},
	{form: regexp.MustCompile(`\$\{.*?\}|\$\(.*?\)`), what: "$0 is not computed in a pattern, which takes vars of the file alone",
		fix: constant},
	{form: regexp.MustCompile(`\(\?P?<(\w+)>.*?\)`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\{(\w+):[^{}]*\}`), what: "$0 captures nothing", rewrite: capture},
	{form: regexp.MustCompile(`^\^`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\\`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\([^()|]*(?:\|[^()|]*)+\)`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\[[^\]\[/]*\w-\w[^\]\[]*\][*+?]?|\[[^\]\[]*\][*+?{]`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\[[^\]\[/]{1,8}\]`), what: "$0 is the shell's, and a pattern takes it for itself",
		fix: "write *, or a list of patterns"},
	{name: hidden, form: regexp.MustCompile(`(?:^|/)\.[*+]`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\.\+`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`^[^$]*\w\$$`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\{\d*,?\d*\}`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`\{[^{}=]*,[^{}=]*\}`), what: "$0 is the shell's, and a pattern has no alternatives", rewrite: alternatives},
	{form: regexp.MustCompile(`\|`), what: regularExpression, regular: true},
	{form: regexp.MustCompile(`<(\w+)>`), what: "$0 captures nothing", rewrite: capture},
	{form: regexp.MustCompile(`(?:^|/):([A-Za-z_]\w*)`), what: "$0 captures nothing", rewrite: capture},
	{form: regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`), what: "$0 is a variable of the shell, and a pattern takes vars of the file alone",
		rewrite: variables},
	{form: regexp.MustCompile(`%(?:[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)`), what: "% is SQL's, and a pattern takes it for itself", rewrite: percent},
	{form: regexp.MustCompile(`\?`), what: "? is the shell's, and a pattern takes it for itself", rewrite: questions},
	{form: regexp.MustCompile(`,\s`), what: "a pattern takes a comma for itself", rewrite: commas},
}

func quotedList(items []string) string {
	for i, item := range items {
		items[i] = strconv.Quote(strings.TrimSpace(item))
	}
	return "write a list: [" + strings.Join(items, ", ") + "]"
}

func commas(text string, _ []int) string { return quotedList(strings.Split(text, ",")) }

func variables(text string, at []int) string {
	return fromEnvironment(strings.Trim(text[at[0]:at[1]], "${}()"))
}

func questions(text string, _ []int) string { return "write " + strings.ReplaceAll(text, "?", "*") }

func percent(text string, _ []int) string { return "write " + strings.ReplaceAll(text, "%", "*") }

func alternatives(text string, at []int) string {
	var all []string
	for choice := range strings.SplitSeq(text[at[0]+1:at[1]-1], ",") {
		all = append(all, text[:at[0]]+strings.TrimSpace(choice)+text[at[1]:])
	}
	return quotedList(all)
}

var captureName = regexp.MustCompile(`[A-Za-z_]\w*`)

func capture(text string, at []int) string {
	found := text[at[0]:at[1]]
	slash := ""
	if strings.HasPrefix(found, "/") {
		slash = "/"
	}
	return "write " + text[:at[0]] + slash + "{" + captureName.FindString(found) + "=*}" + text[at[1]:]
}

var (
	named     = regexp.MustCompile(`\(\?P?<(\w+)>[^()]*\)`)
	group     = regexp.MustCompile(`\(([^()]*)\)`)
	anything  = regexp.MustCompile(`\.[*+]\??`)
	class     = regexp.MustCompile(`(?:\\[dwsDWS]|\[[^\]]*\])(?:[*+?]|\{[\d,]*\})?`)
	escaped   = regexp.MustCompile(`\\(.)`)
	manyStars = regexp.MustCompile(`\*{3,}`)
	isLeft    = regexp.MustCompile(`[\\^$()\[\]|?+]`)
)

// asPatterns writes a regular expression as patterns, as far as they can say it.
func asPatterns(text string) []string {
	text, begins := strings.CutPrefix(text, "^")
	text, ends := strings.CutSuffix(text, "$")
	if !begins && ends && strings.HasPrefix(text, `\.`) {
		text = ".*" + text
	}
	var all []string
	for _, choice := range choices(named.ReplaceAllString(text, "\x03$1\x04")) {
		choice = class.ReplaceAllString(choice, "*")
		choice = anything.ReplaceAllString(choice, "**")
		choice = escaped.ReplaceAllString(choice, "$1")
		if begins && !ends && !strings.HasSuffix(choice, "*") {
			choice += "**"
		}
		if isLeft.MatchString(choice) || strings.Contains(choice, "{") || len(all) == maxChoices {
			return nil
		}
		choice = strings.NewReplacer("\x03", "{", "\x04", "=*}").Replace(choice)
		all = append(all, manyStars.ReplaceAllString(choice, "**"))
	}
	return all
}

const maxChoices = 8

// choices expands one group of alternatives, or alternatives of the whole.
func choices(text string) []string {
	at := group.FindStringSubmatchIndex(text)
	if at == nil {
		return strings.Split(text, "|")
	}
	var all []string
	for choice := range strings.SplitSeq(text[at[2]:at[3]], "|") {
		all = append(all, text[:at[0]]+choice+text[at[1]:])
	}
	return all
}
