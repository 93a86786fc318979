// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"context"
	"strings"
	"time"
)

// Template is text with expressions inside. It never changes.
type Template struct {
	text   string
	pieces []piece
}

// piece is literal text or an expression.
type piece struct {
	literal    string
	expression *Expression // nil in a literal
}

// Template compiles text, in which ${ and } enclose an expression and $${ is a
// literal ${. It returns which variables are used, and where in the text. Nobody
// may change what it returns.
func (c *Compiler) Template(text string) (*Template, []Use, []Problem) {
	entry := c.templates.entry(text)
	entry.once.Do(func() { entry.value, entry.uses, entry.problems = c.template(text) })
	return entry.value, entry.uses, entry.problems
}

func (c *Compiler) template(text string) (*Template, []Use, []Problem) {
	t := &Template{text: text}
	var uses []Use
	var all []Problem
	for part := range parts(text) {
		switch {
		case part.problem != nil:
			all = append(all, *part.problem)
		case !part.expression:
			t.add(piece{literal: part.text})
		default:
			e, used, problems := c.Expression(part.text)
			for _, u := range used {
				u.Offset += part.offset
				uses = append(uses, u)
			}
			for _, f := range problems {
				f.Offset += part.offset
				all = append(all, f)
			}
			t.add(c.folded(e))
		}
	}
	return t, uses, all
}

// add adds a piece, a literal to one before it.
func (t *Template) add(p piece) {
	if last := len(t.pieces) - 1; last >= 0 && p.expression == nil && t.pieces[last].expression == nil {
		t.pieces[last].literal += p.literal
		return
	}
	t.pieces = append(t.pieces, p)
}

// folded is the piece of an expression: literal where that is a constant text.
func (c *Compiler) folded(e *Expression) piece {
	if e != nil && len(e.selection) == 2 && e.selection[0].name == varsVariable {
		if text, ok := c.constants[e.selection[1].name].Value.(string); ok {
			return piece{literal: text}
		}
	}
	return piece{expression: e}
}

// String returns the template as it was written.
func (t *Template) String() string { return t.text }

// Literal returns the text, and whether nothing in it is computed.
func (t *Template) Literal() (string, bool) {
	switch {
	case len(t.pieces) == 0:
		return "", true
	case len(t.pieces) == 1 && t.pieces[0].expression == nil:
		return t.pieces[0].literal, true
	}
	return "", false
}

// Lone returns the expression where the template is nothing else, else nil.
func (t *Template) Lone() *Expression {
	if len(t.pieces) != 1 {
		return nil
	}
	return t.pieces[0].expression
}

// Text evaluates the template as text of at most so many bytes.
func (t *Template) Text(ctx context.Context, s *Scope, most int) (string, error) {
	return t.Escaped(ctx, s, most, func(text string) string { return text })
}

// Escaped is [Template.Text] with the text of each expression escaped, and that
// between them as it is written.
func (t *Template) Escaped(ctx context.Context, s *Scope, most int, escape func(string) string) (string, error) {
	if literal, ok := t.Literal(); ok {
		return literal, nil
	}
	var b strings.Builder
	for _, p := range t.pieces {
		if p.expression == nil {
			b.WriteString(p.literal)
			continue
		}
		text, err := p.expression.Text(ctx, s, most-b.Len())
		if err != nil {
			return "", err
		}
		b.WriteString(escape(text))
	}
	return b.String(), nil
}

// JSON evaluates the template, and appends it to b as JSON: a lone expression
// keeps its type, all else is text.
func (t *Template) JSON(ctx context.Context, s *Scope, b *Output) error {
	if lone := t.Lone(); lone != nil {
		return lone.JSON(ctx, s, b)
	}
	text, err := t.Text(ctx, s, b.Most-b.Len())
	if err != nil {
		return err
	}
	return writeQuoted(b, text)
}

// Time evaluates the template as a timestamp: one that a lone expression
// gives, or text in RFC 3339.
func (t *Template) Time(ctx context.Context, s *Scope) (time.Time, error) {
	if lone := t.Lone(); lone != nil {
		return lone.time(ctx, s)
	}
	text, err := t.Text(ctx, s, longestTime)
	if err != nil {
		return time.Time{}, err
	}
	return parseTime(text)
}

// part is a piece of a template as it was written.
type part struct {
	text       string
	offset     int
	expression bool
	problem    *Problem
}

// parts cuts a template into literals and expressions. After a problem there is
// no further part.
func parts(text string) func(yield func(part) bool) {
	return func(yield func(part) bool) {
		var literal strings.Builder
		flush := func() bool {
			defer literal.Reset()
			return literal.Len() == 0 || yield(part{text: literal.String()})
		}
		for at := 0; at < len(text); {
			rest := text[at:]
			switch {
			case strings.HasPrefix(rest, "$${"):
				literal.WriteString("${")
				at += len("$${")
			case strings.HasPrefix(rest, "${"):
				begin := at + len("${")
				length := length(text[begin:])
				if length < 0 {
					yield(part{problem: &Problem{Offset: at, What: "${ is not closed", Fix: "end the expression with }, or write $${ for a literal ${"}})
					return
				}
				inside := text[begin : begin+length]
				if strings.TrimSpace(inside) == "" {
					yield(part{problem: &Problem{Offset: at, What: "${} holds no expression", Fix: "write one, or $${ for a literal ${"}})
					return
				}
				if !flush() || !yield(part{text: inside, offset: begin, expression: true}) {
					return
				}
				at = begin + length + len("}")
			default:
				literal.WriteByte(rest[0])
				at++
			}
		}
		flush()
	}
}

// length is how long the expression is that text begins with, and a } ends;
// -1 where none does. Braces of maps, and all in strings, belong to it.
func length(text string) int {
	depth := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return at
			}
			depth--
		case '"', '\'':
			end := quotedLength(text[at:], at > 0 && isRaw(text[:at]))
			if end < 0 {
				return -1
			}
			at += end - 1
		}
	}
	return -1
}

// quotedLength is how long the CEL string is that text begins with, or -1.
func quotedLength(text string, raw bool) int {
	quote := text[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text, triple) {
		quote = triple
	}
	for at := len(quote); at < len(text); at++ {
		if text[at] == '\\' && !raw {
			at++
		} else if strings.HasPrefix(text[at:], quote) {
			return at + len(quote)
		}
	}
	return -1
}

// isRaw reports whether a string that follows text is one in which \ stands for
// itself: it has the prefix r, R, br or rb, which is no part of a name.
func isRaw(text string) bool {
	prefix := text[len(strings.TrimRight(text, "rRbB")):]
	before := strings.TrimSuffix(text, prefix)
	if before != "" && isWordByte(before[len(before)-1]) {
		return false
	}
	return strings.ContainsAny(prefix, "rR")
}

func isWordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
