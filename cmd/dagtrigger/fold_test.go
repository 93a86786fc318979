// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// onTerminal is the program on a terminal of a width.
func onTerminal(out io.Writer, width int) *program {
	return &program{
		self: "./dagtrigger", getenv: none, environ: func() []string { return nil }, stdout: newPrintable(out), stderr: newPrintable(out),
		width: func(io.Writer) int { return width },
	}
}

func TestProseFoldsLinesAtTheWidthOfTheTerminal(t *testing.T) {
	t.Parallel()
	const command = "  ./dagtrigger send storage gs://acme-landing/sales/eu.csv --size 100001\n"
	for _, row := range []struct{ name, text, want string }{
		{"a short line", "one two\n", "one two\n"},
		{"a long line", "    no route matched: the bucket is acme-landing\n", "    no route matched: the bucket is\n      acme-landing\n"},
		{"several lines", "a\n" + strings.Repeat("word ", 9) + "end\nb\n", "a\nword word word word word word word word\n  word end\nb\n"},
		{"a quoted command", `hint: start it with "dagtrigger serve --port 1"` + "\n", "hint: start it with\n  \"dagtrigger serve --port 1\"\n"},
		{"a word that is too long", "see https://example.com/a/page/with/a/long/path\n", "see\n  https://example.com/a/page/with/a/long/path\n"},
		{"a command", command, command},
		{"a command with variables", "  DAG_ID=load AIRFLOW_URL=https://x ./dagtrigger serve --port 0\n",
			"  DAG_ID=load AIRFLOW_URL=https://x ./dagtrigger serve --port 0\n"},
		{"a command on several lines", "  curl -sS x \\\n    -H 'a header that is longer than the width of it'\n",
			"  curl -sS x \\\n    -H 'a header that is longer than the width of it'\n"},
		{"characters of several bytes", strings.Repeat("ü", 38) + " äö äö\n", strings.Repeat("ü", 38) + "\n  äö äö\n"},
		{"without a line break", "Continue? ", "Continue? "},
	} {
		var out strings.Builder
		if _, err := io.WriteString(onTerminal(&out, 40).prose(&out), row.text); err != nil || out.String() != row.want {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", row.name, out.String(), err, row.want)
		}
	}
}

func TestProseCountsNoColours(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := onTerminal(&out, 40)
	paint := painter{p.stdout.(*printable).mark}
	line := paint.bad(strings.Repeat("x", 20)) + " " + paint.good(strings.Repeat("y", 19))
	if _, err := io.WriteString(p.prose(p.stdout), line+"\n"); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("a line of 40 columns became %q, %v", out.String(), err)
	}
}

// Files, pipes and narrow terminals get whole lines.
func TestProseIsWholeOffATerminal(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("word ", 40) + "\n"
	for _, width := range []int{0, 20} {
		var out strings.Builder
		if _, err := io.WriteString(onTerminal(&out, width).prose(&out), line); err != nil || out.String() != line {
			t.Errorf("width %d: %q, %v", width, out.String(), err)
		}
	}
}

func TestHelpFoldsFlagsAtTheWidthOfTheTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := onTerminal(&out, 90)
	root := p.root()
	root.SetOut(p.prose(p.stdout))
	root.SetArgs([]string{"serve", "--help"})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(line) > 91 && !strings.Contains(line, "dagtrigger") {
			t.Errorf("a line has %d columns: %s", utf8.RuneCountInString(line), line)
		}
	}
}
