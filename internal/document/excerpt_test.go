// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/document"
)

func TestExcerptShowsTheLineAndACaret(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 150)
	text := "routes:\n\t- name: ü€\r\nnote: " + long + "\ntoken: hunter2\n" +
		"environments:\n  prod:\n    url: u\n    password: hunter2\n  lab: {}\nother: x\n"
	source := document.NewSource([]byte(text))
	for _, row := range []struct {
		line, column int32
		want         string
	}{
		{1, 1, "    routes:\n    ^\n"},
		{2, 11, "     - name: ü€\n              ^\n"}, // behind the end
		{3, 1, "    note: " + long[:66] + "…\n    ^\n"},
		{3, 120, "    …" + long[:72] + "…\n    " + strings.Repeat(" ", 37) + "^\n"},
		{0, 0, ""}, {9999, 1, ""}, // no place
		{4, 1, ""}, {7, 5, ""}, {9, 3, ""}, // a secret, and what is beside one
		{10, 1, "    other: x\n    ^\n"},
	} {
		if got := source.Excerpt(document.Position{Line: row.line, Column: row.column}); got != row.want {
			t.Errorf("%d:%d is\n%s, want\n%s", row.line, row.column, got, row.want)
		}
	}
}
