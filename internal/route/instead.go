// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// whenInstead is what to write for a condition that is not text.
func whenInstead(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.SequenceNode:
		var all []string
		for _, item := range node.Content {
			if item.Kind == yaml.ScalarNode {
				all = append(all, item.Value)
			}
		}
		if len(all) > 1 {
			return "join them with &&, as in " + shorten(strings.Join(all, " && "), maxReason)
		}
		return ""
	case node.ShortTag() != "!!bool":
		return ""
	case strings.EqualFold(node.Value, "false"):
		return "write enabled: false to switch the route off"
	}
	return "leave when out: the route then takes all that its other keys do"
}

// attributesInstead is what to write for attributes that are no map.
func attributesInstead(node *yaml.Node) string {
	var all []string
	for _, item := range append([]*yaml.Node{node}, node.Content...) {
		name, value, found := strings.Cut(item.Value, "=")
		name, value = strings.TrimSpace(name), strings.Trim(value, "= \"'")
		if found && name != "" && value != "" {
			all = append(all, name+": "+strconv.Quote(value))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "write attributes: {" + strings.Join(all, ", ") + "}"
}

// skipInstead is what to write for the beginning or the end of a name, which object
// excludes.
func skipInstead(node *yaml.Node) string {
	pattern := node.Value
	switch {
	case strings.HasPrefix(pattern, "."):
		pattern = "**" + pattern
	case strings.HasPrefix(pattern, "*"):
		pattern = "**" + strings.TrimLeft(pattern, "*")
	case strings.HasSuffix(pattern, "/"):
		pattern += "**"
	case !strings.ContainsAny(pattern, "*/"):
		return ""
	}
	return `exclude it with object: ["**", ` + strconv.Quote("!"+pattern) + "]"
}
