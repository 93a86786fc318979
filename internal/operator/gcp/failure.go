// SPDX-License-Identifier: Apache-2.0

package gcp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/googleapi"
)

// Failure is why a call of one of Google's APIs did not give what was asked for. It
// holds no token.
type Failure struct {
	Doing  string // what the call was for
	Status int    // HTTP status, 0 where there was no answer
	Said   string // Google's own words
	Fix    string // empty where waiting may help
	Err    error  // what went wrong where there was no refusal
}

// maxSaid is how many bytes of Google's words a [Failure] quotes.
const maxSaid = 300

// Failed makes a Failure of an error of package rest.
func Failed(doing string, err error) Failure {
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		said := strings.Join(strings.Fields(refused.Message), " ")
		said = strings.ToValidUTF8(said[:min(len(said), maxSaid)], "")
		return Failure{Doing: doing, Status: refused.Code, Said: said}
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err // what was being done says where, better than the URL
	}
	return Failure{Doing: doing, Err: err}
}

func (f *Failure) Error() string {
	text := f.Doing + ": "
	if f.Err != nil {
		text += f.Err.Error()
	} else {
		text += fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status))
	}
	if f.Said != "" {
		text += ": " + f.Said
	}
	if f.Fix != "" {
		text += "; " + f.Fix
	}
	return text
}

func (f *Failure) Unwrap() error { return f.Err }

// IsDisabled reports whether an error says that the API is not enabled in the project
// (https://cloud.google.com/apis/design/errors#error_info).
func IsDisabled(err error) bool {
	refused, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return false
	}
	for _, detail := range refused.Details {
		if info, _ := detail.(map[string]any); info["reason"] == "SERVICE_DISABLED" {
			return true
		}
	}
	for _, item := range refused.Errors { // of the older APIs, such as Cloud Storage's
		if item.Reason == "accessNotConfigured" {
			return true
		}
	}
	return false
}
