// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
)

// Where a text stops being YAML is reported by the line that a person has to look at.
func TestParseErrorsHaveAPosition(t *testing.T) {
	t.Parallel()
	const before = "a:\n  - {b: 1,\n     c: 2}\n  - |\n    text\n    more\n"
	for _, row := range []struct{ name, text, want string }{
		{"nothing wrong", before, ``},
		{"windows line ends", strings.ReplaceAll(before, "\n", "\r\n"), ``},
		{"after a long value", "a: {b: 1,\n" + strings.Repeat(" c: 2,\n", 15) + "}\nd: e: f\ng: h\n", `18:5`},
		{"two keys in a line", before + "  - d: e: f\n  - g\n", `7:9`},
		{"indented too little", before + "  - d: e\n f: g\nh: i\n", `8:2`},
		{"a quote left open", before + "  - \"d\n  - e\nh: i\n", `7:5`},
		{"a brace left open", before + "  - {d: e\n  - f\nh: i\n", `7:5`},
		{"a tab", before + "\t- d\n", `7:1`},
		{"an alias of nothing", before + "  - *d\n", `7:5`},
		{"the last line", before + "b", `7:1`},
		{"a control character", before + "b: \x01", `7:1`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, problem := document.Parse([]byte(row.text))
			got := ""
			if problem != nil {
				f := document.Problem{File: "f", Position: problem.Position, What: "w", Fix: "x"}
				got = strings.TrimSuffix(strings.TrimPrefix(f.String(), "f:"), ": w: x")
			}
			if got != row.want {
				t.Errorf("stops at %s, want %s: %v", got, row.want, problem)
			}
		})
	}
}

// settings has a field of each type that a key can have.
type settings struct {
	text, word, secret string
	flag               bool
	number             int64
	time               time.Duration
	texts              map[string]string
}

func keys() []document.Key[settings] {
	return []document.Key[settings]{
		{Name: "text", Required: true, Example: "text: a", To: func(s *settings) any { return &s.text }},
		{Name: "word", Words: []string{"one", "two"}, Example: "word: one", To: func(s *settings) any { return &s.word }},
		{Name: "secret", Secret: true, Example: "secret: a", To: func(s *settings) any { return &s.secret }},
		{Name: "flag", Example: "flag: true", To: func(s *settings) any { return &s.flag }},
		{Name: "number", Example: "number: 12", To: func(s *settings) any { return &s.number }},
		{Name: "time", Example: "time: 5s", To: func(s *settings) any { return &s.time }},
		{Name: "texts", Example: "texts: {a: b}", To: func(s *settings) any { return &s.texts }},
	}
}

func TestMapReadsEachKeyByItsType(t *testing.T) {
	t.Parallel()
	root, problem := document.Parse([]byte("text: 2026-11-22\nword: two\nsecret: ''\nflag: true\nnumber: 12\ntime: 90s\ntexts: &t {a: " +
		"b, c: ''}\n"))
	if problem != nil {
		t.Fatal(problem)
	}
	var r document.Reader
	var s settings
	places := document.Map(&r, root, "it", keys(), &s).Places
	if s.text != "2026-11-22" || s.word != "two" || !s.flag || s.number != 12 || s.time != 90*time.Second || len(s.texts) != 2 ||
		s.texts["a"] != "b" {
		t.Errorf("read %+v", s)
	}
	if len(r.Problems) > 0 || len(places) != 7 || places["word"] != (document.Position{Line: 2, Column: 7}) {
		t.Errorf("problems %v, places %v", r.Problems, places)
	}
}

