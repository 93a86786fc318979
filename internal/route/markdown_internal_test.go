// SPDX-License-Identifier: Apache-2.0

package route

import "testing"

func TestMarkdownIsEscapedInNotes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"gs://acme-landing/sales_2026/day=22/a b (1).csv, generation 7: finalized": "gs://acme-landing/sales_2026/day=22/a b (1).csv, " +
			"generation 7: finalized",
		"![x](https://evil.example/pixel.png)": `\!\[x\](https://evil.example/pixel.png)`,
		"[the log](javascript:alert(1))":       `\[the log\](javascript:alert(1))`,
		"<img src=x onerror=alert(1)> &amp; <https://evil.example>": `\<img src=x onerror=alert(1)\> \&amp; ` +
			`\<https://evil.example\>`,
		"**bold** _em_ __b__ ~~gone~~ a_b `code` a|b": "\\*\\*bold\\*\\* \\_em\\_ \\_\\_b\\_\\_ \\~\\~gone\\~\\~ " +
			"a_b \\`code\\` a\\|b",
		`back\slash`:                        `back\\slash`,
		"a\n\n# Heading\r\n- item":          "a  # Heading  - item",
		"# Heading":                         `\# Heading`,
		"a\u202etxt.\u200b\x1b[2J\x00":      `a txt.  \[2J `,
		"größe/日本語_ü.csv, with\xffbad UTF8": "größe/日本語_ü.csv, with\ufffdbad UTF8",
		"": "",
	} {
		if got := markdown(text); got != want {
			t.Errorf("markdown(%q) is %q, want %q", text, got, want)
		}
	}
}
