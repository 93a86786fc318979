// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/route"
)

// SchemaID identifies the JSON Schema of a routes file.
const SchemaID = "https://example.com/dagtrigger/routes.schema.json"

// Schema is the JSON Schema of a routes file, generated from the tables that it is
// decoded with. It accepts what [Parse] accepts, and rejects unknown keys, wrong types
// and missing keys; [Parse] also rejects invalid expressions and patterns. The error is
// about an invalid example in the documentation.
func Schema() ([]byte, error) {
	root, err := document.ObjectSchema(fileKeys())
	if err != nil {
		return nil, err
	}
	one, err := route.Schema()
	if err != nil {
		return nil, err
	}
	environments, err := environmentsSchema()
	if err != nil {
		return nil, err
	}
	root.Schema, root.ID, root.Title = "http://json-schema.org/draft-07/schema#", SchemaID, "dagtrigger routes"
	root.Properties["routes"].Items = one
	root.Properties["environments"].AdditionalProperties = environments
	var b bytes.Buffer
	err = plainjson.Indent(&b, root)
	return b.Bytes(), err
}

// environmentsSchema describes one environment.
func environmentsSchema() (*document.Schema, error) {
	one, err := document.ObjectSchema(environmentKeys())
	if err != nil {
		return nil, err
	}
	one.OneOf = []*document.Schema{
		{Required: []string{environment.FieldComposer}},
		{Required: []string{environment.FieldOutbox}},
		{Required: []string{environment.FieldURL}},
	}
	return one, nil
}
