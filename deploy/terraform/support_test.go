// SPDX-License-Identifier: Apache-2.0

package terraform_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"example.com/dagtrigger/internal/real/program"
	"example.com/dagtrigger/internal/real/realtest"
)

const (
	root   = "../.."
	module = "."
)

// The programs that check the module: the last Terraform under the MPL, which
// is also the oldest that the module takes.
var (
	terraformProgram = program.Go{Package: "github.com/hashicorp/terraform", Version: "v1.5.7"}
	tflintProgram    = program.Go{Package: "github.com/terraform-linters/tflint", Version: "v0.64.0"}
)

// installed is the path of a program, where real programs are asked for.
func installed(t *testing.T, p program.Go) (path string) {
	t.Helper()
	realtest.Need(t, func() (err error) {
		path, err = p.Install(t.Context())
		return err
	})
	return path
}

// folders are made once for all tests.
type folders struct{ providers, schemas string }

// shared makes the providers that stand for the real ones, and their schemas.
// A test that fails to does not keep the others from saying so too.
var shared = struct {
	sync.Mutex
	made folders
}{}

// TestMain ends with the folders that the tests shared.
func TestMain(m *testing.M) {
	code := m.Run()
	if shared.made.providers != "" {
		if err := errors.Join(os.RemoveAll(shared.made.providers), os.RemoveAll(shared.made.schemas)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// providers are the folders of the providers and of their schemas.
func providers(t *testing.T) folders {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.made.providers != "" {
		return shared.made
	}
	made := folders{providers: temporary(t), schemas: temporary(t)}
	for name, p := range published {
		text, err := json.Marshal(readAssembly(t, p, used(t, name)).schema())
		if err == nil {
			err = os.WriteFile(filepath.Join(made.schemas, name+".json"), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(made.providers, "terraform-provider-"+name), ".")
		build.Dir = "testdata/provider"
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building the provider: %v\n%s", err, out)
		}
	}
	shared.made = made
	return made
}

func temporary(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "dagtrigger-terraform-")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// used returns which namespaces of a provider's assembly the module needs.
func used(t *testing.T, provider string) func(namespace string) bool {
	t.Helper()
	needed := make(map[string]bool)
	for _, text := range sources(t) {
		for _, found := range regexp.MustCompile(`"(`+provider+`_\w+)"`).FindAllStringSubmatch(text, -1) {
			for _, namespace := range namespaces(provider, found[1]) {
				needed[namespace] = true
			}
		}
	}
	return func(namespace string) bool { return needed[namespace] }
}

// sources are the texts of the module's own files.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(module + "/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	texts := make(map[string]string, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(text)
	}
	return texts
}

// workspace is a copy of the module, with what it reads beside it.
type workspace struct {
	t   *testing.T
	dir string // of the module
	env []string
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	terraform := installed(t, terraformProgram)
	for _, p := range published {
		realtest.Need(t, func() error {
			_, err := p.Fetch(t.Context())
			return err
		})
	}
	made := providers(t)
	home := t.TempDir()
	rc := filepath.Join(home, "terraformrc")
	write(t, rc, `provider_installation {
  dev_overrides {
    "hashicorp/google"  = "`+made.providers+`"
    "hashicorp/archive" = "`+made.providers+`"
  }
  direct {}
}
`)
	for _, folder := range []string{"terraform", "monitoring"} {
		if err := os.CopyFS(filepath.Join(home, "deploy", folder), os.DirFS(filepath.Join(root, "deploy", folder))); err != nil {
			t.Fatal(err)
		}
	}
	return &workspace{t: t, dir: filepath.Join(home, "deploy", "terraform"), env: append(os.Environ(),
		"PATH="+filepath.Dir(terraform)+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"TF_CLI_CONFIG_FILE="+rc, "PROVIDER_SCHEMAS="+made.schemas, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color")}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs Terraform in a folder of the workspace, and returns what it printed.
func (w *workspace) run(folder string, args ...string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), "terraform", args...)
	for _, pair := range w.env {
		if path, ok := strings.CutPrefix(pair, "PATH="); ok {
			cmd.Path, cmd.Err = filepath.Join(filepath.SplitList(path)[0], "terraform"), nil
		}
	}
	cmd.Dir, cmd.Env = filepath.Join(w.dir, folder), w.env
	var out, faults strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &faults
	err := cmd.Run()
	if err != nil {
		return out.String() + faults.String(), err
	}
	return out.String(), nil
}

// must runs Terraform, which must succeed.
func (w *workspace) must(folder string, args ...string) string {
	w.t.Helper()
	out, err := w.run(folder, args...)
	if err != nil {
		w.t.Fatalf("terraform %s in %q: %v\n%s", strings.Join(args, " "), folder, err, out)
	}
	return out
}

// plan is what Terraform would make.
type plan struct {
	Values struct {
		Outputs map[string]struct{ Value json.RawMessage }
		Root    planned `json:"root_module"`
	} `json:"planned_values"`
	Prior struct {
		Values struct {
			Root planned `json:"root_module"`
		}
	} `json:"prior_state"`
}

type planned struct {
	Resources []resource
	Children  []planned `json:"child_modules"`
}

type resource struct {
	Mode, Type, Name string
	Index            any
	Values           map[string]any
}

// plan plans what is in a folder.
func (w *workspace) plan(folder string, args ...string) plan {
	w.t.Helper()
	w.must(folder, "get")
	w.must(folder, append([]string{"plan", "-input=false", "-out=planned"}, args...)...)
	var p plan
	if err := json.Unmarshal([]byte(w.must(folder, "show", "-json", "planned")), &p); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// all are the resources that are made, those of modules included.
func (p planned) all() []resource {
	all := p.Resources
	for _, child := range p.Children {
		all = append(all, child.all()...)
	}
	return all
}
