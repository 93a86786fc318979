// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/document"
)

// unreachable reports a route that no event reaches where the first match wins: a
// route before it takes all of its events. It compares patterns as text: those that
// cover others in another spelling are not found.
func unreachable(before []Spec, s *Spec) document.Problems {
	for i := range before {
		earlier := &before[i]
		if !earlier.IsLive() || !earlier.takesAllOf(s) {
			continue
		}
		return document.Problems{problem(s.Position,
			fmt.Sprintf("%s is never reached: match is first, and %s, on line %d, takes all of its events", s.Name.Value,
				earlier.Name.Value, earlier.Name.Line),
			fmt.Sprintf("move %s above %s, or narrow %s", s.Name.Value, earlier.Name.Value, earlier.Name.Value))}
	}
	return nil
}

// takesAllOf reports whether each event that other wants is one that s wants.
func (s *Spec) takesAllOf(other *Spec) bool {
	if s.When.IsSet() && (s.When.Value != other.When.Value || len(s.Vars) > 0) || !contains(other.Skip, s.Skip) {
		return false
	}
	for _, key := range keys {
		of, ok := key.To(other).(*document.Texts)
		mine, also := key.To(s).(*document.Texts)
		if !ok || !also || key.Name == "dags" || key.Name == "skip" {
			continue
		}
		if !covers(*mine, *of) {
			return false
		}
	}
	for _, a := range s.Attributes {
		at := slices.IndexFunc(other.Attributes, func(o Attribute) bool { return o.Name.Value == a.Name.Value })
		if at < 0 || !covers(a.Patterns, other.Attributes[at].Patterns) {
			return false
		}
	}
	return true
}

// covers reports whether patterns take all that others take.
func covers(patterns, others document.Texts) bool {
	takes, excluded := parted(patterns)
	wanted, unwanted := parted(others)
	if slices.ContainsFunc(excluded, func(name string) bool { return !slices.Contains(unwanted, name) }) {
		return false
	}
	if len(takes) == 0 || slices.Contains(takes, "**") {
		return true
	}
	return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(name string) bool {
		single := slices.Contains(takes, "*") && !strings.Contains(name, "/") && !strings.Contains(name, "**")
		return !single && !slices.Contains(takes, name)
	})
}

// uncaptured finds a capture, which takes what its wildcard takes.
var uncaptured = regexp.MustCompile(`\{\w+=(\*+)\}`)

// parted are the patterns that pick and those that exclude, event types by their full
// names and captures left out.
func parted(patterns document.Texts) (picked, excluded []string) {
	for _, name := range values(patterns) {
		if rest, ok := strings.CutPrefix(name, excludes); ok {
			excluded = append(excluded, uncaptured.ReplaceAllString(rest, "$1"))
		} else {
			picked = append(picked, uncaptured.ReplaceAllString(name, "$1"))
		}
	}
	return picked, excluded
}

func contains(all, some document.Texts) bool {
	return !slices.ContainsFunc(some, func(t Text) bool { return !slices.Contains(values(all), t.Value) })
}
