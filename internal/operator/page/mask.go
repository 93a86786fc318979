// SPDX-License-Identifier: Apache-2.0

package page

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/dagtrigger/internal/document"
)

// masked stands for a secret in the text of a routes file: the number is the secret's.
const masked = "__HIDDEN_BY_THE_PAGE_%d__"

// placeholder matches what stands for a secret.
var placeholder = regexp.MustCompile(`__HIDDEN_BY_THE_PAGE_(\d+)__`)

// secretLine matches a line of a file that is not valid YAML, and may have a secret.
var secretLine = regexp.MustCompile(`(?i)(password|token|secret|headers)["']?[ \t]*:`)

// mask replaces the secrets in the text of a routes file. It reports false where it
// does not know which part of the text is a secret.
func mask(text []byte) (string, bool) {
	if placeholder.Match(text) {
		return "", false
	}
	all, ok := secrets(text)
	if !ok {
		return "", false
	}
	shown := string(text)
	for i, secret := range all {
		if !strings.Contains(shown, secret) {
			return "", false // it is written with escapes
		}
		shown = strings.ReplaceAll(shown, secret, fmt.Sprintf(masked, i))
	}
	restored, err := unmask(shown, text)
	return shown, err == nil && string(restored) == string(text)
}

// unmask puts the secrets of the file's text back.
func unmask(shown string, file []byte) ([]byte, error) {
	all, ok := secrets(file)
	if !ok {
		return nil, errors.New("the file has a secret in a form that the page cannot hide: edit it elsewhere")
	}
	for i, secret := range slices.Backward(all) {
		shown = strings.ReplaceAll(shown, fmt.Sprintf(masked, i), secret)
	}
	if left := placeholder.FindString(shown); left != "" {
		return nil, fmt.Errorf("%s stands for no secret of the file: write the secret itself", left)
	}
	return []byte(shown), nil
}

// secrets are the texts of the file that are secrets, the longest first. It reports
// false where the file cannot be read, and may have some.
func secrets(text []byte) ([]string, bool) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, !secretLine.Match(text)
	}
	var found []string
	ok := collect(&root, &found, 0)
	slices.Sort(found)
	found = slices.Compact(found)
	slices.SortStableFunc(found, func(a, b string) int { return len(b) - len(a) })
	return found, ok
}

// collect adds the secrets below a node. Only the key environments has some, but a key
// by such a name is hidden wherever it stands.
func collect(node *yaml.Node, found *[]string, depth int) bool {
	if depth > maxDepth {
		return false
	}
	ok := true
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := strings.ToLower(node.Content[i].Value), document.Resolve(node.Content[i+1])
			switch {
			case !slices.Contains([]string{"password", "token", "oauth2_client_secret", "headers"}, key) || value.ShortTag() == "!!null":
				ok = collect(value, found, depth+1) && ok
			case value.Kind != yaml.ScalarNode || strings.Contains(value.Value, "\n"):
				ok = false
			case value.Value != "" && !variable.MatchString(value.Value):
				*found = append(*found, value.Value)
			}
		}
		return ok
	}
	for _, child := range node.Content {
		ok = collect(child, found, depth+1) && ok
	}
	return ok
}

// maxDepth is more than a routes file is nested.
const maxDepth = 100

// variable matches a value that is in an environment variable, and not in the file.
var variable = regexp.MustCompile(`^\$\{[A-Za-z0-9_.]+\}$`)
