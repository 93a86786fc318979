// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeIsShortAndListsEveryPackage counts words as wc does.
func TestReadmeIsShortAndListsEveryPackage(t *testing.T) {
	t.Parallel()
	readme := contents(t, filepath.Join(repository, "README.md"))
	if words := len(strings.Fields(readme)); words > 1500 {
		t.Errorf("README.md has %d words, and may have 1,500", words)
	}
	for folder := range goFolders(t) {
		named := false
		for dir := folder; dir != "." && !named; dir = filepath.Dir(dir) {
			base := strings.TrimPrefix(folder, dir+"/")
			named = strings.Contains(readme, "`"+folder+"`") || strings.Contains(readme, "`"+dir+"`") && strings.Contains(readme, "`"+base+"`")
		}
		if !named {
			t.Errorf("README.md does not list the package %s", folder)
		}
	}
}

// goFolders are the folders of this module that have Go files, below internal and cmd.
func goFolders(t *testing.T) map[string]bool {
	t.Helper()
	folders := map[string]bool{}
	for _, top := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(repository, top), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && entry.Name() == "testdata" {
				err = fs.SkipDir
			}
			if _, statErr := os.Stat(filepath.Join(path, "go.mod")); err == nil && statErr == nil {
				err = fs.SkipDir // another module
			}
			if err != nil {
				return err
			}
			if own, relErr := filepath.Rel(repository, filepath.Dir(path)); relErr == nil && filepath.Ext(path) == ".go" {
				folders[filepath.ToSlash(own)] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return folders
}

// TestReadmeCommandsRun does what the README shows, in its order: the demo is run
// by .ci/run, and what needs Google Cloud is parsed by the tests above.
func TestReadmeCommandsRun(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	folder := t.TempDir()
	settings := set(map[string]string{"AIRFLOW_URL": "http://127.0.0.1:1", "DEAD_LETTER": "file://" + folder + "/dead", "DAG_ID": "load"})
	out, log := newOutput(), newOutput()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"serve"}, set(map[string]string{"PORT": "0"}), nil, out, log) }()
	url := out.after(t, "The function listens on ", ended)
	first := filepath.Join(folder, "init")
	routes := filepath.Join(first, routesName)
	if err := os.Mkdir(filepath.Join(folder, "dead"), 0o700); err != nil { // as the function does
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		if p.path != "README.md" {
			continue
		}
		for _, c := range p.commands() {
			if c.prose {
				continue
			}
			args := slices.Clone(c.words)
			switch args[0] {
			case "demo", "serve", "reconcile":
				continue // run elsewhere; reconcile needs a bucket
			case "init":
				args = append(args, first)
			case "send":
				args = append(args, "--to", url)
			}
			for i, word := range args {
				switch {
				case word == routesName || word == examplesName:
					args[i] = filepath.Join(first, word)
				case strings.HasPrefix(word, "deploy/"):
					args[i] = filepath.Join(repository, word)
				}
				args[i] = strings.NewReplacer("=PROJECT", "=acme-prod", "=REGION", "=europe-west1").Replace(args[i])
			}
			shown := newOutput()
			if status := run(t.Context(), args, settings, nil, shown, shown); status != exitOK {
				t.Errorf("%s: dagtrigger %s ended with %d:\n%s", c.at, strings.Join(args, " "), status, shown)
			}
		}
		shown := slices.IndexFunc(p.code, func(b block) bool { return b.language == "yaml" })
		if diff := cmp.Diff(contents(t, routes), p.code[shown].text); diff != "" {
			t.Errorf("the README does not show the file that init writes (-init +README):\n%s", diff)
		}
	}
	end()
	if status := <-ended; status != exitOK {
		t.Errorf("serve ended with %d: %s", status, log)
	}
}
