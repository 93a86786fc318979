// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/document"
)

// entry is one of the things that a topic of the help documents.
type entry struct{ name, text string }

// topicEntries are the topics whose entries can be shown alone, such as "help errors
// unknown-dag", and what an entry is called.
func topicEntries(topic string) (what string, all []entry) {
	switch topic {
	case "errors":
		return "cause", causeEntries()
	case "expressions":
		return "function", functionEntries()
	case "routes":
		return "key", keyEntries()
	}
	return "", nil
}

// entryText is the text of the entries of a topic with a name, letter case aside; - and _
// are the same. Of several, such as a key of a route and of an environment, it is all.
func entryText(topic, name string) (string, error) {
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }
	what, all := topicEntries(topic)
	var texts, names []string
	for _, e := range all {
		if plain(e.name) == plain(name) {
			texts = append(texts, e.text)
		}
		names = append(names, e.name)
	}
	if len(texts) > 0 {
		return strings.TrimPrefix(strings.Join(texts, ""), "\n"), nil
	}
	hint := document.Suggestion(name, names)
	if !strings.HasPrefix(hint, "did you mean") { // the list would be long
		hint = fmt.Sprintf(`"dagtrigger help %s" lists them`, topic)
	}
	return "", &usageError{text: fmt.Sprintf("there is no %s %q", what, name), hint: hint}
}

// help is cobra's own command, but that an unknown topic is an error, and that a name
// after a topic shows one of its entries.
func help() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | TOPIC [NAME]]",
		Short: "Tell more about a command or a topic",
		Long: `Tell more about a command or a topic, as --help does. A NAME is a key of a routes file, a
function of expressions or a cause of an error.`,
		Example: "  dagtrigger help send\n  dagtrigger help settings\n  dagtrigger help routes run_id\n" +
			"  dagtrigger help expressions split\n  dagtrigger help errors unknown-dag",
		Annotations:       exits("it was printed", "standard output could not be written"),
		ValidArgsFunction: completeHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			what, _ := topicEntries(topic.Name())
			switch {
			case err != nil:
				return unknownCommand(cmd.Root(), args)
			case len(rest) == 1 && what != "":
				text, err := entryText(topic.Name(), rest[0])
				if err == nil {
					_, err = fmt.Fprint(cmd.OutOrStdout(), text)
				}
				return err
			case len(rest) > 0:
				return unknownCommand(topic, rest)
			}
			topic.InitDefaultHelpFlag() // its help lists the flag as well
			return topic.Help()
		},
	}
}

// completeHelp offers the commands and topics, and then the entries of a topic.
func completeHelp(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 1 {
		_, all := topicEntries(args[0])
		for _, e := range all {
			names = append(names, e.name)
		}
	}
	if len(args) == 0 {
		for _, sub := range cmd.Root().Commands() {
			if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
				names = append(names, sub.Name()+"\t"+sub.Short)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
