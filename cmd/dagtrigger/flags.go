// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"example.com/dagtrigger/internal/clock"
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

// release is a flag for a version that has to pass a check.
type release struct {
	value *string
	check func(string) error
}

func (c *release) Type() string   { return "VERSION" }
func (c *release) String() string { return *c.value }

func (c *release) Set(s string) error {
	*c.value = s
	return c.check(s)
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

// configFlag registers the flag that names the routes file, the same in every
// command that reads one. preset says what holds without it.
func configFlag(flags *pflag.FlagSet, path *string, preset string) {
	flags.StringVarP(path, "config", "f", "", "the routes `FILE` (default: "+preset+")")
}

// takesFile checks the arguments of a command that takes the routes file as its
// only argument or with --config.
func takesFile(path *string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 1:
			return usage(cmd, "%q is one argument too many", args[1])
		case len(args) == 1 && *path != "":
			return usage(cmd, "%q is a routes file, and --config names another", args[0])
		case len(args) == 1:
			*path = args[0]
		}
		return nil
	}
}

// jsonFlag registers the flag for output that a program reads.
func jsonFlag(flags *pflag.FlagSet, on *bool, what string) {
	flags.BoolVar(on, "json", false, "print "+what)
}

// numberError matches Go's own errors about numbers, which say nothing to others.
var numberError = regexp.MustCompile(`strconv\.Parse(Int|Float|Bool): parsing .*$`)

// flagError is an error about a flag, in words.
func flagError(err error) string {
	return numberError.ReplaceAllStringFunc(err.Error(), func(text string) string {
		switch {
		case strings.HasSuffix(text, "out of range"):
			return "the number is too large"
		case strings.HasPrefix(text, "strconv.ParseInt"):
			return "use a whole number"
		case strings.HasPrefix(text, "strconv.ParseBool"):
			return "use true or false"
		default:
			return "use a number"
		}
	})
}

// span is a flag that takes a duration. It is zero or more.
type span struct{ value *time.Duration }

func (s span) Type() string   { return "DURATION" }
func (s span) String() string { return clock.FormatDuration(*s.value) }

func (s span) Set(text string) (err error) {
	*s.value, err = clock.ParseDuration(text)
	if err != nil {
		return errors.New("write it as " + clock.DurationForms)
	}
	return nil
}

// spanFlag registers a flag that takes a duration.
func spanFlag(flags *pflag.FlagSet, value *time.Duration, name string, preset time.Duration, what string) {
	*value = preset
	flags.Var(span{value}, name, what)
}
