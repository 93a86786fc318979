// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"maps"
	"slices"
	"testing"
)

// A function without a charge is a way to stop an instance by one message.
func TestEveryFunctionIsCharged(t *testing.T) {
	t.Parallel()
	l, err := newLanguage()
	if err != nil {
		t.Fatal(err)
	}
	functions := slices.Sorted(maps.Keys(l.env.Functions()))
	for _, name := range functions {
		if charges[name] == nil {
			t.Errorf("the function %s has no charge: add it to charges", name)
		}
	}
	for name := range charges {
		if !slices.Contains(functions, name) {
			t.Errorf("charges has %s, which is not a function", name)
		}
	}
}

func TestProgramSizeCountsRepetitions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		pattern string
		least   int
	}{
		{"a", 1}, {"(.*,){30}x", 90}, {"((a{10}){10}){10}", 1000}, {"(", 1},
	} {
		if size := programSize(row.pattern); size < row.least || size > 20*row.least {
			t.Errorf("the program of %s has %d instructions, want some %d", row.pattern, size, row.least)
		}
	}
}
