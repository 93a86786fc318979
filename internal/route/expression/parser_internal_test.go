// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
)

// The Pratt parser is quick, but ANTLR's is the one that the whole world runs:
// what that takes means the same here. (This one takes a little more: 0X1F.)
func sameParse(t *testing.T, l *language, text string) {
	t.Helper()
	source := common.NewTextSource(text)
	pratt, errs := l.tracker.Parse(source)
	env, err := l.env.Extend(cel.EnableMacroCallTracking(), cel.Macros(has()))
	if err != nil {
		t.Fatal(err)
	}
	antlr, issues := env.ParseSource(source)
	if issues.Err() != nil {
		return
	}
	if len(errs.GetErrors()) > 0 {
		t.Errorf("%q: Pratt says %s", text, errs.ToDisplayString())
		return
	}
	got, err1 := cel.ExprToString(pratt.Expr(), pratt.SourceInfo())
	want, err2 := cel.AstToString(antlr)
	if got != want || (err1 == nil) != (err2 == nil) {
		t.Errorf("%q: Pratt reads %s, %v\nANTLR reads %s, %v", text, got, err1, want, err2)
	}
}

func TestBothParsersAgree(t *testing.T) {
	t.Parallel()
	l, err := newLanguage()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"1", "-1", "- 1", "--1", "!a", "!!a", "1.5e3", "0x1F", "7u", ".5", "1.", "01", "9223372036854775808", "-9223372036854775808",
		`"a"`, `'a'`, `r"\d"`, `b"\xff"`, `br'\x'`, `"""a"b"""`, `'\u00e9\n'`, `"\q"`, `"a`, "'a\nb'", "true", "null", "in", "a in b", "!a in b",
		"a.b.c", "a.b(c).d[0]", "a[b][c]", "a.?b", "a[?0]", "a ? b : c ? d : e", "a || b && c", "a && b || c", "a == b != c", "a < b <= c",
		"a + b * c - d / e % f", "-a.b", "-(a)", "(a)", "((a))", "[1, 2,]", "[?a]", "[]", "{}", "{a: 1,}", `{"a": {"b": [1]}}`, "{?a: b}",
		"a{b: 1}", "a.b{}",
		"has(a.b)", "has(a.b.c.d)", "has(a)", "a.map(x, x + 1)", "a.filter(x, x > 1).exists(y, y)", "a.all(x)", "[1].exists_one(x, x == 1)",
		"optional.of(1).orValue(2)", "math.greatest(1, 2)", "a // comment", "a /* no */", "", " ", "a b", "a..b", "a.", "(a", "a)", "[a",
		"a = b", "a & b",
		"var", "a.var", "a.in", "if", "`a`", "a.`b-c`", "@a", "ü", "a\u00a0+ b", "\x00", "a\t+\r\nb",
	} {
		sameParse(t, l, text)
	}
}

func FuzzParsers(f *testing.F) {
	for _, text := range []string{"a && b", "has(a.b.c)", "{'a': [1, -2.5]}", "x.map(y, y ? 'a' : r'\\')", "1 +"} {
		f.Add(text)
	}
	l, err := newLanguage()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) { sameParse(t, l, text) })
}
