// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"
	"net/http"
)

// An Error says why a request brought no event, or none that may be read: it
// has no identity, is too large or is nested too deep. It holds nothing of the
// body, so it may be logged and answered.
type Error struct {
	Status int    // the HTTP status to answer: 400 or 413
	Reason string // what is missing or too much, and what to do

	cause error // errTooDeep, what reading the body ended in, or nil
}

func (e *Error) Error() string { return e.Reason }

func (e *Error) Unwrap() error { return e.cause }

// A DataError says why the data of an event cannot be used although the event
// has an identity. Sending it again will not help, but a dead letter can keep
// it. It holds nothing of the data.
type DataError struct {
	Reason string // what is wrong with the data, and what to do
}

func (e *DataError) Error() string { return e.Reason }

func noEvent(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, args...)}
}

func tooLarge(limit int64) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge,
		Reason: fmt.Sprintf("the body is over the limit of %d bytes: put the data into an object and send its name", limit),
	}
}

func badData(format string, args ...any) *DataError {
	return &DataError{Reason: fmt.Sprintf(format, args...)}
}

// explain gives what walk returned the type that callers tell apart: nesting
// is an [Error] wherever it is found, since to parse it is the harm; what
// otherwise is no JSON is bad.
func explain(err error, bad error) error {
	if errors.Is(err, errTooDeep) {
		deep := noEvent("the event's JSON is nested over %d levels, which Airflow may be unable to read: send it flatter", maxDepth)
		deep.cause = errTooDeep
		return deep
	}
	return bad
}
