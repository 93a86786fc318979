// SPDX-License-Identifier: Apache-2.0

package example

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/plainjson"
)

// json compares two JSON values. Of a part, what got has besides is left alone.
func (c *comparison) json(path string, want, got []byte, part bool) {
	c.values(path, parseJSON(want), parseJSON(got), part)
}

// parseJSON keeps the digits of numbers.
func parseJSON(text []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return string(text) // a conf is JSON, as is what was read
	}
	return value
}

func (c *comparison) values(path string, want, got any, part bool) {
	wantMap, isMap := want.(map[string]any)
	gotMap, gotIsMap := got.(map[string]any)
	wantList, isList := want.([]any)
	gotList, gotIsList := got.([]any)
	switch {
	case isMap && gotIsMap:
		c.members(path, wantMap, gotMap, part)
	case isList && gotIsList && len(wantList) == len(gotList):
		for i := range wantList {
			c.values(fmt.Sprintf("%s[%d]", path, i), wantList[i], gotList[i], part)
		}
	case !isMap && !isList && same(want, got):
	default:
		c.differ("%s is %s, and must be %s", path, written(got), written(want))
	}
}

func (c *comparison) members(path string, want, got map[string]any, part bool) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value, ok := got[name]
		if !ok {
			c.differ("%s is not there, and must be %s", member(path, name), written(want[name]))
			continue
		}
		c.values(member(path, name), want[name], value, part)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok && !part {
			c.differ("%s is %s, which is not said", member(path, name), written(got[name]))
		}
	}
}

// member is the path of a member.
func member(path, name string) string {
	if name == "" || strings.ContainsAny(name, ". []\"\n") {
		return path + "[" + strconv.Quote(name) + "]"
	}
	return path + "." + name
}

// same compares two values that are no map and no list. Two ways to write a
// fraction are the same number; whole numbers have but one.
func same(want, got any) bool {
	a, isNumber := want.(json.Number)
	b, gotIsNumber := got.(json.Number)
	if !isNumber || !gotIsNumber {
		return want == got
	}
	if a == b || !strings.ContainsAny(a.String()+b.String(), ".eE") {
		return a == b
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y
}

// maxWritten is the most characters of a value in a difference.
const maxWritten = 200

// written is a value as JSON, shortened.
func written(value any) string {
	plain, _ := plainjson.Marshal(value) // it was JSON
	text := []rune(string(plain))
	if len(text) > maxWritten {
		return string(text[:maxWritten]) + "…"
	}
	return string(text)
}
