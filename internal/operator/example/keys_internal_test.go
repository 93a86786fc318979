// SPDX-License-Identifier: Apache-2.0

package example

import (
	"testing"

	"example.com/dagtrigger/internal/document"
)

// A row of a table whose field has a type that no reader knows would end the program.
func TestEveryKeyHasAField(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]document.Entry{
		"a run": document.Entries(startKeys()), "a failure": document.Entries(failureKeys()), "a file": document.Entries(fileKeys()),
	} {
		if len(entries) == 0 {
			t.Errorf("%s has no keys", name)
		}
	}
}
