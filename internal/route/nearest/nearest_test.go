// SPDX-License-Identifier: Apache-2.0

package nearest_test

import (
	"testing"

	"example.com/dagtrigger/internal/route/nearest"
)

func TestOfGuessesTypingMistakesOnly(t *testing.T) {
	t.Parallel()
	names := []string{"bucket", "object", "objects", "contentType", "when", "deploy", "test"}
	for _, row := range []struct{ name, want string }{
		{"buckt", "bucket"},
		{"bukcet", "bucket"},
		{"object", "object"},
		{"objekt", "object"},
		{"contenttype", "contentType"},
		{"content_type", "contentType"},
		{"wen", "when"},
		{"if", ""},
		{"a", ""},
		{"", ""},
		{"schedule", ""},
		{"replay", ""},
		{"list", ""},
		{"hwen", "when"},
		{"then", ""},
		{"content", "contentType"},
		{"obj", ""},
		{"deployment", "deploy"},
		{"delpoy", "deploy"},
	} {
		if got := nearest.Of(row.name, names...); got != row.want {
			t.Errorf("Of(%q) = %q, want %q", row.name, got, row.want)
		}
	}
}

func TestJoinReadsAsASentence(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"a"}, "a"},
		{[]string{"b", "a"}, "a or b"},
		{[]string{"c", "b", "a"}, "a, b or c"},
	} {
		if got := nearest.Join(row.names...); got != row.want {
			t.Errorf("Join(%q) = %q, want %q", row.names, got, row.want)
		}
	}
}
