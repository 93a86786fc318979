// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// tree is parsed JSON that takes little more memory than its text: eight bytes
// for each value, and eight more for each object or array, so at most eight
// times its size. Maps of Go take up to ninety times.
//
// A value is a position in spans. Each method takes constant time, or time that
// grows with the number of members of one object; that is counted in work. One
// goroutine may use a tree.
type tree struct {
	text  string
	spans []span
	work  int // members and elements that were looked at

	// What is asked for again and again is kept, where it is large.
	found    map[int32]int      // how often a member was searched, by object
	members  map[int32][]member // of an object, sorted by name
	elements map[int32][]int32  // of an array
	unquoted map[int32]string   // strings with escapes
}

// span is the part of the text that a value takes, quotes and brackets
// included. An object or array has a second span: where the next value is,
// and how many elements or members it has itself.
type span struct{ start, end uint32 }

// escaped marks the end of a string that has escapes. Bodies are smaller.
const escaped = 1 << 31

// member is a member of an object: of several with one name the last.
type member struct {
	name  string
	value int32
}

// node is a value of a tree.
type node struct {
	*tree
	at int32
}

// Bounds below which nothing is kept.
const (
	manyMembers  = 16   // of an object or array
	manySearches = 2000 // members of one object, again and again
	longString   = 256  // bytes
)

// maxSpans bounds the memory of a tree, at 8 bytes each. Text that Pub/Sub takes,
// of 10 MB, has more only where its values have a byte or none each.
const maxSpans = 6 << 20

// errTooMany says that a tree would be too large.
var errTooMany = fmt.Errorf("its JSON has over %d million values, arrays and objects, and takes too much memory: send it in several events",
	maxSpans>>20)

// parse reads valid JSON, which must not change as long as the tree is used. The
// error is [errTooMany].
func parse(json []byte) (node, error) {
	t := &tree{text: view(json)}
	count := countSpans(t.text)
	if count > maxSpans {
		return node{}, errTooMany
	}
	t.spans = make([]span, 0, count)
	p := treeParser{tree: t}
	p.value()
	return node{t, 0}, nil
}

// view is bytes as a string, without a copy: an event is up to 16 MiB, and nothing
// changes it.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// countSpans returns how many spans the text takes.
func countSpans(text string) int {
	commas, names, containers, empty := 0, 0, 0, 0
	opened := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
			continue
		case '"':
			i += quotedEnd(text[i:]) - 1
		case ',':
			commas++
		case ':':
			names++
		case '{', '[':
			containers++
			opened = true
			continue
		case '}', ']':
			if opened {
				empty++
			}
		}
		opened = false
	}
	return 1 + commas + names + 2*containers - empty
}

