// SPDX-License-Identifier: Apache-2.0

package terraform_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"example.com/dagtrigger/internal/real/program"
)

// published are the packages in which the schemas of providers are published,
// by the provider's name: as an assembly of jsii (https://aws.github.io/jsii/),
// one type for each resource and each block.
var published = map[string]program.NPM{
	"google":  {Name: "@cdktf/provider-google", Version: "16.12.1"}, // of the provider 6.50.0
	"archive": {Name: "@cdktf/provider-archive", Version: "11.0.1"}, // of the provider 2.7.1
}

// schema is that of a provider, in the form that testdata/provider reads.
type schema struct {
	Provider        block
	Resources, Data map[string]block
}

type block struct {
	Attributes map[string]attribute
	Blocks     map[string]nested
}

type attribute struct {
	Type               string
	Required, Computed bool
}

type nested struct {
	Required, Many, Computed bool
	Block                    block
}

// assembly is the part of a jsii assembly that tells a schema.
type assembly struct {
	Types map[string]*declaration
}

type declaration struct {
	Docs       docs
	Properties []property
}

type docs struct{ Summary, Remarks string }

type property struct {
	Name     string
	Optional bool
	Docs     docs
	Type     reference
}

// reference is a type as a property names it.
type reference struct {
	Primitive  string
	FQN        string `json:"fqn"`
	Collection *struct {
		Kind        string
		ElementType reference
	}
	Union *struct{ Types []reference }
}

// readAssembly reads the types whose namespace is needed: an assembly has a
// hundred megabytes, of which a few are.
func readAssembly(t *testing.T, p program.NPM, needed func(namespace string) bool) assembly {
	t.Helper()
	folder, err := p.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(folder, ".jsii"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := assembly{Types: make(map[string]*declaration)}
	d := json.NewDecoder(f)
	members(t, d, func(name string) {
		if name != "types" {
			skip(t, d)
			return
		}
		members(t, d, func(name string) {
			if _, after, ok := strings.Cut(name, "."); !ok || !needed(strings.Split(after, ".")[0]) {
				skip(t, d)
				return
			}
			var one declaration
			if err := d.Decode(&one); err != nil {
				t.Fatal(err)
			}
			a.Types[name] = &one
		})
	})
	return a
}

// members calls read for each member of the object that comes next.
func members(t *testing.T, d *json.Decoder, read func(name string)) {
	t.Helper()
	token := func() json.Token {
		next, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	for token(); d.More(); {
		name, _ := token().(string)
		read(name)
	}
	token()
}

func skip(t *testing.T, d *json.Decoder) {
	t.Helper()
	if err := d.Decode(&struct{}{}); err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) {
		t.Fatal(err)
	}
}

// namespaces are those in which an assembly declares a provider's type.
func namespaces(provider, typeName string) []string {
	var camel strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(typeName, provider+"_"), "_") {
		camel.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	name := camel.String()
	return []string{strings.ToLower(name[:1]) + name[1:], "data" + strings.ToUpper(provider[:1]) + provider[1:] + name, "provider"}
}

// represents is how the documentation of a type begins that is a resource or a
// data source: its link ends in Terraform's name.
var represents = regexp.MustCompile(`^Represents a \{@link \S+/docs/(resources|data-sources)/\S+ (\w+)\}`)

// schema is that of the resources and data sources that were read.
func (a assembly) schema() schema {
	s := schema{Resources: make(map[string]block), Data: make(map[string]block)}
	for name, d := range a.Types {
		if strings.HasSuffix(name, "Provider") && a.Types[name+"Config"] != nil && strings.Contains(name, ".provider.") {
			s.Provider = a.block(name+"Config", name)
		}
		found := represents.FindStringSubmatch(d.Docs.Summary)
		if found == nil {
			continue
		}
		if found[1] == "resources" {
			s.Resources[found[2]] = a.block(name+"Config", name)
			for _, computed := range computedBlocks[found[2]] {
				n := s.Resources[found[2]].Blocks[computed]
				n.Computed = true
				s.Resources[found[2]].Blocks[computed] = n
			}
		} else {
			s.Data[found[2]] = a.block(name+"Config", name)
		}
	}
	return s
}

// computedBlocks are blocks that the provider computes where they are not given. Their
// published types do not tell:
// https://github.com/hashicorp/terraform-provider-google/blob/v6.50.0/website/docs/r/eventarc_trigger.html.markdown.
var computedBlocks = map[string][]string{"google_eventarc_trigger": {"transport"}}

// block reads a block's type, and the type by which others refer to what is in
// it: that has what the provider computes, too.
func (a assembly) block(config, output string) block {
	b := block{Attributes: make(map[string]attribute), Blocks: make(map[string]nested)}
	given := make(map[string]bool)
	for _, p := range a.properties(config) {
		given[p.Name] = true
		if name, many := p.Type.block(); strings.HasSuffix(p.Docs.Summary, " block.") && name != "" {
			b.Blocks[p.terraformName()] = nested{Required: !p.Optional, Many: many, Block: a.block(name, name+"OutputReference")}
		} else if kind := p.Type.terraform(); kind != "" {
			b.Attributes[p.terraformName()] = attribute{Type: kind, Required: !p.Optional, Computed: p.Name == "id"}
		}
	}
	for _, p := range a.properties(output) {
		kind := p.Type.terraform()
		if given[p.Name] || given[strings.TrimSuffix(p.Name, "Input")] || kind == "" || p.Name == "tfResourceType" || p.Name == "internalValue" {
			continue
		}
		b.Attributes[p.terraformName()] = attribute{Type: kind, Computed: true}
	}
	return b
}

func (a assembly) properties(name string) []property {
	if d := a.Types[name]; d != nil {
		return d.Properties
	}
	return nil
}

// block is the name of the type of a block, and whether there may be many.
func (r reference) block() (name string, many bool) {
	switch {
	case r.Collection != nil:
		name, _ := r.Collection.ElementType.block()
		return name, true
	case r.Union != nil:
		for _, of := range r.Union.Types {
			if name, many := of.block(); name != "" {
				return name, many
			}
		}
	case !strings.HasPrefix(r.FQN, "cdktf."):
		return r.FQN, false
	}
	return "", false
}

// terraform is Terraform's type of an attribute, empty for one of a structure.
func (r reference) terraform() string {
	switch {
	case r.Primitive == "boolean", r.FQN == "cdktf.IResolvable":
		return "bool"
	case r.Primitive != "":
		return r.Primitive
	case r.FQN == "cdktf.StringMap":
		return "map:string"
	case r.Union != nil: // with a reference, which may stand for a boolean, a list or a map
		for _, of := range r.Union.Types {
			if kind := of.terraform(); of.FQN == "" && kind != "" {
				return kind
			}
		}
	case r.Collection != nil:
		if element := r.Collection.ElementType.terraform(); element != "" {
			return map[string]string{"array": "list:", "map": "map:"}[r.Collection.Kind] + element
		}
	}
	return ""
}

// anchor is the name in a link to the provider's documentation.
var anchor = regexp.MustCompile(`\S+#([a-z0-9_]+) \S+\}`)

func (p property) terraformName() string {
	if found := anchor.FindStringSubmatch(p.Docs.Remarks + p.Docs.Summary); found != nil {
		return found[1]
	}
	var b strings.Builder
	for _, r := range p.Name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
