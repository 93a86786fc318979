// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/expression"
)

// What the documentation shows must work.
func TestExampleOfEveryKeyCompiles(t *testing.T) {
	t.Parallel()
	for _, key := range route.Keys() {
		lines := map[string]string{"name": "name: r", "on": "on: [object.finalized, message.published]", "dag": "dag: d"}
		switch key.Name {
		case "asset", "dataset":
			delete(lines, "dag")
		case "extra", "materialize":
			delete(lines, "dag")
			lines["asset"] = "asset: s3://acme/orders"
		}
		lines[key.Name] = key.Example
		if key.Name == "dags" {
			lines["dag"] = "dag: load_${data.region}"
		}
		if key.Name == "complete" {
			lines["object"] = "object: sales/{day=*}/*.csv"
		}
		if key.Name == "grace" || key.Name == "late" {
			lines["every"] = "every: 5m"
		}
		if key.Name == "reject" {
			delete(lines, "dag")
		}
		text := "-"
		for _, line := range lines {
			text += " " + line + "\n "
		}
		if problems := problemsOf(t, text, "prod"); problems != "" {
			t.Errorf("the example of %s: %s", key.Name, problems)
		}
		if !strings.HasPrefix(key.Example, key.Name+": ") || !strings.HasSuffix(key.Doc, ".") || key.Takes == "" {
			t.Errorf("%s is not documented: %+v", key.Name, key)
		}
	}
}

func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	var names []string
	for _, v := range expression.Variables() {
		names = append(names, v.Name)
		if v.Doc == "" {
			t.Errorf("%s has no documentation", v.Name)
		}
	}
	if got := strings.Join(names, " "); got != "event object message data path vars complete manifest" {
		t.Errorf("the variables are %s", got)
	}
}
