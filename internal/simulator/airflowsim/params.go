// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"slices"
	"strings"
)

// param is one of a DAG's Params: a JSON Schema and, mostly, a default.
type param struct {
	name        string
	schema      *schema
	description any
	value       any // the default, nil where there is none
	optional    bool
}

// parseParams compiles [DAG.Params]. It refuses what it could not check:
// a keyword that it does not know would otherwise be silently passed.
// 3.x keeps the schemas in a jsonb, and so meets their keywords in its order.
func parseParams(text string, version Version) ([]param, error) {
	if text == "" {
		return nil, nil
	}
	v, syntax := parse([]byte(text))
	if syntax != nil {
		return nil, fmt.Errorf("reading Params: no JSON at byte %d", syntax.Offset)
	}
	all, ok := v.(*object)
	if !ok {
		return nil, fmt.Errorf("reading Params: want an object of name to schema, have %s", repr(v))
	}
	var params []param
	for _, name := range all.keys {
		spec, ok := all.vals[name].(*object)
		if !ok {
			return nil, fmt.Errorf("reading Params: %s: want a schema, have %s", name, repr(all.vals[name]))
		}
		p := param{name: name, value: spec.vals["default"], optional: spec.has("default"), description: spec.vals["description"]}
		if version.ServesV2() {
			spec = jsonb(spec).(*object)
		}
		keywords := obj()
		for _, key := range spec.keys {
			if key != "default" && key != "description" { // arguments of Param itself, no part of its schema
				keywords.set(key, spec.vals[key])
			}
		}
		var err error
		if p.schema, err = compileSchema(keywords); err != nil {
			return nil, fmt.Errorf("reading Params: %s: %w", name, err)
		}
		params = append(params, p)
	}
	return params, nil
}

// checkParams is ParamsDict of airflow/models/param.py (2.x) and of
// airflow/serialization/definitions/param.py (3.x): it answers what Airflow
// says of the first param that conf, or a default, gets wrong, or "".
// 2.x meets conf's keys in conf's order first, 3.x the DAG's order.
func checkParams(params []param, conf *object, v Version) string {
	byName := func(name string) int {
		return slices.IndexFunc(params, func(p param) bool { return p.name == name })
	}
	if !v.ServesV2() {
		for _, name := range conf.keys {
			if i := byName(name); i >= 0 {
				if complaint := params[i].check(conf.vals[name]); complaint != "" {
					return complaint
				}
			}
		}
	}
	for _, p := range params {
		var complaint string
		switch {
		case conf.has(p.name):
			complaint = p.check(conf.vals[p.name])
		case p.optional:
			complaint = p.check(p.value)
		case v.ServesV2():
			complaint = p.invalid("No value passed")
		default:
			complaint = p.invalid("No value passed and Param has no default value")
		}
		if complaint != "" {
			return complaint
		}
	}
	return ""
}

func (p param) invalid(why string) string {
	return "Invalid input for param " + p.name + ": " + why
}

// check returns the best match of jsonschema's errors: the first of the least deep.
func (p param) check(value any) string {
	faults := p.schema.validate(value, "", "")
	if len(faults) == 0 {
		return ""
	}
	best := slices.MinFunc(faults, func(a, b violation) int { return a.depth - b.depth })
	return p.invalid(best.String())
}

// violation is one ValidationError of the jsonschema package.
type violation struct {
	depth            int
	message, keyword string
	schemaPath, path string // such as ['properties']['k'] and ['k']
	schema           *object
	instance         any
}

func (f violation) String() string {
	indented := func(v any) string { return strings.ReplaceAll(pretty(v, 0, 0), "\n", "\n    ") }
	return fmt.Sprintf("%s\n\nFailed validating %s in schema%s:\n    %s\n\nOn instance%s:\n    %s",
		f.message, reprString(f.keyword), f.schemaPath, indented(f.schema), f.path, indented(f.instance))
}
