// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/googleapi"
)

// Failure is a request of which Google refused what it was to do. It holds neither a token
// nor anything of the request's body.
type Failure struct {
	Doing  string // such as "storing the dead letter"
	Place  string
	Status int    // HTTP status, 0 where there was no answer
	Said   string // Google's own words, where they cannot repeat the body
	Fix    string // empty if the error may pass by itself
	Err    error  // what went wrong where there was no answer
}

func (e *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s: ", e.Doing, e.Place)
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d %s", e.Status, http.StatusText(e.Status))
	} else {
		b.WriteString(e.Err.Error())
	}
	if e.Said != "" {
		b.WriteString(": " + e.Said)
	}
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

func (e *Failure) Unwrap() error { return e.Err }

// maxSaid is how many bytes of Google's words a [Failure] quotes.
const maxSaid = 300

// Fixes are what to do about a refusal, by what it means.
type Fixes struct{ Forbidden, Missing, TooLarge string }

// Explain is the [*Failure] of a call that ended with err. It quotes what Google says
// about who may do what, and never what it says about a request's body.
func Explain(doing, place string, err error, fix Fixes) *Failure {
	e := &Failure{Doing: doing, Place: place, Err: err}
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		e.Status, e.Err = refused.Code, nil
		switch refused.Code {
		case http.StatusUnauthorized, http.StatusForbidden:
			e.Fix = fix.Forbidden
		case http.StatusNotFound:
			e.Fix = fix.Missing
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			e.Fix = fix.TooLarge
			return e
		}
		e.Said = quote(refused.Message)
		return e
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		e.Err = request.Err // the place says where, better than the URL
	}
	return e
}

// quote is one line of at most maxSaid bytes.
func quote(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxSaid)], "")
}
