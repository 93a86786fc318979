// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/route/expression"
)

// FuzzTemplate holds templates to what any text promises: no panic, problems
// within the text, and text that is escaped means itself.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"gs://${object.bucket}/${object.name}", "$${x}", "${", "${}", `${"}"}`, "${{'a': 1}}", "a${data}b${",
		"$$${1}"} {
		f.Add(text)
	}
	c := compiler(f)
	scope := upload()
	f.Fuzz(func(t *testing.T, text string) {
		template, uses, problems := c.Template(text)
		for _, problem := range problems {
			if problem.Offset < 0 || problem.Offset > len(text) || problem.What == "" || problem.Fix == "" {
				t.Errorf("%q has the problem %+v", text, problem)
			}
		}
		for _, use := range uses {
			if use.Offset < 0 || use.Offset > len(text) {
				t.Errorf("%q uses %+v", text, use)
			}
		}
		if len(problems) == 0 {
			b := expression.Output{Most: 1 << 20}
			if err := template.JSON(t.Context(), scope, &b); err == nil && !json.Valid(b.Bytes()) {
				t.Errorf("%q gives %s, which is not valid JSON", text, &b)
			}
		}
		escaped, _, problems := c.Template(strings.ReplaceAll(text, "${", "$${"))
		if literal, ok := escaped.Literal(); !ok || problems != nil || literal != text {
			t.Errorf("%q escaped means %q, %+v", text, literal, problems)
		}
	})
}
