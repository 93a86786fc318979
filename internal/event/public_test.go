// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
)

// All public samples of events are accepted, as they are and in every other
// envelope. testdata/public/README.md names their sources and revisions.
func TestPublicFixturesAreAccepted(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/public/fixtures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	accepted, total := map[string]int{}, map[string]int{}
	for line := range bytes.Lines(raw) {
		var f struct {
			From    string
			Headers map[string]string
			Body    string
		}
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatal(err)
		}
		source, _, _ := strings.Cut(f.From, " ")
		total[source]++
		r := post(t, "", "Accept: */*")
		r.Header = http.Header{}
		for name, value := range f.Headers {
			r.Header.Set(name, value)
		}
		all, err := events(withBody(r, []byte(f.Body)))
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v", f.From, err)
			continue
		}
		accepted[source]++
		holdInOtherEnvelopes(t, &all[0])
	}
	for source, least := range map[string]int{"google-cloudevents": 30, "functions-framework-conformance": 30, "conformance": 15} {
		if accepted[source] != total[source] || total[source] < least {
			t.Errorf("%s: %d of %d are accepted, want all of at least %d", source, accepted[source], total[source], least)
		}
	}
	t.Logf("accepted %v of %v", accepted, total)
}
