// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
)

var update = flag.Bool("update", false, "rewrite what check says of the mistakes; read every change")

// says separates a mistake from what check says of it.
const says = "\n=> check says\n"

// TestMistakes reads the tables in testdata/mistakes: each entry is what somebody new writes,
// and what check says of it, with its place. An entry is a file, or else keys of a route that
// is valid but for them.
func TestMistakes(t *testing.T) {
	t.Parallel()
	tables, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	for _, path := range tables {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, entry := range archive.Files {
			mistake, want, _ := strings.Cut("\n"+string(entry.Data), says)
			mistake = strings.TrimPrefix(mistake, "\n")
			got := check(fileOf(mistake))
			if *update {
				archive.Files[i].Data = []byte(mistake + says + got)
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-want +got)\n%s", path, entry.Name, diff)
			}
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Files that are meant as they are get no warning.
func TestExamplesGetNoWarning(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatal(examples, err)
	}
	for _, path := range append(examples, "../../deploy/routes.yaml", "../../deploy/terraform/examples/routes/routes.yaml") {
		if strings.HasSuffix(path, "_test.yaml") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := check(string(text)); got != "nothing\n" {
			t.Errorf("%s\n%s", path, got)
		}
	}
}

// fileOf completes keys of a route to a file.
func fileOf(text string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "routes") || strings.HasPrefix(line, "environments") || strings.HasPrefix(line, "- ") {
			return text
		}
	}
	var b strings.Builder
	b.WriteString("routes:\n  - name: sales\n")
	for _, line := range []string{"on: object.finalized\n", "bucket: acme-landing\n", "dag: load_sales\n"} {
		key, _, _ := strings.Cut(line, ":")
		messages := key == "bucket" && hasKey(text, "on") // which have no bucket
		if !hasKey(text, key) && !messages {
			b.WriteString("    " + line)
		}
	}
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}

func hasKey(text, key string) bool { return strings.Contains("\n"+text, "\n"+key+":") }

// check prints what the command does.
func check(text string) string {
	f, err := config.Parse("routes.yaml", []byte(text))
	problems, _ := errors.AsType[document.Problems](err)
	kind := "error"
	if err == nil {
		problems, kind = f.Warnings(), "warning"
	}
	source := document.NewSource([]byte(text))
	var b strings.Builder
	for _, problem := range problems {
		fmt.Fprintf(&b, "%d:%d: %s: %s\n  %s\n%s", problem.Line, problem.Column, kind, problem.What, problem.Fix,
			source.Excerpt(problem.Position))
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}
