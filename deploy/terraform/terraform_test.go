// SPDX-License-Identifier: Apache-2.0

package terraform_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// examples are the folders that are run by themselves.
var examples = []string{"examples/bucket", "examples/routes"}

func TestModuleIsFormatted(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), installed(t, terraformProgram), "fmt", "-check", "-diff", "-recursive")
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("terraform fmt: %v\n%s", err, out)
	}
}

func TestModuleIsValidForTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	for _, folder := range append(examples, ".") {
		w.must(folder, "get")
		w.must(folder, "validate")
	}
}

// Each error is one that the checks above must find.
func TestChecksFindErrors(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, file, from, to, want string }{
		{"an unknown argument", "delivery.tf", "ack_deadline_seconds ", "ack_deadline ", `An argument named "ack_deadline" is not expected here`},
		{"a misspelt argument in a block", "delivery.tf", "max_delivery_attempts", "max_attempts",
			`An argument named "max_attempts" is not expected here`},
		{"a required argument left out", "delivery.tf", "payload_format = ", "# ", `The argument "payload_format" is required`},
		{"an unknown block", "delivery.tf", "retry_policy {", "retries {", `Blocks of type "retries" are not expected here`},
		{"a block given as an argument", "delivery.tf", "expiration_policy {\n    ttl = \"\"\n  }", "expiration_policy = { ttl = \"\" }",
			`expiration_policy`},
		{"an unknown resource", "monitoring.tf", "google_monitoring_dashboard\"", "google_monitoring_board\"", `does not support resource type`},
		{"a value of another type", "delivery.tf", "ack_deadline_seconds       = 600", "ack_deadline_seconds = \"soon\"", `a number is required`},
		{"an unknown attribute", "outputs.tf", "runtime.email", "runtime.mail", `no argument, nested block, or exported attribute named "mail"`},
		{"an attribute of a block that is none", "delivery.tf", "service_config[0].uri", "service_config[0].url",
			`no argument, nested block, or exported attribute named "url"`},
		{"an undeclared variable", "main.tf", "var.memory", "var.ram", `An input variable with the name "ram" has not been declared`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			file := filepath.Join(w.dir, row.file)
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), row.from) {
				t.Fatalf("%s has no %q: %v", row.file, row.from, err)
			}
			write(t, file, strings.ReplaceAll(string(text), row.from, row.to))
			out, err := w.run(".", "validate")
			if err == nil || !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " "), row.want) {
				t.Errorf("validate: %v, want %q in\n%s", err, row.want, out)
			}
		})
	}
}

// The oldest provider that the module takes is the one that it is checked
// against.
func TestOldestSupportedProvidersAreChecked(t *testing.T) {
	t.Parallel()
	newWorkspace(t)
	for name, p := range published {
		folder, err := p.Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(folder, "package.json"))
		var of struct {
			CDKTF struct{ Provider struct{ Version string } }
		}
		if err := errors.Join(err, json.Unmarshal(text, &of)); err != nil {
			t.Fatal(err)
		}
		minor := of.CDKTF.Provider.Version[:strings.LastIndex(of.CDKTF.Provider.Version, ".")]
		if want := `version = ">= ` + minor + `, `; minor == "" || !strings.Contains(sources(t)["versions.tf"], want) {
			t.Errorf("versions.tf has no %s for %s", want, name)
		}
	}
}

func TestLinterPasses(t *testing.T) {
	t.Parallel()
	tflint := installed(t, tflintProgram)
	config, err := filepath.Abs(module + "/.tflint.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range append(examples, ".") {
		args := []string{"--no-color", "--config=" + config}
		if folder != "." { // an example is a page to be read
			args = append(args, "--disable-rule=terraform_standard_module_structure")
		}
		cmd := exec.CommandContext(t.Context(), tflint, args...)
		cmd.Dir = filepath.Join(module, folder)
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "" {
			t.Errorf("tflint in %s: %v\n%s", folder, err, out)
		}
	}
}
