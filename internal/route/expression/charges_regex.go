// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"cel.dev/cel-go/common/types/ref"
)

// searched is for a regular expression with a program of so many instructions.
func searched(text ref.Val, program int) int {
	return 1 + program + (lengthOf(text)+1)*program/regexSteps
}

func regex(args []ref.Val) int { return searched(args[0], programSize(textAt(args, 1))) }

// extracted is for a list of all matches, each of at least one byte.
func extracted(args []ref.Val) int { return regex(args) + lengthOf(args[0])/2 }

// programSize is about how many instructions a regular expression compiles to.
// Repetitions make many of few characters.
func programSize(pattern string) int {
	if len(pattern) > costLimit {
		return maximumCost
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 1 + len(pattern) // the function reports what is wrong
	}
	return instructions(parsed)
}

func instructions(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maximumCost)
}

// replacedByRegex also counts what the replacement makes. Its text may name
// groups, \1.
func replacedByRegex(args []ref.Val) int {
	cost := regex(args)
	if cost > costLimit {
		return cost
	}
	target, with := textAt(args, 0), textAt(args, 2)
	pattern, err := regexp.Compile(textAt(args, 1))
	if err != nil {
		return cost // the function reports what is wrong
	}
	most := countAt(args, 3)
	if most < 0 || most > costLimit/10 {
		most = costLimit / 10 // each match takes some ten steps
	}
	matches := pattern.FindAllStringSubmatchIndex(target, most)
	if len(matches) == costLimit/10 {
		return maximumCost
	}
	bytes := len(target)
	for _, m := range matches {
		bytes += replacementSize(with, m)
	}
	return 2*cost + 10*len(matches) + bytes/bytesMade
}

// replacementSize is how long the text becomes that replaces a match.
func replacementSize(with string, match []int) int {
	size := len(with)
	for rest := with; ; {
		_, after, found := strings.Cut(rest, `\`)
		if !found || after == "" {
			return size
		}
		if group := int(after[0] - '0'); group >= 0 && 2*group+1 < len(match) && match[2*group] >= 0 {
			size += match[2*group+1] - match[2*group]
		}
		rest = after[1:]
	}
}