// quotedEnd returns the length of the JSON string that text begins with. A quote
// ends it unless an odd number of backslashes stands before it; each is counted once.
func quotedEnd(text string) int {
	for i := 1; i < len(text); i++ {
		at := strings.IndexByte(text[i:], '"')
		if at < 0 {
			break
		}
		i += at
		if escapes := i - len(strings.TrimRight(text[:i], `\`)); escapes%2 == 0 {
			return i + 1
		}
	}
	return len(text)
}

type treeParser struct {
	*tree
	pos int
}

func (p *treeParser) skipSpace() byte {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

func (p *treeParser) value() {
	switch p.skipSpace() {
	case '{':
		p.container('}')
	case '[':
		p.container(']')
	case '"':
		p.quoted()
	default:
		start := p.pos
		for p.pos < len(p.text) && !strings.ContainsRune(" \t\r\n,]}", rune(p.text[p.pos])) {
			p.pos++
		}
		p.spans = append(p.spans, span{uint32(start), uint32(p.pos)})
	}
}

func (p *treeParser) quoted() {
	start := p.pos
	p.pos += quotedEnd(p.text[start:])
	end := uint32(p.pos)
	if strings.IndexByte(p.text[start:p.pos], '\\') >= 0 {
		end |= escaped
	}
	p.spans = append(p.spans, span{uint32(start), end})
}

func (p *treeParser) container(last byte) {
	at := len(p.spans)
	p.spans = append(p.spans, span{start: uint32(p.pos)}, span{})
	p.pos++
	count := uint32(0)
	for p.pos < len(p.text) {
		switch p.skipSpace() {
		case last, 0:
			p.pos++
			p.spans[at].end = uint32(p.pos)
			p.spans[at+1] = span{uint32(len(p.spans)), count}
			return
		case ',':
			p.pos++
			continue
		}
		if last == '}' {
			p.quoted()
			p.skipSpace()
			p.pos++ // the colon
		}
		p.value()
		count++
	}
}

// raw is the text of a value as it stands in the JSON.
func (n node) raw() string {
	s := n.spans[n.at]
	return n.text[s.start : s.end&^escaped]
}

// kind is the first byte of a value, which gives its type.
func (n node) kind() byte { return n.text[n.spans[n.at].start] }

func (n node) isNumber() bool { return n.kind() == '-' || '0' <= n.kind() && n.kind() <= '9' }

// native is a value as a [Scope] holds it: a node where it has members or
// elements, and a number with its own text.
func (n node) native() any {
	switch n.kind() {
	case '{', '[':
		return n
	case '"':
		return n.string(n.at)
	case 't', 'f':
		return n.kind() == 't'
	case 'n':
		return nil
	}
	return json.Number(n.raw())
}

func (n node) isContainer() bool { return n.kind() == '{' || n.kind() == '[' }

// count is how many elements or members an array or object has in the text.
func (n node) count() int { return int(n.spans[n.at+1].end) }

// size is how much there is in a value: its values, and its bytes.
func (n node) size() (values, bytes int) {
	bytes = len(n.raw())
	if !n.isContainer() {
		return 1, bytes
	}
	return int(n.spans[n.at+1].start) - int(n.at), bytes
}

// after is the position behind a value.
func (t *tree) after(at int32) int32 {
	if (node{t, at}).isContainer() {
		return int32(t.spans[at+1].start)
	}
	return at + 1
}

// string returns the text of a JSON string.
func (t *tree) string(at int32) string {
	s := t.spans[at]
	if s.end&escaped == 0 {
		return t.text[s.start+1 : s.end-1]
	}
	if text, ok := t.unquoted[at]; ok {
		return text
	}
	raw := t.text[s.start : s.end&^escaped]
	text := unquote(raw)
	if len(raw) >= longString {
		if t.unquoted == nil {
			t.unquoted = map[int32]string{}
		}
		t.unquoted[at] = text
	}
	return text
}

// isText reports whether a JSON string has a text.
func (t *tree) isText(at int32, text string) bool {
	s := t.spans[at]
	if s.end&escaped == 0 {
		return t.text[s.start+1:s.end-1] == text
	}
	return isQuoted(t.text[s.start:s.end&^escaped], text)
}

// find returns the member of an object that has a name.
func (n node) find(name string) (node, bool) {
	if n.kind() != '{' {
		return node{}, false
	}
	if n.count() >= manyMembers && n.searchedOften() {
		all := n.sorted()
		at, ok := slices.BinarySearchFunc(all, name, func(m member, name string) int { return strings.Compare(m.name, name) })
		if !ok {
			return node{}, false
		}
		return node{n.tree, all[at].value}, true
	}
	found := node{n.tree, -1}
	for name2, value := range n.eachMember() {
		if n.isText(name2, name) {
			found.at = value
		}
	}
	return found, found.at >= 0
}

func (n node) searchedOften() bool {
	if n.members[n.at] != nil {
		return true
	}
	if n.found == nil {
		n.found = map[int32]int{}
	}
	n.found[n.at]++
	return n.found[n.at]*n.count() > manySearches
}

// eachMember yields the positions of the names and values of an object.
func (n node) eachMember() func(yield func(name, value int32) bool) {
	return func(yield func(name, value int32) bool) {
		n.work += n.count()
		at := n.at + 2
		for range n.count() {
			if !yield(at, at+1) {
				return
			}
			at = n.after(at + 1)
		}
	}
}

// eachElement yields the positions of an array's elements.
func (n node) eachElement() func(yield func(at int32) bool) {
	return func(yield func(at int32) bool) {
		n.work += n.count()
		at := n.at + 2
		for range n.count() {
			if !yield(at) {
				return
			}
			at = n.after(at)
		}
	}
}

// sorted returns the members of an object in the order of their names.
func (n node) sorted() []member {
	if all, ok := n.members[n.at]; ok {
		return all
	}
	all := make([]member, 0, n.count())
	inOrder := true
	for name, value := range n.eachMember() {
		m := member{n.string(name), value}
		inOrder = inOrder && (len(all) == 0 || all[len(all)-1].name < m.name)
		all = append(all, m)
	}
	if !inOrder {
		slices.SortStableFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
		all = lastOfEach(all)
	}
	if n.count() >= manyMembers {
		if n.members == nil {
			n.members = map[int32][]member{}
		}
		n.members[n.at] = all
	}
	return all
}

// lastOfEach keeps of several members with one name the last.
func lastOfEach(all []member) []member {
	kept := all[:0]
	for i, m := range all {
		if i+1 < len(all) && all[i+1].name == m.name {
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

// index returns an element of an array.
func (n node) index(i int) (node, bool) {
	if n.kind() != '[' || i < 0 || i >= n.count() {
		return node{}, false
	}
	if n.count() < manyMembers {
		for at := range n.eachElement() {
			if i == 0 {
				return node{n.tree, at}, true
			}
			i--
		}
	}
	all, ok := n.elements[n.at]
	if !ok {
		all = slices.AppendSeq(make([]int32, 0, n.count()), n.eachElement())
		if n.elements == nil {
			n.elements = map[int32][]int32{}
		}
		n.elements[n.at] = all
	}
	return node{n.tree, all[i]}, true
}
