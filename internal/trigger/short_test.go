// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/dagtrigger/internal/trigger"
)

// A message of 6 MB that ten routes want made 60 MB of answers.
func TestFieldsOfAnswersAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 1<<20)
	o := trigger.Outcome{EventID: long, Route: "r", Environment: long, DAGID: long, RunID: long, Reason: "x" + long}
	o.Shorten()
	for _, field := range []string{o.EventID, o.Environment, o.DAGID, o.RunID, o.Reason} {
		if len(field) > 1<<10 || !utf8.ValidString(field) || !strings.HasSuffix(field, "…") {
			t.Errorf("a field of an outcome has %d bytes and ends in %q", len(field), field[len(field)-3:])
		}
	}
	if o.Route != "r" {
		t.Errorf("the route is %q", o.Route)
	}
}
