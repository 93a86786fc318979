// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/googleapi"
)

// Error is a failed request to a bucket, a topic or a subscription. It holds neither a token nor anything of a record.
type Error struct {
	Doing  string // such as "storing the dead letter"
	Place  string
	Status int    // HTTP status, 0 where there was no answer
	Said   string // Google's own words, where they cannot repeat a record
	Fix    string // empty if the error may pass by itself
	Err    error  // what went wrong where there was no answer
}

func (e *Error) Error() string {
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

func (e *Error) Unwrap() error { return e.Err }

// maxSaid is how many bytes of Google's words an [Error] quotes.
const maxSaid = 300

// fixes are what to do about a refusal, by what it means.
type fixes struct{ forbidden, missing, tooLarge string }

// failed is the error of a call to Google. It quotes what Google says about
// who may do what, and never what it says about a request's body.
func failed(doing, place string, err error, fix fixes) error {
	e := &Error{Doing: doing, Place: place, Err: err}
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		e.Status, e.Err = refused.Code, nil
		switch refused.Code {
		case http.StatusUnauthorized, http.StatusForbidden:
			e.Fix = fix.forbidden
		case http.StatusNotFound:
			e.Fix = fix.missing
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			e.Fix = fix.tooLarge
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
