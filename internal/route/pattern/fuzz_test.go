// SPDX-License-Identifier: Apache-2.0

package pattern_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/route/pattern"
)

// FuzzMatch holds the matcher against a slow one that is obviously right.
func FuzzMatch(f *testing.F) {
	for _, row := range rows() {
		f.Add(row.text, row.name)
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := pattern.Parse(text)
		if err != nil || len(text) > 20 || len(name) > 40 {
			return // the obvious matcher takes exponential time
		}
		values, ok := p.Match(name)
		wantValues, wantOK := obvious(text, name)
		if ok != wantOK || !slices.Equal(values, wantValues) {
			t.Errorf("%q on %q = %q, %v, want %q, %v", text, name, values, ok, wantValues, wantOK)
		}
	})
}

// obvious matches by trying everything, longest first, as the language says.
func obvious(text, name string) (values []string, ok bool) {
	if text == "" {
		return nil, name == ""
	}
	literal, wildcard, rest, captures := cut(text)
	if wildcard == "" {
		if !strings.HasPrefix(name, literal) {
			return nil, false
		}
		return obvious(rest, name[len(literal):])
	}
	for end := len(name); end >= 0; end-- {
		if wildcard == "*" && strings.Contains(name[:end], "/") {
			continue
		}
		if values, ok := obvious(rest, name[end:]); ok {
			if captures {
				values = slices.Insert(values, 0, name[:end])
			}
			return values, true
		}
	}
	return nil, false
}

// cut splits the first byte or wildcard off a pattern that parses.
func cut(text string) (literal, wildcard, rest string, captures bool) {
	switch {
	case text[0] == '{':
		inside, rest, _ := strings.Cut(text[1:], "}")
		_, wildcard, _ := strings.Cut(inside, "=")
		return "", wildcard, rest, true
	case strings.HasPrefix(text, "**"):
		return "", "**", text[2:], false
	case text[0] == '*':
		return "", "*", text[1:], false
	}
	return text[:1], "", text[1:], false
}

// A long name and many wildcards take no more than their product.
func BenchmarkMatch(b *testing.B) {
	for _, bench := range []struct{ name, text, object string }{
		{"typical", "sales/{region=*}/{day=*}/*.csv", "sales/eu/2026-11-22/part-00000-of-00010.csv"},
		{"exact", "sales/eu/a.csv", "sales/eu/a.csv"},
		{"worst", "**" + strings.Repeat("a*", 100) + "b", strings.Repeat("a", 1023) + "b"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			p, err := pattern.Parse(bench.text)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := p.Match(bench.object); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}
