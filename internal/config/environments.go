// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/route"
)

// environmentKeys are the keys of an environment: the settings of a connection,
// in lower case and without AIRFLOW_.
func environmentKeys() []document.Key[environment.Spec] {
	var keys []document.Key[environment.Spec]
	for _, k := range connection() {
		doc := strings.ToUpper(k.meaning[:1]) + strings.TrimSuffix(k.meaning[1:], "; or")
		if k.preset != "" {
			doc += ". Left out: " + k.preset
		}
		keys = append(keys, document.Key[environment.Spec]{
			Name: k.field, Doc: doc + ".", Example: k.field + ": " + k.example, Secret: k.secret, Words: k.words, Vars: !k.secret, To: k.to,
		})
	}
	return keys
}

// environments reads the environments of the file.
func (r *fileReader) environments(_ *document.Reader, node *yaml.Node) {
	r.file.Environments = unknown()
	isMap := r.Members(node, "environments", func(name, value *yaml.Node) {
		if ok, _ := regexp.MatchString(route.NamePattern, name.Value); !ok {
			r.Problem(document.At(name), fmt.Sprintf("%q is not a valid name of an environment", name.Value),
				"use lower-case letters, digits, _ and -, beginning with a letter or digit, at most 63")
		}
		r.file.Environments[name.Value] = r.environment(name, value)
	})
	if isMap && len(document.Resolve(node).Content) == 0 {
		r.Problem(document.At(node), "environments is empty", "add one, or leave the key out to use the environment variables")
	}
}

// environment reads one. Its keys are checked together only where each of them is
// valid.
func (r *fileReader) environment(name, node *yaml.Node) environment.Spec {
	var spec environment.Spec
	before := len(r.Problems)
	places := document.Map(&r.Reader, node, "an environment", environmentKeys(), &spec).Places
	if len(r.Problems) > before || r.local {
		return spec
	}
	for _, f := range spec.Check(func(field string) string { return field }) {
		at, ok := places[f.Field]
		if !ok {
			at = document.At(name)
		}
		what := f.What
		if named := valueAt(node, f.Field); strings.Contains(named, "${") {
			what = f.Field + ": " + named + " is not valid with the value that it has"
		}
		r.Problem(at, what, f.Fix)
	}
	return spec
}

// valueAt is the text under a key of a map, as it is written.
func valueAt(node *yaml.Node, key string) string {
	node = document.Resolve(node)
	for i := 0; i+1 < len(node.Content); i += 2 {
		if document.Resolve(node.Content[i]).Value == key {
			return document.Resolve(node.Content[i+1]).Value
		}
	}
	return ""
}
