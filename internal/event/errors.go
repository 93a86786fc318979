// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"net/http"
)

// An Error says why a request brought no event: it has no identity, is too large
// or has a coding that is not decoded. It holds nothing of the body, so it may be
// logged and answered.
type Error struct {
	Status int    // the HTTP status to answer: 400, 413 or 415
	Reason string // what is missing or too much, and what to do

	cause error // what reading the body ended in, or nil
}

func (e *Error) Error() string { return e.Reason }

func (e *Error) Unwrap() error { return e.cause }

// A DataError says why the data of an event cannot be used although the event
// has an identity. Sending it again will not help, but a dead letter can keep
// it. It holds nothing of the data but names.
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

// tooDeep is the error for JSON that the next parser may be unable to read.
func tooDeep() *DataError {
	return badData("the event's JSON is nested over %d levels, which Airflow may be unable to read: send it flatter", maxDepth)
}
