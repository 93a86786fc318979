// SPDX-License-Identifier: Apache-2.0

// Package response writes the HTTP responses of the function, outcomes and errors,
// as JSON. It decides no outcome and logs nothing.
package response

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"example.com/dagtrigger/internal/caller"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/trigger"
)

// Outcomes writes the outcomes of a request that was handled.
func Outcomes(w http.ResponseWriter, outcomes []trigger.Outcome) {
	status := trigger.Status(outcomes)
	if wait := trigger.RetryAfter(outcomes); wait > 0 && status != http.StatusOK {
		seconds := int((wait + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	rows := trigger.Rows(outcomes)
	if rows == nil { // an empty batch has a list, too
		rows = []trigger.Outcome{}
	}
	write(w, status, struct {
		Outcomes []trigger.Outcome `json:"outcomes"`
	}{rows})
}

// CallerRefused writes the error of a caller that is not allowed, and returns the status.
func CallerRefused(w http.ResponseWriter, err error) int {
	status := http.StatusForbidden
	if refusal, ok := errors.AsType[*caller.Refusal](err); ok {
		status = refusal.Status
		refusal.Challenge(w.Header())
	}
	write(w, status, map[string]string{"error": err.Error()})
	return status
}

// Error writes the error of a request that cannot be read as events, and returns
// the status. others are the outcomes of the valid events of a batch: where one of
// them must be delivered again, its status is used.
func Error(w http.ResponseWriter, err error, others []trigger.Outcome) int {
	status := http.StatusBadRequest
	if bad, ok := errors.AsType[*event.Error](err); ok {
		status = bad.Status
	}
	if s := trigger.Status(others); s == http.StatusServiceUnavailable || s == http.StatusTooManyRequests {
		status = s
	}
	switch {
	case errors.Is(err, pressure.ErrMemory):
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, pressure.ErrStalled):
		status = http.StatusRequestTimeout
	}
	write(w, status, struct {
		Error    string            `json:"error"`
		Outcomes []trigger.Outcome `json:"outcomes,omitempty"`
	}{trigger.Short(err.Error()), trigger.Rows(others)})
	return status
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = plainjson.Encode(w, body) // the sender may have gone
}
