// SPDX-License-Identifier: Apache-2.0

package route

import (
	"bytes"
	"context"
	"errors"

	"example.com/dagtrigger/internal/route/expression"
)

// conf is JSON text with holes.
type conf struct {
	key    string // of the route: conf, or extra
	pieces []confPiece
	whole  bool // one hole that must become an object
}

// confPiece is JSON text or a hole.
type confPiece struct {
	text string
	hole *located // nil in text
}

func (c *conf) json(ctx context.Context, s *expression.Scope) ([]byte, error) {
	if c == nil {
		return s.Event().Conf(), nil
	}
	written, err := s.Write(func(b *expression.Output) error { return c.write(ctx, s, b) })
	if err != nil {
		return nil, err
	}
	if c.whole && !bytes.HasPrefix(bytes.TrimLeft(written, " \t\r\n"), []byte("{")) {
		return nil, placed(c.key, c.pieces[0].hole.at, errors.New("it is not a map: Airflow takes an object"))
	}
	return written, nil
}

func (c *conf) write(ctx context.Context, s *expression.Scope, b *expression.Output) error {
	for _, p := range c.pieces {
		if p.hole == nil {
			b.WriteString(p.text)
			continue
		}
		if err := p.hole.JSON(ctx, s, b); err != nil {
			return placed(c.key, p.hole.at, err)
		}
	}
	return nil
}
