// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"example.com/dagtrigger/internal/config"
)

// repository is the folder of the whole, from this one.
const repository = "../.."

// guide is a Markdown file that a reader of the repository finds.
type guide struct {
	path string // from the repository's folder, with slashes
	code []block
	text string // what is no code block
}

// block is a code block: fenced, or indented by four blanks.
type block struct {
	language string // of a fence
	line     int    // its first one in the page
	text     string
}

// pages are all pages, without what a test needs.
func pages(t *testing.T) []guide {
	t.Helper()
	var all []guide
	err := filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && slices.Contains([]string{".git", "testdata"}, entry.Name()) {
			if err == nil {
				err = fs.SkipDir
			}
			return err
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		own, err := filepath.Rel(repository, path)
		p := guide{path: filepath.ToSlash(own)}
		p.read(string(text))
		all = append(all, p)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d pages: %v", len(all), err)
	}
	return all
}

// read splits a page into its code and the rest. A list may indent a fence.
func (p *guide) read(markdown string) {
	var prose strings.Builder
	indented := regexp.MustCompile(`^ {4}\S`)
	fence := regexp.MustCompile("^( *)```([a-z]*)$")
	lines := strings.Split(markdown, "\n")
	for i := 0; i < len(lines); i++ {
		open := fence.FindStringSubmatch(lines[i])
		if open == nil {
			if before := max(i-1, 0); indented.MatchString(lines[i]) && (lines[before] == "" || indented.MatchString(lines[before])) {
				p.code = append(p.code, block{line: i + 1, text: strings.TrimPrefix(lines[i], "    ") + "\n"})
			} else {
				prose.WriteString(lines[i])
			}
			prose.WriteString("\n")
			continue
		}
		b := block{language: open[2], line: i + 2}
		for i++; i < len(lines) && lines[i] != open[1]+"```"; i++ {
			b.text += strings.TrimPrefix(lines[i], open[1]) + "\n"
		}
		p.code = append(p.code, b)
	}
	p.text = prose.String()
}

// heads are what a link can name after #, as GitHub makes it of the headings.
func (p *guide) heads() (names []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(p.text, -1) {
		name := strings.ToLower(regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(heading[1], ""))
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestPageLinksResolve(t *testing.T) {
	t.Parallel()
	all := pages(t)
	heads := map[string][]string{}
	for i := range all {
		heads[all[i].path] = all[i].heads()
	}
	for _, p := range all {
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(p.text, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			file, head, _ := strings.Cut(link[1], "#")
			path := p.path
			if file != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(p.path), file))
			}
			if _, err := os.Stat(filepath.Join(repository, path)); err != nil {
				t.Errorf("%s links to %s: %v", p.path, link[1], err)
			}
			if head != "" && !slices.Contains(heads[path], head) {
				t.Errorf("%s links to %s, and %s has %q", p.path, link[1], path, heads[path])
			}
		}
	}
}

// TestPageRoutesAreValid holds what a reader copies.
func TestPageRoutesAreValid(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, p := range pages(t) {
		for _, b := range p.code {
			if b.language != "yaml" || !regexp.MustCompile(`(?m)^routes:`).MatchString(b.text) {
				continue
			}
			checked++
			file := filepath.Join(t.TempDir(), "routes.yaml")
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			out := newOutput()
			if status := run(t.Context(), []string{"check", file}, none, nil, out, out); status != exitOK || strings.Contains(out.String(),
				"warning") {
				t.Errorf("%s:%d: check ended with %d: %s", p.path, b.line, status, out)
			}
		}
	}
	if checked == 0 {
		t.Error("no page shows routes")
	}
}

// command is a call of this program in a page.
type command struct {
	at    string
	words []string
	prose bool // where a command's name alone is no call
}

// commands are the calls in code blocks, and those that the prose quotes.
func (p *guide) commands() (all []command) {
	for _, b := range p.code {
		if b.language != "" && b.language != "sh" {
			continue
		}
		lines := strings.Split(strings.ReplaceAll(b.text, "\\\n", " "), "\n")
		for _, line := range lines {
			if words := call(line); words != nil {
				all = append(all, command{at: fmt.Sprintf("%s:%d", p.path, b.line), words: words})
			}
		}
	}
	for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(p.text, -1) {
		if words := call(quoted[1]); words != nil {
			all = append(all, command{at: p.path, words: words, prose: true})
		}
	}
	return all
}

