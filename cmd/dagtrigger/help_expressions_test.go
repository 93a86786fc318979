// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/example"
)

// nested is text with each line after indent.
func nested(text, indent string) string {
	return indent + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+indent) + "\n"
}

// TestRecipesStartWhatTheySay tries each recipe of the help on its event.
func TestRecipesStartWhatTheySay(t *testing.T) {
	t.Parallel()
	if len(recipes) < 15 {
		t.Errorf("there are %d recipes, want fifteen", len(recipes))
	}
	for _, r := range recipes {
		routes := "routes:\n  - name: r\n" + nested(r.route, "    ")
		for key, line := range map[string]string{"on": "object.finalized", "dag": "load"} {
			if !strings.Contains(routes, "\n    "+key+": ") {
				routes += "    " + key + ": " + line + "\n"
			}
		}
		starts := "    starts: []\n"
		if r.want != "" {
			starts = "    starts:\n      - route: r\n" + nested(r.want, "        ")
		}
		file, err := config.Parse("routes.yaml", []byte(routes))
		if err != nil {
			t.Errorf("%s\n%v\n%s", r.title, err, routes)
			continue
		}
		suite, err := example.Parse("r_test.yaml", []byte("config: routes.yaml\ntests:\n  - name: n\n"+nested(r.event, "    ")+starts))
		if err != nil {
			t.Errorf("%s\n%v", r.title, err)
			continue
		}
		for _, result := range suite.Try(t.Context(), file.Table) {
			for _, d := range result.Differences {
				t.Errorf("%s\n%s\nin\n%s", r.title, d, routes)
			}
		}
	}
}
