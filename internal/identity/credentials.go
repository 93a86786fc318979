// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cause"
)

// Method puts one kind of credentials on a request.
type Method interface {
	// Kind is the word of AIRFLOW_AUTH.
	Kind() string
	// Authorize sets the credentials, obtaining them first where need be,
	// within the request's context.
	Authorize(req *http.Request) error
	// Renew reports whether another try would carry other credentials than
	// the request that was refused.
	Renew(refused *http.Request) bool
}

// Credentials is all that lets a request in at one web server: Airflow's own
// credentials, those for what stands in front of it, and headers. It implements
// [airflow.Credentials].
type Credentials struct {
	origin Origin
	method Method
	front  Method // nil where nothing stands in front
	header *Headers
	tries  *tries // nil where nothing is refused, or others count it
}

// Parts are the parts of [Credentials].
type Parts struct {
	Origin  Origin   // of the web server: nothing is sent anywhere else
	Method  Method   // Airflow's own
	Front   Method   // an [IDToken] of [IDToken.InFront], for what stands in front of Airflow; may be nil
	Headers *Headers // may be nil
	// Issuer is set for requests for Airflow's own token: the credentials that
	// are made of the token count their refusals.
	Issuer bool
}

// New joins the parts.
func New(p Parts) *Credentials {
	c := &Credentials{origin: p.Origin, method: p.Method, front: p.Front, header: p.Headers}
	if !p.Issuer && (p.Method.Kind() != KindNone || p.Front != nil || p.Headers != nil) {
		c.tries = &tries{secrets: c.secrets}
	}
	return c
}

// Kind is that of Airflow's own credentials.
func (c *Credentials) Kind() string { return c.method.Kind() }

// Method is Airflow's own credentials.
func (c *Credentials) Method() Method { return c.method }

// Authorize sets all parts. Its error is an [*airflow.Error], also while
// refused credentials are not tried again.
func (c *Credentials) Authorize(req *http.Request) error {
	if err := c.origin.check(req); err != nil {
		return c.asError(req.Context(), err)
	}
	if c.tries != nil {
		if err := c.tries.enter(req); err != nil {
			return c.asError(req.Context(), err)
		}
	}
	err := c.set(req)
	if err == nil {
		return nil
	}
	e := c.asError(req.Context(), err)
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		c.refused(req, e)
	} else {
		c.leave(req)
	}
	return e
}

func (c *Credentials) set(req *http.Request) error {
	if err := c.header.set(req); err != nil {
		return err
	}
	if c.front != nil {
		if err := c.front.Authorize(req); err != nil {
			return err
		}
	}
	return c.method.Authorize(req)
}

// Answered learns from the answer to a request whether the credentials are
// good. refusal is nil after a success. It reports whether another try would
// carry other credentials.
func (c *Credentials) Answered(req *http.Request, refusal *airflow.Error) (renewed bool) {
	switch kindOf(refusal) {
	case "", airflow.UnknownDAG, airflow.UnknownRun, airflow.BrokenDAG, airflow.RunExists, airflow.Conflict:
		c.accepted(req) // Airflow looks at the caller first
		return false
	case airflow.Unauthorized, airflow.Forbidden, airflow.LoginRedirect:
		if !c.renew(req) {
			c.refused(req, refusal)
			return false
		}
		renewed = true
	case airflow.ServerFailure:
		if p, ok := c.method.(*Password); ok {
			renewed = p.tokens.doubt(sentBearer(req))
		}
	}
	c.leave(req)
	return renewed
}

// kindOf is the kind of a refusal, empty for none.
func kindOf(refusal *airflow.Error) airflow.Kind {
	if refusal == nil {
		return ""
	}
	return refusal.Kind
}

func (c *Credentials) refused(req *http.Request, refusal *airflow.Error) {
	if c.tries != nil {
		c.tries.refuse(req, refusal)
	}
}

func (c *Credentials) leave(req *http.Request) {
	if c.tries != nil {
		c.tries.leave(req)
	}
}

func (c *Credentials) accepted(req *http.Request) {
	if p, ok := c.method.(*Password); ok {
		p.tokens.succeeded(sentBearer(req))
	}
	if c.tries != nil {
		c.tries.accept(req)
	}
}

func (c *Credentials) renew(refused *http.Request) bool {
	renewed := c.method.Renew(refused)
	if c.front != nil && c.front.Renew(refused) {
		renewed = true
	}
	return renewed
}

// holder is a method that has secrets of the operator's.
type holder interface{ held() []*Secret }

// secrets is a digest of all secrets as they are now.
func (c *Credentials) secrets() string {
	all := []*Secret{}
	if c.header != nil {
		all = append(all, c.header.lines)
	}
	if h, ok := c.method.(holder); ok {
		all = append(all, h.held()...)
	}
	digest := sha256.New()
	for _, s := range all {
		value, _ := s.current(true)
		digest.Write([]byte(value + "\x00"))
	}
	return string(digest.Sum(nil))
}

// asError is the error as the client's: the one place where trouble with
// credentials gets a kind. What a request to Airflow itself came to keeps its
// own.
func (c *Credentials) asError(ctx context.Context, err error) *airflow.Error {
	text := err.Error()
	if inner, ok := errors.AsType[*airflow.Error](err); ok {
		e := *inner
		e.Said = strings.TrimSuffix(text, inner.Error()) + inner.Said
		return &e
	}
	e := &airflow.Error{Kind: airflow.NoCredentials, Said: text, Err: err}
	if met, ok := errors.AsType[*cause.Error](err); ok {
		e.Said, e.Hint = strings.TrimSuffix(text, met.Error())+met.What(), met.Cause.Fix
	}
	_, ofAirflow := c.method.(*Password)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind = airflow.Canceled
	case errors.Is(err, context.DeadlineExceeded) && ofAirflow:
		e.Kind = airflow.Timeout
	}
	return e
}
