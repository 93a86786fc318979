// SPDX-License-Identifier: Apache-2.0

package habit_test

import (
	"testing"

	"example.com/dagtrigger/internal/route/habit"
)

// What routes are written with is no habit of another language.
func TestTextAndPatternReportNothingForValidText(t *testing.T) {
	t.Parallel()
	known := habit.Known{Object: true, Message: true, Captures: []string{"region"}}
	for _, text := range []string{
		"", "load_sales", "gs://${object.bucket}/${object.name}", "${path.region}", "$${literal}", `{"a": 1, "b": {}}`, `\d{3}`, "100 %",
		"5$", "{}", "{ }",
		`${has(object.md5Hash) ? {"a": "{x}"}["a"] : "}"}`, "a$", "US$ 5",
		"%Y%m%d", "a%C3%A9b", "like '%tmp%'", "50 %STAGE", `{"a": {"b": {"c": 1}}}`, "a@b.example", "#1", "<b>",
		`${object.name.replace("{x}", "$HOME")}`,
	} {
		if found, ok := habit.Text(text, known); ok {
			t.Errorf("Text(%q) = %+v", text, found)
		}
	}
	for _, text := range []string{
		"**", "*.csv", "sales/{region=*}/{day=*}/*.csv", "data.*", "_temporary/**", "a+b.csv", "a%20b/*", "v1.*", "!**/.*", "!**/tmp/**",
		"2026-11-22T00:00:00+00:00.csv", "projects/acme/topics/orders", "//pubsub.googleapis.com/**", "report (1).csv", "a$b",
		"**_$folder$", "{day=*}-{n=**}",
	} {
		if found, ok := habit.Pattern(text); ok {
			t.Errorf("Pattern(%q) = %+v", text, found)
		}
	}
	for _, text := range []string{`"a" == 'b'`, `object.name == "5 $"`} {
		if found := habit.InQuotes(text); len(found) > 0 {
			t.Errorf("InQuotes(%q) = %+v", text, found)
		}
	}
}

func FuzzFindings(f *testing.F) {
	for _, seed := range []string{
		"{{ ds }}", "a = b and c is not None", `f"{x}" if y else "z"`, "^(a|b)/[0-9]+.*$", "$(x) %(y)s {z}", `x like '%a_b%'`,
		"[a for b in c if d]", `"\`, "{a,{b,c}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := append(habit.Expression(text, habit.Known{Object: true}), habit.InQuotes(text)...)
		for _, find := range []func() (habit.Finding, bool){
			func() (habit.Finding, bool) { return habit.Text(text, habit.Known{Message: true}) },
			func() (habit.Finding, bool) { return habit.Pattern(text) },
		} {
			if one, ok := find(); ok {
				found = append(found, one)
			}
		}
		for _, one := range found {
			if one.Offset < 0 || one.Offset >= len(text) || one.What == "" || one.Fix == "" {
				t.Errorf("%q: %+v", text, one)
			}
		}
	})
}
