// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"
	"strings"
	"testing"
)

// Any text is decoded without a crash; each error has a text and a place within the
// file; and routes that are decoded separately are the same, with the same errors, as
// those of the whole file.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "routes:\n  - name: r\n    on: x\n    dag: d\n", "routes: []", "routes:\n- &a {name: r}\n- *a\n", "a: 'x\nroutes: y'",
		"routes:\n - 1\n# c\n\n - 2\nenvironments: {a: {url: x}}", "{routes: [{name: r, on: x, dag: '${event.id}'}]}",
		"environments:\n  a: &x {url: 'http://127.0.0.1'}\nroutes:\n  - name: r\n    conf: *x\n",
		"routes: # c\n- name: |\n    x\n  on: \"\n\n  \"\n", "routes:\r\n- name: r\r\n  on: x\r\n", "\ufeffroutes:\n- {}\n",
		"x: |\n routes:\nroutes:\n- {}\n...\n", "? routes\n: []", "routes:\n- a\u2028- b\nc: d", "routes:\n- a\r- b\nc: d",
		"routes:\n- {}\nroutes:\n- {}\n", "routes:\n- {}\nx: \"\nroutes:\n\"", "routes: # c\n- naon: \"",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Parse("f", text)
		if (err == nil) != (got.Table != nil) {
			t.Errorf("a table %v beside the error %v", got.Table, err)
		}
		r := newFileReader("f", text)
		want, wantErr := r.read(r.open(text))
		for _, problem := range r.Problems {
			if strings.ContainsAny(problem.String(), "\n\r") || problem.What == "" || problem.Fix == "" || problem.Line < 0 ||
				int(problem.Line) > len(text)+2 {
				t.Errorf("an error without text or place: %+v", problem)
			}
		}
		if !reflect.DeepEqual(err, wantErr) {
			t.Errorf("%q, read apart:\n%v\nread whole:\n%v", text, err, wantErr)
		}
		if got.Table, want.Table = nil, nil; err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read otherwise whole", text)
		}
	})
}
