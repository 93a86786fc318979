// SPDX-License-Identifier: Apache-2.0

package response_test

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"example.com/dagtrigger/internal/caller"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/response"
	"example.com/dagtrigger/internal/trigger"
)

var (
	done     = trigger.Outcome{Kind: trigger.Triggered}
	rejected = trigger.Outcome{Kind: trigger.Rejected}
	deferred = trigger.Outcome{Kind: trigger.Deferred, RetryAfter: 1500 * time.Millisecond}
	full     = trigger.Outcome{Kind: trigger.Deferred, Throttled: true}
)

func TestErrorHasTheStatusOfItsCause(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name       string
		err        error
		others     []trigger.Outcome
		status     int
		retryAfter string
	}{
		{"no event", &event.Error{Status: 400, Reason: "no"}, nil, 400, ""},
		{"too large", &event.Error{Status: 413, Reason: "no"}, nil, 413, ""},
		{"no memory for it", fmt.Errorf("reading: %w", pressure.ErrMemory), nil, 429, "1"},
		{"a stalled sender", pressure.ErrStalled, nil, 408, ""},
		{"a sender that goes", io.ErrUnexpectedEOF, nil, 400, ""},
		{"others succeeded", &event.Error{Status: 400, Reason: "no"}, []trigger.Outcome{done, rejected}, 400, ""},
		{"another is deferred", &event.Error{Status: 400, Reason: "no"}, []trigger.Outcome{done, deferred}, 503, ""},
		{"another is throttled", &event.Error{Status: 400, Reason: "no"}, []trigger.Outcome{full, done}, 429, ""},
	} {
		w := httptest.NewRecorder()
		status := response.Error(w, row.err, row.others)
		if status != row.status || w.Code != row.status || w.Header().Get("Retry-After") != row.retryAfter {
			t.Errorf("%s: status %d, sent %d, Retry-After %q", row.name, status, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

func TestOutcomesHaveRetryAfterInWholeSeconds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		outcomes   []trigger.Outcome
		status     int
		retryAfter string
	}{
		{[]trigger.Outcome{done}, 200, ""},
		{[]trigger.Outcome{done, rejected}, 422, ""},
		{[]trigger.Outcome{done, deferred}, 503, "2"},
		{[]trigger.Outcome{full}, 429, ""},
	} {
		w := httptest.NewRecorder()
		response.Outcomes(w, row.outcomes)
		if w.Code != row.status || w.Header().Get("Retry-After") != row.retryAfter || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%v: %d %v", row.outcomes, w.Code, w.Header())
		}
	}
}

func TestOutcomesOfAnEmptyBatchAreAList(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	response.Outcomes(w, nil)
	if got := w.Body.String(); w.Code != 200 || got != `{"outcomes":[]}`+"\n" {
		t.Errorf("%d %s", w.Code, got)
	}
}

func TestCallerRefused(t *testing.T) {
	t.Parallel()
	for want, err := range map[int]error{503: &caller.Refusal{Status: 503, Reason: "no keys"}, 403: errors.New("no keys")} {
		w := httptest.NewRecorder()
		if got := response.CallerRefused(w, err); got != want || w.Code != want || w.Body.String() != `{"error":"no keys"}`+"\n" {
			t.Errorf("%d, sent %d %s", got, w.Code, w.Body)
		}
	}
}
