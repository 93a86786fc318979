// SPDX-License-Identifier: Apache-2.0

// Package plainjson implements JSON text in which <, > and & stand for
// themselves, as Google's APIs write it and people read it. encoding/json escapes
// them, for HTML.
package plainjson

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// Encode writes v to w, and a line end.
func Encode(w io.Writer, v any) error { return encoder(w).Encode(v) }

// Indent writes v to w, indented by two blanks a level, and a line end.
func Indent(w io.Writer, v any) error {
	e := encoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Write appends v to b.
func Write(b *bytes.Buffer, v any) error {
	before := b.Len()
	if err := encoder(b).Encode(v); err != nil {
		b.Truncate(before)
		return err
	}
	b.Truncate(b.Len() - len("\n"))
	return nil
}

// Marshal returns v as JSON.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := Write(&b, v)
	return b.Bytes(), err
}

func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// IsMediaType reports whether data of a content type is JSON, as it is by
// default in a CloudEvent: section 3.1 of
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
func IsMediaType(contentType string) bool {
	name, _, _ := strings.Cut(contentType, ";")
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "", "application/json", "text/json":
		return true
	default:
		return strings.HasSuffix(name, "+json")
	}
}