func TestMapErrors(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{"text: a", ``},
		{"text: 12", `f:1:7: text takes text, and this is the number 12: quote it: "12"`},
		{"text: !x a", `f:1:7: text takes text, and this is tagged !x: quote it: "!x a"`},
		{"text: [a]", `f:1:7: text takes text, and this is a list: write it as text: a`},
		{"text:", `f:1:6: text takes text, and this is nothing: write it as text: a`},
		{"{}", `f:1:1: it has no text: add it, such as text: a`},
		{"[]", `f:1:1: it is a map, and this is a list: write it as key: value`},
		{"text: a\nword: tow", `f:2:7: word is "tow": did you mean two?`},
		{"text: a\nword: three", `f:2:7: word is "three": use one of one, two`},
		{"text: a\nsecret: 4711", `f:2:9: secret takes text, and this is a number: quote it`},
		{"text: a\n'': b", `f:2:1: "" is not a key of it: use one of text, word, secret, flag, number, time, texts`},
		{"text: a\n\"b\\nc\": d", `f:2:1: "b\nc" is not a key of it: use one of text, word, secret, flag, number, time, texts`},
		{"text: a\ntexts: {\"\\u0007\": 1}", `f:2:19: texts.\a takes text, and this is the number 1: quote it: "1"`},
		{"text: a\nflag: yes", `f:2:7: flag takes true or false, and this is the text "yes": write flag: true`},
		{"text: a\nnumber: 1.5", `f:2:9: number takes a whole number, and this is the number 1.5: write it as number: 12`},
		{"text: a\nnumber: '12'", `f:2:9: number takes a whole number, and this is the text "12": write number: 12`},
		{"text: a\nnumber: 99999999999999999999", `f:2:9: number takes a whole number, and this is the number 99999999999999999999: ` +
			`write it as number: 12`},
		{"text: a\nnumber: !!int \"\\e[31m\"", `f:2:9: number takes a whole number, and this is the number "\x1b[31m": write it as number: 12`},
		{"text: a\nflag: " + strings.Repeat("y", 61), `f:2:7: flag takes true or false, and this is text: write it as flag: true`},
		{"text: a\ntime: '@hourly'", `f:2:7: time takes a duration such as 90s or 2d, and this is the text "@hourly": write it as time: 1h`},
		{"text: a\nelse: b", `f:2:1: else is not a key of it: use one of text, word, secret, flag, number, time, texts`},
		{"text: a\ntime: 5", `f:2:7: time takes a duration such as 90s or 2d, and this is the number 5: write it as time: 5s`},
		{"text: a\ntime: -5s", `f:2:7: time takes a duration such as 90s or 2d, and this is the text "-5s": write it as time: 5s`},
		{"text: a\ntexts: {a: 1}", `f:2:12: texts.a takes text, and this is the number 1: quote it: "1"`},
		{"text: a\ntexts: b", `f:2:8: texts is a map, and this is text: write it as key: value`},
	} {
		root, problem := document.Parse([]byte(row.text))
		if problem != nil {
			t.Fatal(problem)
		}
		r := document.Reader{File: "f"}
		document.Map(&r, root, "it", keys(), &settings{})
		if got := r.Problems.Error(); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}

func TestJSONKeepsWhatIsWritten(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{"{b: 1.50, a: 9007199254740993, c: [], d: {}}", `{"b":1.50,"a":9007199254740993,"c":[],"d":{}}`},
		{"[~, null, true, 0x10, 1_000, .5, '1', 2026-11-22, <ü>]", `[null,null,true,16,1000,0.5,"1","2026-11-22","<ü>"]`},
		{"{a: &x [1], b: *x}", `{"a":[1],"b":[1]}`},
		{"text", `"text"`},
		{".inf", `f:1:1: .inf is not valid JSON: quote it, or write a number, true, false or null`},
		{"!x 1", `f:1:1: 1 is not valid JSON: quote it, or write a number, true, false or null`},
		{"{1: 2}", `f:1:2: a key is text, and this is a number: quote it: "1"`},
		{strings.Repeat("[", 201) + strings.Repeat("]", 201), `f:1:201: this is nested over 200 levels: nest it less`},
		{"&x [*x]", `f:1:1: this is nested over 200 levels: nest it less`},
	} {
		var root yaml.Node
		if err := yaml.Unmarshal([]byte(row.text), &root); err != nil {
			t.Fatal(err)
		}
		r := document.Reader{File: "f"}
		got := string(r.JSON(root.Content[0]))
		if got += r.Problems.Error(); got != row.want {
			t.Errorf("%s is %s, want %s", row.text, got, row.want)
		}
	}
}

func TestProblemIsOneBoundedLine(t *testing.T) {
	t.Parallel()
	f := document.Problem{File: "f", Position: document.Position{Line: 1, Column: 2}, What: "a\nb\u0007\u2028", Fix: strings.Repeat("ü", 1001)}
	if got, want := f.String(), `f:1:2: a\nb\a`+"\u2028"+`: `+strings.Repeat("ü", 1000)+"…"; got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
}
