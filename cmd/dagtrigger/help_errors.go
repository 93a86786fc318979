// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/operator/doctor"
	"example.com/dagtrigger/internal/trigger"
)

const errorsHelp = `The causes of errors with their fixes, in the order in which an event meets them: the
event and the bounds that protect Airflow, the credentials, the look-up of the
environment, Airflow's answer. The function's log, its answers and "dagtrigger doctor"
say it in the same words, with what is known in the place of the words in capitals, such
as PROJECT. "dagtrigger help errors NAME" prints one. The field cause of the log names the
kind of an answer, such as unauthorized: with that as NAME it prints all of the kind.

A setting such as AIRFLOW_AUTH is, in an environment of a routes file, the key auth.
`

// errors is a help topic, generated from the tables of causes.
func (p *program) errors() *cobra.Command {
	return &cobra.Command{
		Use:   "errors",
		Short: "causes of errors, and their fixes",
		Long:  errorsHelp + strings.TrimSuffix(causesText(), "\n"),
	}
}

// causesText is the table of all causes as a list for a terminal.
func causesText() string {
	var b strings.Builder
	for _, c := range slices.Concat(trigger.Causes(), doctor.Causes()) {
		b.WriteString(causeText(c))
	}
	return b.String()
}

func causeText(c cause.Cause) string {
	return "\n  " + c.Name + "\n" + wrapped(c.Means, 84, "      ") + wrapped("fix: "+c.Fix, 84, "      ")
}

// causeEntries are the causes by their names, and those of Airflow's answers by the kinds
// of answers, as the log names them, too.
func causeEntries() []entry {
	var all []entry
	for _, c := range slices.Concat(trigger.Causes(), doctor.Causes()) {
		all = append(all, entry{c.Name, causeText(c)})
	}
	for _, c := range airflow.Causes() {
		text := causeText(cause.Cause{Name: c.Name, Means: c.Means, Fix: c.Fix})
		for _, kind := range c.Kinds {
			if name := strings.ReplaceAll(strings.ToLower(string(kind)), " ", "_"); name != c.Name {
				all = append(all, entry{name, text})
			}
		}
	}
	return all
}
