// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
)

// readVars reads the file's vars, which the rest of the file can name.
func (r *fileReader) readVars(root *yaml.Node) {
	v := varsReader{Reader: document.Reader{File: r.File, Constants: document.Constants{}}, getenv: r.getenv, local: r.local,
		state: map[string]byte{}}
	root = document.Resolve(root)
	for i := 0; i+1 < len(root.Content) && root.Kind == yaml.MappingNode; i += 2 {
		if document.Resolve(root.Content[i]).Value == "vars" {
			v.values.Read(&v.Reader, document.Entry{Name: "vars", Example: "vars: {stage: dev}"}, document.Resolve(root.Content[i+1]))
			break
		}
	}
	for _, named := range v.values {
		v.resolve(named, nil)
	}
	r.Constants, r.file.Vars, r.varProblems = v.Constants, v.Constants, v.Problems
	r.file.Variables, r.file.Assumed = v.names, v.assumed
}

// varsReader resolves the file's vars, each of which may name others.
type varsReader struct {
	document.Reader
	getenv func(string) string
	local  bool
	values document.Values
	names  []string        // of the environment variables
	state  map[string]byte // by name: 1 while it is resolved, 2 then
	// assumed are the variables whose values are made up.
	assumed []string
}

// resolve makes one value known, those that it names first. way are the names that need it.
func (v *varsReader) resolve(named document.Named, way []string) {
	name := named.Name.Value
	switch v.state[name] {
	case 1:
		circle := append(way[slices.Index(way, name):], name)
		v.Problem(named.Name.Position, "vars: "+strings.Join(circle, " needs ")+": none of them has a value", "break the circle")
		return
	case 2:
		return
	}
	v.state[name] = 1
	defer func() { v.state[name] = 2 }()
	for _, other := range v.values {
		if needs(&named.Value, other.Name.Value) {
			v.resolve(other, append(slices.Clone(way), name))
		}
	}
	constant := document.Constant{Value: named.Value}
	var ok bool
	if isVariable(&named.Value) {
		constant, ok = v.variable(name, &named.Value)
	} else {
		constant.Value, constant.Hidden, ok = v.Expanded(name, named.Value)
	}
	if ok {
		v.Constants[name] = constant
	}
}

// needs reports whether a value names vars.NAME.
func needs(v *document.Value, name string) bool {
	if v.Kind == document.String {
		for _, after := range strings.Split(v.Value, "${")[1:] {
			inside, _, _ := strings.Cut(after, "}")
			if first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(inside), "vars."), "."); first == name {
				return true
			}
		}
	}
	return slices.ContainsFunc(v.Members, func(m document.Value) bool { return needs(&m, name) })
}

// isVariable reports whether a value is {env: NAME} with or without a default.
func isVariable(v *document.Value) bool {
	env := false
	for i, name := range v.Names {
		switch {
		case name.Value == "env" && v.Members[i].Kind == document.String:
			env = true
		case name.Value != "default":
			return false
		}
	}
	return env
}

// variable reads an environment variable.
func (v *varsReader) variable(name string, value *document.Value) (document.Constant, bool) {
	var env, preset document.Value
	for i, key := range value.Names {
		if key.Value == "env" {
			env = value.Members[i]
		} else {
			preset = value.Members[i]
		}
	}
	v.names = append(v.names, env.Value)
	if text := v.getenv(env.Value); text != "" {
		return document.Constant{Value: document.Value{Kind: document.String, Text: document.Text{Value: text, Position: env.Position,
			Lead: -1}}, Hidden: true}, true
	}
	if preset.Kind == document.Nothing && v.local {
		made := strings.ToLower(strings.ReplaceAll(env.Value, "_", "-"))
		v.assumed = append(v.assumed, env.Value+"="+made)
		return document.Constant{Value: document.Value{Kind: document.String, Text: document.Text{Value: made, Position: env.Position,
			Lead: -1}}}, true
	}
	switch preset.Kind {
	case document.Nothing:
		v.Problem(env.Position, "vars."+name+": the environment variable "+env.Value+" is not set", "set it, or add default: TEXT")
		return document.Constant{}, false
	case document.String:
		expanded, hidden, ok := v.Expanded(name, preset)
		return document.Constant{Value: expanded, Hidden: hidden}, ok
	}
	v.Problem(preset.Position, "vars."+name+": default is text, as every environment variable is", "quote it")
	return document.Constant{}, false
}