// call are the words after the program's name, nil where a line calls something else.
func call(line string) []string {
	words := shellWords(line)
	for len(words) > 0 && regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) > 2 && words[0] == "go" && words[1] == "run" && words[2] == "./cmd/dagtrigger" {
		words = words[2:]
	}
	if len(words) < 2 || filepath.Base(words[0]) != "dagtrigger" {
		return nil
	}
	return words[1:]
}

// parse finds the command or the topic that words call, and holds its flags and
// arguments.
func parse(words []string) error {
	help := words[0] == "help"
	if help {
		words = words[1:]
	}
	found, rest, err := (&program{getenv: none}).root().Find(words)
	if err != nil {
		return err
	}
	switch err := found.ParseFlags(rest); {
	case errors.Is(err, pflag.ErrHelp):
		return nil
	case err != nil:
		return err
	case help:
		return unknownCommand(found, found.Flags().Args())
	}
	return found.ValidateArgs(found.Flags().Args())
}

func TestPageCommandsParse(t *testing.T) {
	t.Parallel()
	parsed := 0
	for _, p := range pages(t) {
		for _, c := range p.commands() {
			parsed++
			line := "dagtrigger " + strings.Join(c.words, " ")
			if found, _, err := (&program{getenv: none}).root().Find(c.words); c.prose && err == nil && found.CommandPath() == line {
				continue
			}
			if err := parse(c.words); err != nil {
				t.Errorf("%s: %s: %v", c.at, line, err)
			}
		}
	}
	if parsed < 10 {
		t.Errorf("the pages show %d commands", parsed)
	}
}

// TestPageCommandsWork runs those that ask nobody, on the files
// of this repository.
func TestPageCommandsWork(t *testing.T) {
	t.Parallel()
	for _, p := range pages(t) {
		for _, c := range p.commands() {
			files := 0
			for i, word := range c.words {
				if !strings.HasPrefix(word, "deploy/") {
					continue // a file of the reader's
				}
				c.words[i] = filepath.Join(repository, word)
				files++
			}
			if files == 0 || !slices.Contains([]string{"check", "deploy", "explain", "test"}, c.words[0]) {
				continue
			}
			out := newOutput()
			if status := run(t.Context(), c.words, none, nil, out, out); status != exitOK || strings.Contains(out.String(), "warning") {
				t.Errorf("%s: dagtrigger %s ended with %d:\n%s", c.at, strings.Join(c.words, " "), status, out)
			}
		}
	}
}

// TestPageSettingsExist finds a name that no setting has, or no
// longer.
func TestPageSettingsExist(t *testing.T) {
	t.Parallel()
	known := []string{"DAGTRIGGER_REAL", "DAGTRIGGER_PROOF"} // of the tests
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)`").FindAllStringSubmatch(config.Reference(), -1) {
		known = append(known, row[1])
	}
	named := regexp.MustCompile(`\b(?:AIRFLOW|ALLOW|COMPOSER|DAG|DAGTRIGGER|DEAD|GIVE|LOG)_[A-Z]+(?:_[A-Z]+)*\b`)
	for _, p := range pages(t) {
		text := p.text
		for _, b := range p.code {
			text += b.text
		}
		for _, name := range named.FindAllString(text, -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which is no setting", p.path, name)
			}
		}
	}
}

// TestExpressionsPageHasTheHelp keeps the page and the commands alike.
func TestExpressionsPageHasTheHelp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(repository, "deploy/expressions.md")
	page := contents(t, path)
	want, _, found := strings.Cut(page, "```text\n")
	for i, topic := range []string{"routes", "expressions"} {
		out := newOutput()
		if status := run(t.Context(), []string{"help", topic}, none, nil, out, out); status != exitOK {
			t.Fatalf("help %s ended with %d", topic, status)
		}
		if i > 0 {
			want += "\n## Functions and recipes\n\nThis is what `dagtrigger help " + topic + "` prints:\n\n"
		}
		want += "```text\n" + out.String() + "```\n"
	}
	switch {
	case found && page == want:
	case found && *update:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not end in what dagtrigger help routes and help expressions print: run the tests with -update", path)
	}
}
