// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// everyCommand gives each command that a user can find, in the order of the help.
func everyCommand(visit func(*cobra.Command)) {
	root := (&program{getenv: func(string) string { return "" }}).root()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		visit(cmd)
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
				walk(sub)
			}
		}
	}
	walk(root)
}

// TestHelpMatchesTheGoldens holds the help of all commands, as they print it, against the
// page that a reader of the repository finds.
func TestHelpMatchesTheGoldens(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	everyCommand(func(cmd *cobra.Command) {
		call := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		if cmd.IsAdditionalHelpTopicCommand() {
			return // it is made of a table that is held elsewhere
		}
		got.WriteString("\n$ dagtrigger " + strings.Join(call, " ") + "\n")
		if status := run(t.Context(), call, func(string) string { return "" }, nil, &got, &got); status != exitOK {
			t.Errorf("%v ends with the exit status %d", call, status)
		}
	})
	const path = "testdata/help.txt"
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the help has changed: read it as a stranger would, then run the tests with -update\n%s", got.Bytes())
	}
}

// TestHelpShowsCommandsAndExamples holds every command to a help that stands alone.
func TestHelpShowsCommandsAndExamples(t *testing.T) {
	t.Parallel()
	everyCommand(func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		if cmd.Short == "" || cmd.Long == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: it needs a long description, and a short one without a full stop", name)
		}
		for _, line := range strings.Split(cmd.Long+"\n"+cmd.Example, "\n") {
			if utf8.RuneCountInString(line) > 100 {
				t.Errorf("%s: a line of its help is longer than 100 characters: %s", name, line)
			}
		}
		if cmd.Runnable() && cmd.Annotations["exits"] == "" {
			t.Errorf("%s: its exit statuses are missing", name)
		}
		if cmd.Runnable() && cmd.HasParent() && !strings.Contains(cmd.Example, cmd.Name()) {
			t.Errorf("%s: it needs an example", name)
		}
	})
}

// TestExamplesParse holds the examples of the help to commands and flags that there are.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	everyCommand(func(cmd *cobra.Command) {
		text := strings.ReplaceAll(cmd.Example, "\\\n", " ")
		for _, line := range strings.Split(text, "\n") {
			_, call, ok := strings.Cut(line, "dagtrigger ")
			if !ok {
				continue
			}
			if err := parse(shellWords(call)); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	})
}

// shellWords splits a command as a shell does, where it is a simple one.
func shellWords(line string) []string {
	line, _, _ = strings.Cut(line, "   #")
	line, _, _ = strings.Cut(line, " > ")
	line, _, _ = strings.Cut(line, " 2> ")
	line, _, _ = strings.Cut(line, " 2>&1 ")
	line, _, _ = strings.Cut(line, " | ")
	var words []string
	var word strings.Builder
	var quote rune
	for _, c := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && c == ' ':
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(c)
		}
	}
	return words
}
