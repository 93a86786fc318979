// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"fmt"
	"testing"

	"example.com/dagtrigger/internal/route/expression"
)

// What a routes file adds to the start of the function before its first route.
func BenchmarkNewCompiler(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		compiler(b)
	}
}

func BenchmarkCompile(b *testing.B) {
	c := compiler(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		if _, _, problems := c.Expression(fmt.Sprintf("int(object.size) > %d && object.name.endsWith('.csv')", n)); problems != nil {
			b.Fatal(problems)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	c := compiler(b)
	for _, bench := range []struct {
		name, text string
		s          func() *expression.Scope
	}{
		{"selection", "${object.name}", upload},
		{"text", "gs://${object.bucket}/${object.name}", upload},
		{"computed", "${int(object.size) > 0 && object.name.endsWith('.csv')}", upload},
	} {
		b.Run(bench.name, func(b *testing.B) {
			template, _, problems := c.Template(bench.text)
			if problems != nil {
				b.Fatal(problems)
			}
			b.ReportAllocs()
			s := bench.s()
			for n := 0; b.Loop(); n++ {
				if n%1000 == 999 {
					s = bench.s() // of one event there are not so many
				}
				if _, err := template.Text(b.Context(), s, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
