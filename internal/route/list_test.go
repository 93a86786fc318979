// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route"
)

func TestDecodeListReadsAnyListAndKeepsPlaces(t *testing.T) {
	t.Parallel()
	const two = "- name: a\n  on: '*'\n  dag: d\n\n# comment\n- name: b\n  when: x\n"
	for _, row := range []struct {
		text string
		want string // name, and the line of the first key
	}{
		{"", "[]"},
		{"# none\n", "[]"},
		{"[]", "[]"},
		{two, "[a 11 b 16]"},
		{"# first\n\n  - name: a\n  -\n    name: b\n  - {name: c}\n", "[a 13 b 15 c 16]"},
		{"- name: a\r\n- name: b\r\n", "[a 11 b 12]"},
		{"[{name: a},\n {name: b}]", "[a 11 b 12]"},
		{"- {name: a,\n- name: b}", "did not find expected"},
		{"- name: a\n  note: |\n    - name: no\n    - x\n- name: b", "[a 11 b 15]"},
		{"- name: a\n  note: \"x\n- name: no\"\n- name: b", "[a 11 b 14]"},            // a quoted line like an item
		{"- name: &n a\n- name: b\n  note: *n", "[a 11 b 12]"},                        // an anchor of another item
		{"- name: a\n  conf:\n  - x\n  - y: - z\n", "block sequence entries are not"}, // an item within an item
		{"- name: a\n---\n- name: b", "[a 11] 12:1: a second document begins: keep one document in a file"},
		{"  - name: a\n  on: x\n", "did not find expected"},
		{"routes: x", "[] 11:1: routes is a list, and this is a map: write it as a list, each route an item that begins with -"},
		{"text", "[] 11:1: routes is a list, and this is text: write it as a list, each route an item that begins with -"},
		{"- name: a\n\tx: y", "found a tab character"},
	} {
		var r document.Reader
		specs, err := route.DecodeList(&r, []byte(row.text), 11)
		var read []string
		for _, s := range specs {
			read = append(read, s.Name.Value, fmt.Sprint(s.Name.Line))
		}
		var own document.Problems // not those of the routes, which are none
		for _, f := range r.Problems {
			if strings.Contains(f.What, "second document") || strings.Contains(f.What, "is a list") {
				own = append(own, f)
			}
		}
		got := strings.TrimSpace(fmt.Sprint(read) + " " + listed(own))
		if err != nil && !strings.Contains(err.Error(), row.want) || err == nil && got != row.want {
			t.Errorf("%q is %s, %v\nwant %s", row.text, got, err, row.want)
		}
	}
}

// FuzzDecodeList holds reading item by item to reading all at once.
func FuzzDecodeList(f *testing.F) {
	for _, text := range []string{good, "- a\n- b", "-\n  - x", "- 'x\n- y'", "- {a: b,\n- c}", "- &a b\n- *a", "- |\n  - x\n-",
		"# c\n - a\n - b\n- c", "- a\n..."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r document.Reader
		specs, err := route.DecodeList(&r, []byte(text), 1)
		var root, rest yaml.Node
		documents := yaml.NewDecoder(strings.NewReader(text))
		whole := documents.Decode(&root)
		if more := documents.Decode(&rest); whole == nil && more != nil && !errors.Is(more, io.EOF) {
			whole = more
		} else if whole == nil && more == nil {
			return // reported as a problem
		}
		if errors.Is(whole, io.EOF) {
			whole = nil
		}
		if (err == nil) != (whole == nil) {
			t.Fatalf("%q: %v item by item, %v at once", text, err, whole)
		}
		if err != nil || root.Kind == 0 || root.Content[0].Kind != yaml.SequenceNode {
			return
		}
		var wantSpecs []route.Spec
		var want document.Reader
		for _, node := range root.Content[0].Content {
			wantSpecs = append(wantSpecs, route.Decode(&want, node))
		}
		if got, want := fmt.Sprintf("%+v %v", specs, r.Problems), fmt.Sprintf("%+v %v", wantSpecs, want.Problems); got != want {
			t.Errorf("%q is, item by item,\n%s\nand at once\n%s", text, got, want)
		}
	})
}
