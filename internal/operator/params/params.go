// SPDX-License-Identifier: Apache-2.0

// Package params writes the DAG's side of a route: a Python module with the Params
// and the types of the conf that the route gives its runs.
//
// What it knows of a value is what the route's expressions say by their types. It
// never evaluates one, and never reads or changes a DAG.
package params

import (
	"bytes"
	"errors"
	"fmt"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/expression"
)

// Member is a member of a conf.
type Member struct {
	Name string
	Type Type
	// Text is the value as the route has it: JSON where it is the same for every
	// event, else the template. It is empty for a map with members.
	Text    string
	Literal bool
	Members []Member // of an Object whose members are known
}

// Type is the type of a member.
type Type struct {
	Python string // as an annotation
	Schema string // of JSON Schema; empty for any
}

// The types of members.
var (
	anything = Type{"Any", ""}
	boolean  = Type{"bool", "boolean"}
	integer  = Type{"int", "integer"}
	number   = Type{"float", "number"}
	text     = Type{"str", "string"}
	list     = Type{"List[Any]", "array"}
	object   = Type{"Dict[str, Any]", "object"}
)

// Contract is what a route promises the DAG that it starts.
type Contract struct {
	Route string
	DAG   string // as the route has it: it may be computed
	Conf  []Member
}

// ErrUnknown is returned for a route whose conf has members that depend on the event.
var ErrUnknown = errors.New("its conf is whatever the event brings: list them under conf, as key: value")

// ErrAsset is returned for a route that names an asset.
var ErrAsset = errors.New("it names an asset, whose event has an extra and no conf: a DAG reads it from triggering_asset_events")

// Of is the contract of a route of a file that has no error.
func Of(s *route.Spec) (Contract, error) {
	c := Contract{Route: s.Name.Value, DAG: s.DAG.Value}
	if s.AssetName() != "" {
		return c, ErrAsset
	}
	expressions, err := expression.NewCompiler()
	if err != nil {
		return c, fmt.Errorf("preparing the expressions: %w", err)
	}
	switch {
	case s.Conf.Kind == document.Object:
		c.Conf = members(expressions, s.Conf)
	case s.Conf.Kind == document.Nothing && s.Complete.IsSet():
		c.Conf = []Member{
			{Name: "bucket", Type: text, Text: "the bucket of the set"}, {Name: "prefix", Type: text, Text: "the prefix of the set"},
			{Name: "files", Type: list, Text: "its objects: name, generation, size and updated of each, as text"},
		}
	case s.Conf.Kind == document.Nothing && s.Every.Value > 0:
	default:
		return c, ErrUnknown
	}
	if s.Every.Value > 0 {
		c.Conf = append(c.Conf, Member{Name: "window", Type: object, Members: []Member{
			{Name: "begin", Type: text, Text: "the window's begin, in RFC 3339"},
			{Name: "end", Type: text, Text: "the window's end, in RFC 3339"},
		}})
	}
	return c, nil
}

func members(c *expression.Compiler, v document.Value) []Member {
	all := make([]Member, len(v.Members))
	for i, m := range v.Members {
		all[i] = member(c, v.Names[i].Value, m)
	}
	return all
}

func member(c *expression.Compiler, name string, v document.Value) Member {
	m := Member{Name: name, Text: v.Value}
	switch v.Kind {
	case document.Object:
		m.Type, m.Members = object, members(c, v)
	case document.List:
		m.Type, m.Text = list, ""
	case document.Literal:
		m.Type, m.Literal = literalType(v.Value), true
	case document.String:
		t, _, _ := c.Template(v.Value) // the file has been checked
		m.Type = templateType(t)
		if constant, ok := t.Literal(); ok {
			m.Literal, m.Text = true, quoted(constant)
		}
	}
	return m
}

// literalType is the type of a JSON value that is not text, a list or a map.
func literalType(value string) Type {
	switch {
	case value == "true" || value == "false":
		return boolean
	case value == "null" || value == "":
		return anything
	case bytes.ContainsAny([]byte(value), ".eE"):
		return number
	}
	return integer
}

func templateType(t *expression.Template) Type {
	e := t.Lone()
	if e == nil {
		return text
	}
	switch e.Gives() {
	case expression.Text, expression.Time, expression.Duration, expression.Bytes:
		return text
	case expression.Number:
		if e.Integer() {
			return integer
		}
		return number
	case expression.Bool:
		return boolean
	case expression.List:
		return list
	case expression.Map, expression.MapOfText, expression.Resource:
		return object
	}
	return anything
}
