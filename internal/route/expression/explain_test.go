// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/route/expression"
)

func TestExplainShowsEveryPart(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for _, row := range []struct {
		s          *expression.Scope
		text, tree string
		reason     string
	}{
		{
			upload(), `int(object.size) > 20 && (object.name.endsWith(".csv") || has(object.metadata.force))`, `
int(object.size) > 20 && (object.name.endsWith(".csv") || has(object.metadata.fo…: false
  int(object.size) > 20: false
    int(object.size): 12
      object.size: "12"
  object.name.endsWith(".csv") || has(object.metadata.force): true
    object.name.endsWith(".csv"): true
      object.name: "sales/ü #1%.csv"
    has(object.metadata.force): false
`,
			`int(object.size) > 20 is false where object.size is "12"`,
		},
		{
			upload(), `path.region == "eu" && object.etag != "" && data.undeclared.b > 1`, `
path.region == "eu" && object.etag != "" && data.undeclared.b > 1: the event has no object.etag: ` +
				`test it with has(object.etag), or give a default with object.?etag.orValue(…) !
  path.region == "eu": true
    path.region: "eu"
  object.etag != "": the event has no object.etag: ` +
				`test it with has(object.etag), or give a default with object.?etag.orValue(…) !
    object.etag: absent !
  data.undeclared.b > 1: true
    data.undeclared.b: 1.10
`,
			`object.etag != "" is the event has no object.etag: test it with has(object.etag), or give a default with object.?etag.orValue(…) ` +
				`where object.etag is absent`,
		},
		{
			generic(order), `data.?none.?deep.?er.orValue("d") == "e" && data.?text.orValue("d") == "x" && ` +
				`has(data.lost.deep.er) && data.?items[?7].orValue(1) == 1`, `
data.?none.?deep.?er.orValue("d") == "e" && data.?text.orValue("d") == "x" && ha…: false
  data.?none.?deep.?er.orValue("d") == "e": false
    data.?none.?deep.?er.orValue("d"): "d"
      data.none.deep: absent !
  data.?text.orValue("d") == "x": true
    data.?text.orValue("d"): "x"
  has(data.lost.deep.er): false
    data.lost: absent !
  data.?items[?7].orValue(1) == 1: true
    data.?items[?7].orValue(1): 1
      data.items[7]: absent !
`,
			`data.?none.?deep.?er.orValue("d") == "e" is false where data.?none.?deep.?er.orValue("d") is "d", data.none.deep is absent`,
		},
		{
			generic(order), `data.items.exists(i, i.price > data.count) ? false : !data.flag`, `
data.items.exists(i, i.price > data.count) ? false : !data.flag: false
  data.items.exists(i, i.price > data.count): false
    data.items: a list
  !data.flag: false
    data.flag: true
`,
			`data.items.exists(i, i.price > data.count) ? false : !data.flag is false where data.flag is true`,
		},
		{
			upload(), `path.region in ["eu", "us"] && object.bucket in {"acme": 1}`, `
path.region in ["eu", "us"] && object.bucket in {"acme": 1}: true
  path.region in ["eu", "us"]: true
    path.region: "eu"
  object.bucket in {"acme": 1}: true
    object.bucket: "acme"
`,
			`path.region in ["eu", "us"] && object.bucket in {"acme": 1} is true where path.region is "eu", object.bucket is "acme"`,
		},
		{
			generic(order), `data.text in ["y", data.none, {"k": data.count}.k]`, `
data.text in ["y", data.none, {"k": data.count}.k]: false
  data.text: "x"
  ["y", data.none, {"k": data.count}.k]: a list
    data.none: null
    {"k": data.count}.k: 150
      {"k": data.count}: a map
        data.count: 150
`,
			`data.text in ["y", data.none, {"k": data.count}.k] is false where data.text is "x", data.none is null, data.count is 150`,
		},
		{
			generic(`"` + strings.Repeat("long ", 30) + `"`), `data == "short"`, `
data == "short": false
  data: "` + strings.Repeat("long ", 15) + `long…
`,
			`data == "short" is false where data is "` + strings.Repeat("long ", 15) + `long…`,
		},
		{generic(order), `data.flag`, "\ndata.flag: true\n", `data.flag is true`},
	} {
		e, _, problems := c.Expression(row.text)
		if len(problems) > 0 {
			t.Errorf("%s: %+v", row.text, problems)
			continue
		}
		part := e.Explain(t.Context(), row.s)
		if got := "\n" + tree(part, ""); got != row.tree {
			t.Errorf("%s is explained by%s\nwant%s", row.text, got, row.tree)
		}
		if got := part.Reason(); got != row.reason {
			t.Errorf("%s has the reason\n%s\nwant\n%s", row.text, got, row.reason)
		}
	}
}

// tree writes a part and its parts, one a line, and marks those that failed.
func tree(p expression.Part, indent string) string {
	line := indent + p.Text + ": " + p.Value
	if p.Failed {
		line += " !"
	}
	line += "\n"
	for _, part := range p.Parts {
		line += tree(part, indent+"  ")
	}
	return line
}
