// SPDX-License-Identifier: Apache-2.0

package complete

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/rest"
)

// Kind says what an [Error] means for the event.
type Kind int

// The kinds of errors.
const (
	// Transient: the event has to be redelivered.
	Transient Kind = iota
	// Throttled is transient, and less load is asked for.
	Throttled
	// Incomplete: objects are missing. The event of another object starts the run.
	Incomplete
	// Permanent: repeating the look cannot help until an operator changes something.
	Permanent
)

// Error is why a set starts no run now. It holds no token.
type Error struct {
	Kind   Kind
	Reason string
	// RetryAfter is how long Cloud Storage asks to wait; zero where it does not say.
	RetryAfter time.Duration
	Err        error // what it was made of, nil for none
}

func (e *Error) Error() string { return e.Reason }
func (e *Error) Unwrap() error { return e.Err }

// maxSaid is how many bytes of Google's own words a reason quotes.
const maxSaid = 300

// refusal is the [*Error] of a request to Cloud Storage that failed.
func refusal(doing, bucket string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Kind: e.Kind, Reason: doing + ": " + e.Reason, RetryAfter: e.RetryAfter, Err: err}
	}
	if large, ok := errors.AsType[*rest.TooLargeError](err); ok {
		return &Error{Kind: Permanent, Reason: doing + ": " + large.Error() + ": make it shorter", Err: err}
	}
	refused, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return &Error{Reason: doing + ": " + withoutURL(err).Error(), Err: err}
	}
	said := strings.Join(strings.Fields(refused.Message), " ")
	e := &Error{
		Kind: kindOf(refused), RetryAfter: retryAfter(refused.Header), Err: err,
		Reason: fmt.Sprintf("%s: %d %s", doing, refused.Code, http.StatusText(refused.Code)),
	}
	if said != "" {
		e.Reason += ": " + strings.ToValidUTF8(said[:min(len(said), maxSaid)], "")
	}
	switch {
	case e.Kind == Throttled:
	case refused.Code == http.StatusForbidden:
		e.Reason += "; give the function's account the role roles/storage.objectViewer on gs://" + bucket + ", then replay the event"
	case refused.Code == http.StatusNotFound:
		e.Reason += "; the bucket does not exist: fix bucket in the route, or create it"
	}
	return e
}

// kindOf classifies a refusal. A quota may be refused with 403:
// https://cloud.google.com/storage/docs/json_api/v1/status-codes
func kindOf(refused *googleapi.Error) Kind {
	quota := slices.ContainsFunc(refused.Errors, func(item googleapi.ErrorItem) bool {
		return slices.Contains([]string{"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}, item.Reason)
	})
	switch code := refused.Code; {
	case code == http.StatusTooManyRequests, code == http.StatusForbidden && quota:
		return Throttled
	case code == http.StatusRequestTimeout, code == http.StatusUnauthorized, code >= 500:
		return Transient
	default:
		return Permanent
	}
}

// withoutURL is an error without the request's URL: what was being done says it better.
func withoutURL(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the time ran out")
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err
	}
	return err
}

func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 600)) * time.Second
}
