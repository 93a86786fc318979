// SPDX-License-Identifier: Apache-2.0

package deployed

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Paint colours a text by a status, for a terminal.
type Paint func(Status, string) string

// The widths of the columns, the third of which is what is planned where that is not
// the same. A longer cell moves the next one to another line.
const (
	whatWidth     = 42
	deployedWidth = 38
)

// Write writes the table: the rows of each resource below its name, and below them the
// commands that set right what differs. paint may be nil.
func (r *Report) Write(w io.Writer, paint Paint) error {
	if paint == nil {
		paint = func(_ Status, text string) string { return text }
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s%-*s%s\n", 13+whatWidth, "", deployedWidth, "deployed", "planned")
	for rows := r.Rows; len(rows) > 0; {
		end := slices.IndexFunc(rows, func(row Row) bool { return row.Resource != rows[0].Resource })
		if end < 0 {
			end = len(rows)
		}
		b.WriteString(rows[0].Resource + "\n")
		var commands []string
		for _, row := range rows[:end] {
			writeRow(&b, row, paint)
			for _, command := range row.Commands {
				if !slices.Contains(commands, command) {
					commands = append(commands, command)
				}
			}
		}
		for _, command := range commands {
			b.WriteString("    " + strings.ReplaceAll(command, "\n", "\n    ") + "\n")
		}
		b.WriteString("\n")
		rows = rows[end:]
	}
	b.WriteString(r.line() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func writeRow(b *strings.Builder, row Row, paint Paint) {
	b.WriteString("  " + paint(row.Status, fmt.Sprintf("%-11s", row.Status)))
	column := cell(b, row.What, whatWidth, 13)
	deployed, planned := row.Deployed, row.Planned
	if deployed == "" {
		deployed = "-"
	}
	if planned == "" && row.Status == Unplanned {
		planned = "-"
	}
	if planned == "" || row.Status == Same {
		b.WriteString(deployed + "\n")
		return
	}
	cell(b, deployed, deployedWidth, column)
	b.WriteString(planned + "\n")
}

// cell writes a text that begins at a column, and leaves b where the next cell begins,
// which is the column that it returns.
func cell(b *strings.Builder, text string, width, column int) int {
	b.WriteString(text)
	if length := utf8.RuneCountInString(text); length < width {
		b.WriteString(strings.Repeat(" ", width-length))
	} else {
		b.WriteString("\n" + strings.Repeat(" ", column+width))
	}
	return column + width
}

// line is the last line of the table.
func (r *Report) line() string {
	count := map[Status]int{}
	for _, row := range r.Rows {
		count[row.Status]++
	}
	return fmt.Sprintf("%d same, %d differ, %d missing, %d unplanned, %d unreadable",
		count[Same], count[Differs], count[Missing], count[Unplanned], count[Unreadable])
}
