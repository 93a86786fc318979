// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/route/nearest"
)

// meantCommands are commands by the names that other tools give them.
var meantCommands = map[string]string{
	"validate": "check", "lint": "check", "verify": "check", "parse": "check",
	"why": "explain", "simulate": "explain", "match": "explain", "dry-run": "explain", "debug": "explain",
	"run": "serve", "start": "serve", "local": "serve", "dev": "serve", "emulate": "serve",
	"new": "init", "create": "init", "scaffold": "init", "generate": "init",
	"publish": "send", "push": "send", "trigger": "send", "upload": "send", "emit": "send",
	"backfill": "reconcile", "catchup": "reconcile", "diff": "check --against",
	"status": "doctor", "health": "doctor", "diagnose": "doctor", "ping": "doctor",
	"dlq": "dead-letters", "deadletters": "dead-letters", "retry": "dead-letters replay", "redrive": "dead-letters replay",
	"config": "help settings", "env": "help settings", "errors": "help errors", "keys": "help routes",
}

// unknownCommand is called by cobra when the first word is not a command.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := &usageError{text: fmt.Sprintf("there is no command %q", args[0]), hint: `"dagtrigger --help" lists the commands`}
	if meant := meantCommand(cmd, args[0]); meant != "" {
		e.hint = "did you mean " + meant + "?"
	}
	return e
}

// meantCommand is the command that a word stands for, from the words below cmd: a typing
// mistake, a command of a command, or what other tools call it. Empty where it is none.
func meantCommand(cmd *cobra.Command, word string) string {
	word = strings.ToLower(word)
	var names, below []string
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand() {
			continue
		}
		names = append(names, c.Name())
		for _, inner := range c.Commands() {
			if inner.Name() == word && c.Name() != "help" {
				below = append(below, c.Name()+" "+word)
			}
		}
	}
	if len(below) > 0 {
		return strings.Join(below, " or ")
	}
	if meant, ok := meantCommands[word]; ok {
		return meant
	}
	return nearest.Of(word, names...)
}
