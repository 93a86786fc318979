// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"math/bits"
	"strings"
)

// Match reports whether the pattern covers the whole of name, and what its
// captures take; values is nil where the pattern has none.
func (p *Pattern) Match(name string) (values []string, ok bool) { return p.AppendMatch(nil, name) }

// AppendMatch is [Pattern.Match] that appends what the captures take to values.
func (p *Pattern) AppendMatch(values []string, name string) (appended []string, ok bool) {
	if p.Exact() {
		return values, name == p.text
	}
	tokens := p.tokens
	name, begins := strings.CutPrefix(name, tokens[0].literal)
	name, ends := strings.CutSuffix(name, tokens[len(tokens)-1].literal)
	if !begins || !ends {
		return values, false
	}
	// What is left is between wildcards, of which there is one at least.
	if tokens[0].wild == none {
		tokens = tokens[1:]
	}
	if tokens[len(tokens)-1].wild == none {
		tokens = tokens[:len(tokens)-1]
	}
	// Row i holds the offsets of name from which tokens[i:] cover the rest. It
	// follows from row i+1 alone, so the rows are filled from the last.
	var buffer [48]uint64
	r := rows{bits: buffer[:], words: len(name)/64 + 1}
	if need := (len(tokens) + 1) * r.words; need > len(r.bits) {
		r.bits = make([]uint64, need)
	}
	r.row(len(tokens)).add(len(name))
	for i := len(tokens) - 1; i >= 0; i-- {
		tokens[i].fill(r.row(i), r.row(i+1), name)
	}
	if !r.row(0).has(0) {
		return values, false
	}
	if len(p.names) > 0 {
		values = capture(tokens, values, r, name)
	}
	return values, true
}

// rows are sets of offsets of one name, one row a token and one for the end.
type rows struct {
	bits  []uint64
	words int // a row's length
}

func (r rows) row(i int) offsets { return r.bits[i*r.words : (i+1)*r.words] }

// fill sets in row the offsets from which t, followed by what next holds,
// covers the rest of name.
func (t token) fill(row, next offsets, name string) {
	switch t.wild {
	case none:
		for end := next.last(len(name)); end >= len(t.literal); end = next.last(end - 1) {
			if strings.HasSuffix(name[:end], t.literal) {
				row.add(end - len(t.literal))
			}
		}
	case path:
		row.addRange(0, next.last(len(name)))
	case segment:
		for end := next.last(len(name)); end >= 0; {
			begin := strings.LastIndexByte(name[:end], '/') + 1
			row.addRange(begin, end)
			end = next.last(begin - 1)
		}
	}
}

// capture walks from the left, and lets each wildcard take as much as leaves
// a rest that the tokens after it cover.
func capture(tokens []token, values []string, r rows, name string) []string {
	at := 0
	for i, t := range tokens {
		end := at + len(t.literal)
		switch t.wild {
		case path:
			end = r.row(i + 1).last(len(name))
		case segment:
			limit := len(name)
			if slash := strings.IndexByte(name[at:], '/'); slash >= 0 {
				limit = at + slash
			}
			end = r.row(i + 1).last(limit)
		}
		if t.capture {
			values = append(values, name[at:end])
		}
		at = end
	}
	return values
}

// offsets is a set of offsets of a name, one bit each.
type offsets []uint64

func (o offsets) add(at int) { o[at/64] |= 1 << (at % 64) }

// addRange adds the offsets from begin to end, both included.
func (o offsets) addRange(begin, end int) {
	for word := begin / 64; word <= end/64 && end >= 0; word++ {
		low, high := max(begin-word*64, 0), min(end-word*64, 63)
		o[word] |= (^uint64(0) << low) & (^uint64(0) >> (63 - high))
	}
}

func (o offsets) has(at int) bool { return o[at/64]&(1<<(at%64)) != 0 }

// last returns the greatest offset that is at most limit, or -1.
func (o offsets) last(limit int) int {
	if limit < 0 {
		return -1
	}
	word := limit / 64
	masked := o[word] & (^uint64(0) >> (63 - limit%64))
	for masked == 0 {
		if word--; word < 0 {
			return -1
		}
		masked = o[word]
	}
	return word*64 + 63 - bits.LeadingZeros64(masked)
}
