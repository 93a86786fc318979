// SPDX-License-Identifier: Apache-2.0

package terraform_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// declared is a variable or an output, as a file declares it: the keys of its
// first level, each on a line.
type declared struct {
	name string
	keys map[string]string
}

var (
	declares = regexp.MustCompile(`(?m)^(?:variable|output) "(\w+)" \{\n((?:.*\n)*?)\}`)
	keyLine  = regexp.MustCompile(`(?m)^  (\w+) += (.*)$`)
)

func declarations(t *testing.T, file string) []declared {
	t.Helper()
	var all []declared
	for _, found := range declares.FindAllStringSubmatch(sources(t)[file], -1) {
		d := declared{found[1], make(map[string]string)}
		for _, key := range keyLine.FindAllStringSubmatch(found[2], -1) {
			d.keys[key[1]] = key[2]
		}
		all = append(all, d)
	}
	return all
}

// described is a key's text as prose: without its quotes.
func (d declared) described() string {
	return strings.ReplaceAll(strings.Trim(d.keys["description"], `"`), `\"`, `"`)
}

func tables(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| variable | type | default | meaning |\n|---|---|---|---|\n")
	for _, d := range declarations(t, "variables.tf") {
		preset := "required"
		if value, ok := d.keys["default"]; ok {
			preset = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", d.name, d.keys["type"], preset, d.described())
	}
	b.WriteString("\n| output | what |\n|---|---|\n")
	for _, d := range declarations(t, "outputs.tf") {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d.name, d.described())
	}
	return b.String()
}

func TestReadmeListsTheVariables(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(module + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := tables(t); !strings.Contains(string(readme), want) {
		t.Errorf("deploy/terraform/README.md does not hold these tables; put them in:\n%s", want)
	}
}

// The linker ignores a version under another name.
func TestVersionIsLinkedByName(t *testing.T) {
	t.Parallel()
	const flag = "-X=example.com/dagtrigger/internal/build.linked="
	if !strings.Contains(sources(t)["main.tf"], flag) {
		t.Errorf("main.tf does not hold %s", flag)
	}
}
