// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"regexp"
	"strconv"
	"strings"
)

// Command is a command and its arguments. A word may hold a variable of the
// shell's, such as $NUMBER, and no other dollar sign: names from a file of
// routes are held to Google's rules, which know none.
type Command []string

// String is the command for a shell.
func (c Command) String() string { return c.lines("") }

// lines is the command for a shell on lines of a readable length.
func (c Command) lines(indent string) string {
	const most = 110
	var b strings.Builder
	column := 0
	for i, word := range c {
		word = quoted(word)
		switch {
		case i == 0:
		case column+len(word) > most:
			b.WriteString(" \\\n" + indent + "  ")
			column = len(indent) + 2
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// quoted is a word for a shell. Of a flag, its value alone is in quotes.
func quoted(word string) string {
	if regexp.MustCompile(`^[-A-Za-z0-9_@%+=:,./]+$`).MatchString(word) {
		return word
	}
	flag := regexp.MustCompile(`^--[a-z0-9-]+=`).FindString(word)
	return flag + `"` + strings.NewReplacer(`\`, `\\`, "`", "\\`", `"`, `\"`).Replace(word[len(flag):]) + `"`
}

// gcloud is a command of the Google Cloud CLI.
func gcloud(words ...string) Command { return append(Command{"gcloud"}, words...) }

func number(n int) string { return strconv.Itoa(n) }
