// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"example.com/dagtrigger/internal/trigger"
)

// terminal returns the file descriptor of the terminal that w is.
func terminal(w io.Writer) (fd int, ok bool) {
	if p, ok := w.(*printable); ok {
		w = p.w
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// isTerminal reports whether w is a terminal, which can show colours and progress.
func isTerminal(w io.Writer) bool {
	_, ok := terminal(w)
	return ok
}

// terminalWidth is how many columns a terminal has; 0 for anything else.
func terminalWidth(w io.Writer) int {
	fd, ok := terminal(w)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return width
}

// painter colours output to a terminal, unless NO_COLOR is set
// (https://no-color.org) or TERM is dumb.
type painter struct{ mark string } // see [printable]; empty without colours

func (p *program) painter(w io.Writer) painter {
	if out, ok := w.(*printable); ok && isTerminal(w) && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb" {
		return painter{out.mark}
	}
	return painter{}
}

// A colour is the code of an ANSI escape sequence:
// https://en.wikipedia.org/wiki/ANSI_escape_code#Select_Graphic_Rendition_parameters
type colour int

const (
	bold   colour = 1
	faint  colour = 2
	red    colour = 31
	green  colour = 32
	yellow colour = 33
	cyan   colour = 36
)

func (p painter) paint(s string, c colour) string {
	if p.mark == "" {
		return s
	}
	return fmt.Sprintf("%s[%dm%s%s[0m", p.mark, c, escape(s, "\n\t"), p.mark)
}

func (p painter) bold(s string) string { return p.paint(s, bold) }
func (p painter) dim(s string) string  { return p.paint(s, faint) }
func (p painter) good(s string) string { return p.paint(s, green) }
func (p painter) bad(s string) string  { return p.paint(s, red) }

// outcome colours a text by its outcome: red needs somebody to act, yellow gets
// better by itself.
func (p painter) outcome(kind trigger.Kind, s string) string {
	switch kind {
	case trigger.Triggered, trigger.Published:
		return p.good(s)
	case trigger.Duplicate:
		return p.paint(s, cyan)
	case trigger.Deferred:
		return p.paint(s, yellow)
	case trigger.Unmatched:
		return s
	default:
		return p.bad(s)
	}
}

// pad fills s with spaces up to width characters.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// columns aligns rows. The last cell of a row is not padded.
func columns(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		for j, cell := range row[:len(row)-1] {
			lines[i] += pad(cell, widths[j]) + "  "
		}
		lines[i] = strings.TrimRight(lines[i]+row[len(row)-1], " ")
	}
	return lines
}

// took formats a duration with about three digits.
func took(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}

// plural is "1 event", "2 events".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
