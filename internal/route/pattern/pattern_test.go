// SPDX-License-Identifier: Apache-2.0

package pattern_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/route/pattern"
)

// takes is a row of what a pattern makes of a name: it matches, and captures.
func takes(text, name string, values ...string) row { return row{text, name, true, values} }

// leaves is a row of a name that a pattern does not match.
func leaves(text, name string) row { return row{text, name, false, nil} }

type row struct {
	text, name string
	ok         bool
	values     []string
}

func rows() []row {
	long := strings.Repeat("a", 1024)
	return []row{
		takes("sales.csv", "sales.csv"),
		leaves("sales.csv", "sales_csv"),
		leaves("sales.csv", "sales.csv.gz"),
		leaves("sales.csv", "old/sales.csv"),
		leaves("Sales.csv", "sales.csv"),

		// * is zero or more characters but /.
		takes("sales/*.csv", "sales/a.csv"),
		takes("sales/*.csv", "sales/.csv"),
		leaves("sales/*.csv", "sales/eu/a.csv"),
		leaves("sales/*", "sales"),
		takes("sales/*", "sales/"),
		takes("*", ""),
		takes("*", "a"),
		leaves("*", "a/"),
		takes("*/*", "/"),
		takes("a*b*c", "abc"),
		takes("a*b*c", "aXbYc"),
		takes("a*b*c", "abbbcc"),
		leaves("a*b*c", "abcd"),
		leaves("a*a", "a"),

		// ** is zero or more of any.
		takes("**", ""),
		takes("**", "a/b/c"),
		takes("sales/**", "sales/"),
		takes("sales/**", "sales/eu/2026/a.csv"),
		leaves("sales/**", "sales"),
		takes("**/a.csv", "/a.csv"),
		takes("**/a.csv", "x/y/a.csv"),
		leaves("**/a.csv", "a.csv"),
		takes("**.csv", "a.csv"),
		takes("**a**", "bab"),

		// ** beside *.
		takes("**/*.csv", "x/y/a.csv"),
		leaves("**/*.csv", "x/y/a.csv/z"),
		takes("**a*b", "a/ab"),
		takes("**a*b", "aXb"),
		leaves("**a*b", "a/b"),
		takes("*/**", "a/"),
		leaves("*/**", "a"),
		takes("a/**/z", "a//z"),
		leaves("a/**/z", "a/z"),

		// Captures.
		takes("sales/{region=*}/{day=*}/*.csv", "sales/eu/2026-11-22/a.csv", "eu", "2026-11-22"),
		takes("{a=*}", "", ""),
		takes("{all=**}", "a/b", "a/b"),
		takes("{dir=**}/{file=*}", "a/b/c.csv", "a/b", "c.csv"),
		takes("{dir=**}/{file=*}", "/c.csv", "", "c.csv"),

		// Each wildcard, from left to right, takes as much as it can.
		takes("{base=*}.{ext=*}", "a.tar.gz", "a.tar", "gz"),
		takes("{table=*}_{day=*}.csv", "my_table_20261122.csv", "my_table", "20261122"),
		takes("{a=**}{b=**}", "x/y", "x/y", ""),
		takes("{a=*}{b=**}", "x/y", "x", "/y"),
		takes("{a=**}/{b=**}", "x/y/z", "x/y", "z"),
		takes("*{a=*}", "xyz", ""),
		takes("{a=*}ab{b=*}", "ababab", "abab", ""),
		takes("**/{a=*}-{b=**}", "p/q-r/s-t/u", "s", "t/u"),

		// Names as ugly as Cloud Storage allows, and a few that it does not.
		takes("a b/{c=*}", "a b/c d ", "c d "),
		takes("100%/{c=*}", "100%/%20#1", "%20#1"),
		takes("a/{c=*}", "a/one\ntwo", "one\ntwo"),
		takes("ürün/{c=*}.csv", "ürün/日本語.csv", "日本語"),
		takes("{c=*}é", "eée\u0301é", "eée\u0301"),
		takes("*", "{a=*}"),
		takes("a?[b]", "a?[b]"),
		leaves("a?", "ab"),
		takes(`a\*`, `a\b`),
		takes("{c=*}", long, long),
		takes(long, long),
		takes("**"+strings.Repeat("a*", 100), long),
		leaves("**"+strings.Repeat("a*", 100)+"b", long),
		takes("{c=**}b", strings.Repeat("a/", 512)+"b", strings.Repeat("a/", 512)),
		takes("*\xff*", "a\xffb"),
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, row := range rows() {
		p, err := pattern.Parse(row.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", row.text, err)
			continue
		}
		values, ok := p.Match(row.name)
		if ok != row.ok || !slices.Equal(values, row.values) {
			t.Errorf("%q on %q = %q, %v, want %q, %v", row.text, row.name, values, ok, row.values, row.ok)
		}
		if !strings.HasPrefix(row.name, p.Prefix()) && row.ok {
			t.Errorf("%q has the prefix %q, which %q has not", row.text, p.Prefix(), row.name)
		}
	}
}

func TestParseErrorsNameTheFix(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text   string
		offset int
		want   string
	}{
		{"", 0, "the pattern is empty: write ** to match everything, or leave it out"},
		{"a/***", 2, "*** is no wildcard: write * for any characters but /, or ** for any at all"},
		{"a/{region}/b", 2, "{region} does not say what it takes: write {region=*} or {region=**}"},
		{"a/{region=eu*}", 2, "{region=eu*} takes neither * nor **: write {region=*} or {region=**}, and what is fixed outside the braces"},
		{"a/{region=}", 2, "{region=} takes neither * nor **: write {region=*} or {region=**}, and what is fixed outside the braces"},
		{"a/{=*}", 2, "{=*} is no capture: write a capture as {name=*} or {name=**}, its name made of letters, digits and _"},
		{"a/{}", 2, "{} is no capture: write a capture as {name=*} or {name=**}, its name made of letters, digits and _"},
		{"a/{1st=*}", 2, "{1st=*} is no capture: write a capture as {name=*} or {name=**}, its name made of letters, digits and _"},
		{"a/{in=*}", 2, "{in=*} is no capture: write a capture as {name=*} or {name=**}, its name made of letters, digits and _"},
		{"a/{größe=*}", 2, "{größe=*} is no capture: write a capture as {name=*} or {name=**}, its name made of letters, digits and _"},
		{"a/{b=*", 2, "{ is not closed: write a capture as {name=*} or {name=**}"},
		{"a/b}", 3, "} closes nothing: write a capture as {name=*} or {name=**}"},
		{"{a=*}/{a=**}", 6, "a is captured twice: give the second another name"},
	} {
		_, err := pattern.Parse(row.text)
		problem, ok := err.(*pattern.Problem) //nolint:errorlint // Parse promises this very type
		if !ok || problem.Error() != row.want || problem.Offset != row.offset {
			t.Errorf("Parse(%q) = %v\nwant %s at %d", row.text, err, row.want, row.offset)
		}
	}
}

func TestExactAndPrefixAndNames(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text, prefix string
		exact        bool
		names        []string
	}{
		{"a/b", "a/b", true, nil},
		{"a/*", "a/", false, nil},
		{"*", "", false, nil},
		{"{x=*}/a", "", false, []string{"x"}},
		{"a{x=*}{y=**}", "a", false, []string{"x", "y"}},
	} {
		p, err := pattern.Parse(row.text)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != row.text || p.Prefix() != row.prefix || p.Exact() != row.exact || !slices.Equal(p.Names(), row.names) {
			t.Errorf("%q: prefix %q, exact %v, names %q", p, p.Prefix(), p.Exact(), p.Names())
		}
	}
}
