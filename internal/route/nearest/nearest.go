// SPDX-License-Identifier: Apache-2.0

// Package nearest guesses what was meant by a misspelt name. It never decides
// anything: what it returns stands in the fix of a problem.
package nearest

import (
	"slices"
	"strings"
)

// Of returns the one of names that name is a typing mistake of, letter case aside, and ""
// where it is of none: another word is no suggestion. The first of two that are equally
// near wins. The beginning of one name alone stands for it, and so does more than it all.
func Of(name string, names ...string) string {
	name = strings.ToLower(name)
	best, least := "", mistakes(name)+1
	var begun []string
	for _, candidate := range names {
		lower := strings.ToLower(candidate)
		if d := distance(name, lower); d < least && (len(name) > 4 || sameStart(name, lower)) {
			best, least = candidate, d
		}
		if len(name) > 2 && strings.HasPrefix(lower, name) || len(lower) > 3 && strings.HasPrefix(name, lower) {
			begun = append(begun, candidate)
		}
	}
	if best == "" && len(begun) == 1 {
		return begun[0]
	}
	return best
}

// mistakes is how many typing mistakes a name can have and still be that name: one in
// four letters or so. replay is no deploy, and list is no test.
func mistakes(name string) int { return min((len(name)+1)/4, 3) }

// sameStart holds short names to the letters that they begin with, in either order.
func sameStart(a, b string) bool {
	if len(a) < 2 || len(b) < 2 {
		return false
	}
	return a[0] == b[0] || a[0] == b[1] && a[1] == b[0]
}

// distance is the number of bytes to insert, delete, replace or swap with
// their neighbour to get from a to b: the optimal string alignment distance,
// https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Join lists names for people: "a, b or c", sorted.
func Join(names ...string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
