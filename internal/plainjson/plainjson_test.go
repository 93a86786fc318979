// SPDX-License-Identifier: Apache-2.0

package plainjson_test

import (
	"bytes"
	"testing"

	"example.com/dagtrigger/internal/plainjson"
)

func TestHTMLIsNotEscaped(t *testing.T) {
	t.Parallel()
	value := map[string]string{"a": "<b> & c"}
	const want = `{"a":"<b> & c"}`
	for _, row := range []struct {
		name  string
		write func(*bytes.Buffer) error
		want  string
	}{
		{"Encode", func(b *bytes.Buffer) error { return plainjson.Encode(b, value) }, want + "\n"},
		{"Indent", func(b *bytes.Buffer) error { return plainjson.Indent(b, value) }, "{\n  \"a\": \"<b> & c\"\n}\n"},
		{"Write", func(b *bytes.Buffer) error { return plainjson.Write(b, value) }, want},
		{"Marshal", func(b *bytes.Buffer) error {
			text, err := plainjson.Marshal(value)
			b.Write(text)
			return err
		}, want},
	} {
		var b bytes.Buffer
		if err := row.write(&b); err != nil || b.String() != row.want {
			t.Errorf("%s: got %q, %v", row.name, b.String(), err)
		}
	}
}

func TestWriteAppendsNothingOnError(t *testing.T) {
	t.Parallel()
	b := bytes.NewBufferString("[")
	if err := plainjson.Write(b, func() {}); err == nil || b.String() != "[" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestIsMediaType(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]bool{
		"": true, "application/json": true, "text/json; charset=utf-8": true, " Application/JSON ": true,
		"application/geo+json": true, "application/vnd.acme+json; v=1": true,
		"text/plain": false, "application/jsonl": false, "application/x-ndjson": false, "application/xml": false,
	} {
		if got := plainjson.IsMediaType(contentType); got != want {
			t.Errorf("%q: got %t", contentType, got)
		}
	}
}
