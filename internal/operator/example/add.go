// SPDX-License-Identifier: Apache-2.0

package example

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/route"
)

// Field is a key of an example and its value: a text, a number, a map of texts, or JSON.
type Field struct {
	Key   string
	Value any
}

// Add appends an example to the file at path, with what the routes of the table make of
// its event now. A file that does not exist is begun, for the routes file named. The
// rest of the file stays as it is.
func Add(ctx context.Context, path, routes string, table *route.Table, fields []Field) error {
	file, err := readFile(path)
	mode := fs.FileMode(0o644)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		file = []byte("config: " + filepath.Base(routes) + "\ntests:\n")
	case err != nil:
		return err
	default:
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		mode = info.Mode()
	}
	before, err := Parse(path, file)
	if err != nil && before.hasTests() {
		return err
	}
	indent, err := before.end()
	if err != nil {
		return err
	}
	mapped, err := mappingOf(fields)
	if err != nil {
		return err
	}
	appended := func() ([]byte, Suite, error) {
		added, err := item(mapped, indent)
		if err != nil {
			return nil, Suite{}, err
		}
		all := slices.Concat(bytes.TrimRight(file, " \n"), []byte("\n"+added))
		after, err := Parse(path, all)
		return all, after, err
	}
	_, after, err := appended()
	if err != nil {
		return err
	}
	r := after.Examples[len(after.Examples)-1].try(ctx, table)
	if r.Refused {
		return fmt.Errorf("the event is not one that the function takes: %s", strings.Join(r.Differences, "; "))
	}
	mapped.Content = append(mapped.Content, text("starts"), list(nil, r.Starts, startNode))
	if len(r.Fails) > 0 {
		mapped.Content = append(mapped.Content, text("fails"), list(nil, r.Fails, failureNode))
	}
	all, _, err := appended()
	if err != nil {
		return err
	}
	return os.WriteFile(path, all, mode)
}

// hasTests reports whether the file has a list of examples.
func (s Suite) hasTests() bool {
	if s.root == nil {
		return true
	}
	tests := valueOf(s.root, "tests")
	return tests != nil && tests.ShortTag() != "!!null"
}

// end is the indent of the examples, where another can be appended to the text.
func (s Suite) end() (int, error) {
	tests := valueOf(s.root, "tests")
	if tests == nil || tests.Kind == yaml.ScalarNode {
		return 2, nil // a new file
	}
	isLast := s.root.Content[len(s.root.Content)-1] == tests
	if tests.Kind != yaml.SequenceNode || tests.Style&yaml.FlowStyle != 0 || !isLast {
		return 0, fmt.Errorf("%s: an example can be added only where tests is the last key, and a list with a line for each -: "+
			"move it to the end of the file", s.Name)
	}
	return tests.Column - 1, nil
}

// mappingOf are the keys of an example.
func mappingOf(fields []Field) (*yaml.Node, error) {
	mapped := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fields {
		b, err := json.Marshal(f.Value)
		if err != nil {
			return nil, fmt.Errorf("%s is not JSON: %w", f.Key, err)
		}
		mapped.Content = append(mapped.Content, text(f.Key), jsonNode(b))
	}
	return mapped, nil
}

// item is an example as an item of a list.
func item(mapped *yaml.Node, indent int) (string, error) {
	b, err := write(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{mapped}})
	if err != nil {
		return "", err
	}
	margin := strings.Repeat(" ", indent)
	var lines strings.Builder
	for line := range strings.Lines(string(b)) {
		lines.WriteString(margin + line)
	}
	return lines.String(), nil
}
