// SPDX-License-Identifier: Apache-2.0

package uploads

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/googleapi"
)

// Error is why a bucket could not be listed. It holds no token.
type Error struct {
	Place  string
	Status int    // HTTP status, 0 where there was no answer
	Said   string // Google's own words
	Fix    string // empty where waiting may help
	Err    error  // what went wrong where there was no refusal
}

func (e *Error) Error() string {
	text := "listing " + e.Place + ": "
	if e.Err != nil {
		text += e.Err.Error()
	} else {
		text += fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Said != "" {
		text += ": " + e.Said
	}
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// maxSaid is how many bytes of Google's words an [Error] quotes.
const maxSaid = 300

func failed(place string, err error) error {
	e := &Error{Place: place, Err: err}
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		said := strings.Join(strings.Fields(refused.Message), " ")
		e.Status, e.Err, e.Said = refused.Code, nil, strings.ToValidUTF8(said[:min(len(said), maxSaid)], "")
		switch refused.Code {
		case http.StatusUnauthorized, http.StatusForbidden:
			e.Fix = "give this account the role roles/storage.objectViewer on the bucket"
		case http.StatusNotFound:
			e.Fix = "name a bucket that is there"
		}
		return e
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		e.Err = request.Err // the place says where, better than the URL
	}
	return e
}
