// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
)

// settings is a topic of the help, made from the table by which the settings are read.
func (p *program) settings() *cobra.Command {
	return &cobra.Command{
		Use:   "settings",
		Short: "all settings of the function",
		Long: `The function, and "dagtrigger serve" with it, reads its settings from environment
variables:
` + strings.TrimSuffix(settingsText(config.Reference()), "\n"),
	}
}

// unknownVariables are warnings about variables that look like settings, and are none.
func (p *program) unknownVariables() document.Problems {
	return config.Unknown(slices.DeleteFunc(p.environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return p.getenv(name) == ""
	}))
}

// warnUnknown prints them on standard error.
func (p *program) warnUnknown() {
	for _, unknown := range p.unknownVariables() {
		_, _ = fmt.Fprintln(p.prose(p.stderr), "dagtrigger: warning: "+p.typed(unknown.String()))
	}
}

// settingsText turns the Markdown table into a list for a terminal.
func settingsText(table string) string {
	var b strings.Builder
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), " | ")
		if len(cells) != 3 || strings.HasPrefix(line, "| variable |") {
			continue
		}
		name, preset, meaning := strings.TrimPrefix(cells[0], "| "), cells[1], strings.TrimSuffix(cells[2], " |")
		if preset != "" {
			meaning += " (default: " + preset + ")"
		}
		b.WriteString("\n  " + name + "\n" + wrapped(meaning, 76, "      "))
	}
	return b.String()
}

// wrapped breaks text into lines of at most width characters, each after indent.
func wrapped(text string, width int, indent string) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}
