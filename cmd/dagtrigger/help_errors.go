// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/operator/doctor"
)

const errorsHelp = `The causes of errors with their fixes, in the order in which an event meets them:
the credentials, the look-up of the environment, Airflow's answer. The function's log,
its answers and "dagtrigger doctor" say it in the same words, with what is known in the
place of the words in capitals, such as PROJECT.

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
	for _, c := range doctor.Causes() {
		b.WriteString("\n  " + c.Name + "\n" + wrapped(c.Means, 84, "      ") + wrapped("fix: "+c.Fix, 84, "      "))
	}
	return b.String()
}
