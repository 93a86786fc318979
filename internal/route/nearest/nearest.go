// SPDX-License-Identifier: Apache-2.0

// Package nearest guesses what was meant by a misspelt name. It never decides
// anything: what it returns stands in the fix of a problem.
package nearest

import (
	"slices"
	"strings"
)

// Of returns the one of names that is most like name, letter case aside, and
// "" where none is near. The first of two that are equally near wins.
func Of(name string, names ...string) string {
	// A third of the letters may differ: more is another word.
	best, least := "", len(name)/3+1
	for _, candidate := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
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
