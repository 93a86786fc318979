// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"regexp"
	"strings"
	"unicode"
)

// v2Search is the choice by run_id_pattern and run_id_prefix_pattern: _SearchParam and
// _PrefixSearchParam of api_fastapi/common/parameters.py.
func (c *call) v2Search() func(runID string) bool {
	query := c.URL.Query()
	var chosen []func(string) bool
	if query.Has("run_id_pattern") {
		chosen = append(chosen, anyTerm(query.Get("run_id_pattern"), func(term string) func(string) bool {
			if term == "~" {
				term = "%"
			}
			return ilike(term).MatchString
		}))
	}
	if query.Has("run_id_prefix_pattern") {
		chosen = append(chosen, anyTerm(query.Get("run_id_prefix_pattern"), c.prefixRange))
	}
	return func(runID string) bool {
		for _, fits := range chosen {
			if !fits(runID) {
				return false
			}
		}
		return true
	}
}

// anyTerm is the choice by one of the terms between pipes.
func anyTerm(text string, choose func(term string) func(string) bool) func(string) bool {
	var terms []func(string) bool
	if strings.Contains(text, "|") {
		for term := range strings.SplitSeq(text, "|") {
			if term = strings.TrimSpace(term); term != "" {
				terms = append(terms, choose(term))
			}
		}
	}
	if len(terms) == 0 {
		terms = append(terms, choose(text))
	}
	return func(runID string) bool {
		for _, fits := range terms {
			if fits(runID) {
				return true
			}
		}
		return false
	}
}

// ilike is SQL's ILIKE '%pattern%'.
func ilike(pattern string) *regexp.Regexp {
	text := regexp.QuoteMeta(pattern)
	return regexp.MustCompile("(?is)" + strings.NewReplacer("%", ".*", "_", ".").Replace(text))
}

// prefixRange takes what a prefix has at its end that is no letter or digit off, and looks
// from there to the next word. 3.4 looks at the prefix itself, too.
func (c *call) prefixRange(term string) func(string) bool {
	if term == "~" {
		term = ""
	}
	lower := strings.TrimRightFunc(term, isPunctuation)
	upper := bump(lower)
	return func(runID string) bool {
		return runID >= lower && (upper == "" || runID < upper) && (!c.v34() || strings.HasPrefix(runID, lower))
	}
}

func isPunctuation(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// bump is the first word behind all that begin with term, empty for none:
// _prefix_range_upper, for the characters of a run id.
func bump(term string) string {
	term = strings.TrimRightFunc(term, isPunctuation)
	if term == "" {
		return ""
	}
	last := rune(term[len(term)-1]) + 1
	if isPunctuation(last) {
		return bump(term[:len(term)-1])
	}
	return term[:len(term)-1] + string(last)
}
