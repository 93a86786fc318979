// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition reports whether an entry is selected.
type condition func(entry map[string]any) bool

// parseQuery parses a part of Cloud Logging's query language
// (https://cloud.google.com/logging/docs/view/logging-query-language): comparisons of
// fields with quoted text, or with * after a colon, joined by AND, OR, NOT, parentheses,
// and by AND where nothing stands between them. OR binds more tightly than AND. Text is
// compared without regard to case. Everything else is an error.
func parseQuery(text string) (condition, error) {
	p := queryParser{}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		token := queryToken.FindString(rest)
		if token == "" {
			return nil, fmt.Errorf("unknown text at %q", rest)
		}
		p.tokens, rest = append(p.tokens, token), rest[len(token):]
	}
	if len(p.tokens) == 0 {
		return func(map[string]any) bool { return true }, nil
	}
	c, err := p.and()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %s", p.tokens[0])
	}
	return c, err
}

var (
	queryToken = regexp.MustCompile(`^(?:[()]|>=|<=|!=|[=:<>*]|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_.]*)`)
	queryField = regexp.MustCompile(`^(?:timestamp|severity|insertId|logName|trace|resource\.type|resource\.labels\.\w+|` +
		`jsonPayload\.(?:examples\.)?\w+)$`)
)

type queryParser struct{ tokens []string }

// next is the next token, empty at the end.
func (p *queryParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

// take takes the next token where it is the given one.
func (p *queryParser) take(token string) bool {
	if p.next() != token {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *queryParser) and() (condition, error) {
	all := []condition{}
	for {
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
		if p.take("AND") {
			continue
		}
		if next := p.next(); next == "" || next == ")" {
			break
		}
	}
	return func(entry map[string]any) bool {
		return !slices.ContainsFunc(all, func(c condition) bool { return !c(entry) })
	}, nil
}

func (p *queryParser) or() (condition, error) {
	anyOf := []condition{}
	for {
		c, err := p.not()
		if err != nil {
			return nil, err
		}
		anyOf = append(anyOf, c)
		if !p.take("OR") {
			break
		}
	}
	return func(entry map[string]any) bool {
		return slices.ContainsFunc(anyOf, func(c condition) bool { return c(entry) })
	}, nil
}

func (p *queryParser) not() (condition, error) {
	if p.take("NOT") {
		c, err := p.not()
		return func(entry map[string]any) bool { return !c(entry) }, err
	}
	if p.take("(") {
		c, err := p.and()
		if err == nil && !p.take(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return c, err
	}
	return p.comparison()
}

func (p *queryParser) comparison() (condition, error) {
	if len(p.tokens) < 3 {
		return nil, errors.New("a comparison is not complete")
	}
	field, operator, value := p.tokens[0], p.tokens[1], p.tokens[2]
	p.tokens = p.tokens[3:]
	if !queryField.MatchString(field) {
		return nil, fmt.Errorf("unknown field %s", field)
	}
	if operator == ":" && value == "*" {
		return func(entry map[string]any) bool { return len(valuesOf(entry, field)) > 0 }, nil
	}
	want, err := strconv.Unquote(value)
	if err != nil {
		return nil, fmt.Errorf("%s is not a quoted text", value)
	}
	order, err := orderOf(field, want)
	if err != nil {
		return nil, err
	}
	return comparisonOf(field, operator, order)
}

// comparisonOf compares a field by its order to the value that is wanted.
func comparisonOf(field, operator string, order func(text string) int) (condition, error) {
	holds := map[string]func(int) bool{
		"=": func(n int) bool { return n == 0 }, "!=": func(n int) bool { return n != 0 },
		">=": func(n int) bool { return n >= 0 }, "<=": func(n int) bool { return n <= 0 },
		">": func(n int) bool { return n > 0 }, "<": func(n int) bool { return n < 0 },
	}[operator]
	switch {
	case holds == nil:
		return nil, fmt.Errorf("unknown operator %s", operator)
	case operator != "=" && operator != "!=" && field != "timestamp" && field != "severity":
		return nil, fmt.Errorf("%s is not ordered", field)
	}
	return func(entry map[string]any) bool {
		values := valuesOf(entry, field)
		if len(values) == 0 && field == "severity" {
			values = []any{""}
		}
		return slices.ContainsFunc(values, func(value any) bool {
			text, isText := value.(string)
			if number, isNumber := value.(float64); isNumber {
				text, isText = strconv.FormatFloat(number, 'f', -1, 64), true
			}
			return isText && holds(order(text))
		})
	}, nil
}

// severities in their order; an entry without one has the first.
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity
var severities = []string{"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}

// orderOf compares the text of a field with what is wanted.
func orderOf(field, want string) (func(text string) int, error) {
	switch field {
	case "timestamp":
		limit, err := time.Parse(time.RFC3339Nano, want)
		return func(text string) int {
			at, _ := time.Parse(time.RFC3339Nano, text) // every entry has one
			return at.Compare(limit)
		}, err
	case "severity":
		limit := slices.Index(severities, strings.ToUpper(want))
		if limit < 0 {
			return nil, fmt.Errorf("unknown severity %s", want)
		}
		return func(text string) int { return max(slices.Index(severities, text), 0) - limit }, nil
	}
	return func(text string) int { return strings.Compare(strings.ToLower(text), strings.ToLower(want)) }, nil
}

// valuesOf are the values at a path such as jsonPayload.route: of a list on the way, those
// of each element.
func valuesOf(entry any, path string) []any {
	name, rest, deeper := strings.Cut(path, ".")
	object, _ := entry.(map[string]any)
	member, ok := object[name]
	switch list, isList := member.([]any); {
	case !ok:
		return nil
	case !deeper:
		return []any{member}
	case isList:
		var values []any
		for _, element := range list {
			values = append(values, valuesOf(element, rest)...)
		}
		return values
	}
	return valuesOf(member, rest)
}
