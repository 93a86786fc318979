// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// What is wrong with a second document in a file, and the fix.
const (
	secondDocument = "a second document begins"
	oneDocument    = "keep one document in a file"
)

// Parse returns the root of the one document that text holds, or what keeps it
// from being one.
func Parse(text []byte) (*yaml.Node, *Problem) {
	if !utf8.Valid(text) {
		return nil, &Problem{Position: invalidUTF8(text), What: "the file is not UTF-8", Fix: "save it as UTF-8"}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) || err == nil && isNothing(first.Content[0]) {
		return nil, &Problem{Position: Position{1, 1}, What: "the file is empty", Fix: "write it, or leave it out"}
	}
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch {
	case errors.Is(err, io.EOF):
		return first.Content[0], nil
	case err != nil:
		return nil, broken(text, err)
	}
	return nil, &Problem{Position: At(&second), What: secondDocument, Fix: oneDocument}
}

// invalidUTF8 is where text stops being UTF-8.
func invalidUTF8(text []byte) Position {
	valid := 0
	for valid < len(text) {
		c, size := utf8.DecodeRune(text[valid:])
		if c == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	line := text[bytes.LastIndexByte(text[:valid], '\n')+1 : valid]
	return Position{int32(bytes.Count(text[:valid], []byte("\n")) + 1), int32(utf8.RuneCount(line) + 1)}
}

// broken is the error of text that is not valid YAML, where its cause stands. What an
// anchor is called is left out: a password that begins with * looks like one.
func broken(text []byte, err error) *Problem {
	at := stop(text)
	if f, ok := diagnose(text, at); ok {
		return f
	}
	what := regexp.MustCompile(`^yaml: (line \d+: )?`).ReplaceAllString(err.Error(), "")
	if strings.HasPrefix(what, "unknown anchor") {
		what = "an alias names no anchor"
	}
	return &Problem{
		Position: at, What: notYAML + what,
		Fix: `indent with blanks, and quote text that begins with * & ! @ % | > { [ " ' or holds ": " or " #"`,
	}
}

// ahead is how many lines a value may go on before stop takes it for broken.
const ahead = 20

// stop is where text stops being YAML: the line after the most lines from its
// beginning that are YAML. The parser's own errors name other lines, or none.
func stop(text []byte) Position {
	ends := []int{0}
	for i, c := range text {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	good := sort.Search(len(ends), func(n int) bool {
		return !slices.ContainsFunc(ends[n:min(n+ahead, len(ends))], func(end int) bool { return isYAML(text[:end]) })
	}) - 1
	line, _, _ := bytes.Cut(text[ends[max(good, 0)]:], []byte("\n"))
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	return Position{int32(max(good, 0) + 1), int32(indent + 1)}
}

func isYAML(text []byte) bool {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		if err := decoder.Decode(&node); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
