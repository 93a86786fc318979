// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag with a fixed set of values.
type choice struct {
	value *string
	words []string
}

func (c *choice) Type() string   { return "WORD" }
func (c *choice) String() string { return *c.value }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("use one of %s", strings.Join(c.words, ", "))
	}
	*c.value = s
	return nil
}

// texts converts words of a string type to strings.
func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return list
}

// completes offers words to the shell for a flag, one that there is.
func completes(cmd *cobra.Command, flag string, words []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// pairs is a flag that takes KEY=VALUE, any number of times. The value is taken
// as it is, commas and all.
type pairs struct{ values *map[string]string }

func (p *pairs) Type() string { return "KEY=VALUE" }

func (p *pairs) String() string {
	list := make([]string, 0, len(*p.values))
	for _, key := range slices.Sorted(maps.Keys(*p.values)) {
		list = append(list, key+"="+(*p.values)[key])
	}
	return strings.Join(list, " ")
}

func (p *pairs) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return errors.New("write it as KEY=VALUE")
	}
	if *p.values == nil {
		*p.values = make(map[string]string)
	}
	(*p.values)[key] = value
	return nil
}
