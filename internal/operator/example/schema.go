// SPDX-License-Identifier: Apache-2.0

package example

import (
	"bytes"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/plainjson"
)

// SchemaID identifies the JSON Schema of a file of examples.
const SchemaID = "https://example.com/dagtrigger/examples.schema.json"

// Schema is the JSON Schema of a file of examples, generated from the tables that it is
// read by. The error is about an invalid example in the documentation.
func Schema() ([]byte, error) {
	root, err := document.ObjectSchema(suiteKeys())
	if err != nil {
		return nil, err
	}
	one, err := exampleSchema()
	if err != nil {
		return nil, err
	}
	root.Schema, root.ID, root.Title = "http://json-schema.org/draft-07/schema#", SchemaID, "dagtrigger examples"
	root.Properties["config"].Type = "string"
	root.Properties["tests"].Type, root.Properties["tests"].Items = "array", one
	var b bytes.Buffer
	err = plainjson.Indent(&b, root)
	return b.Bytes(), err
}

// exampleSchema describes one example, which has one event.
func exampleSchema() (*document.Schema, error) {
	one, err := document.ObjectSchema(exampleKeys())
	if err != nil {
		return nil, err
	}
	start, err := document.ObjectSchema(startKeys())
	if err != nil {
		return nil, err
	}
	failure, err := document.ObjectSchema(failureKeys())
	if err != nil {
		return nil, err
	}
	start.Properties["conf"].Type, start.Properties["conf_has"].Type = "object", "object"
	for name, item := range map[string]*document.Schema{"starts": start, "fails": failure} {
		list := one.Properties[name]
		list.Type, list.Items = "array", &document.Schema{AnyOf: []*document.Schema{{Type: "string"}, item}}
	}
	for i, name := range eventKeys() {
		if i < objectChanges {
			one.Properties[name].Type, one.Properties[name].Pattern = "string", "^gs://[^/]+/."
		}
		one.OneOf = append(one.OneOf, &document.Schema{Required: []string{name}})
	}
	return one, nil
}
