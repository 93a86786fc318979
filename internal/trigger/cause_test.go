// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

// What a metric counts by is a word, and stays that word.
func TestOutcomesNameTheirCause(t *testing.T) {
	t.Parallel()
	tests := map[string]error{
		"":                  nil,
		"unauthorized":      refused(airflow.Unauthorized),
		"forbidden":         refused(airflow.Forbidden),
		"login_redirect":    refused(airflow.LoginRedirect),
		"no_credentials":    refused(airflow.NoCredentials),
		"no_address":        refused(airflow.NoAddress),
		"unknown_dag":       refused(airflow.UnknownDAG),
		"broken_dag":        refused(airflow.BrokenDAG),
		"api_absent":        refused(airflow.APIAbsent),
		"invalid":           refused(airflow.Invalid),
		"too_large":         refused(airflow.TooLarge),
		"throttled":         refused(airflow.Throttled),
		"server_failure":    refused(airflow.ServerFailure),
		"unexpected_answer": refused(airflow.Unexpected),
		"timeout":           refused(airflow.Timeout),
		"canceled":          refused(airflow.Canceled),
		"network":           refused(airflow.Network),
		"limit":             &pressure.Refusal{Cause: pressure.CauseLimit},
		"circuit":           &pressure.Refusal{Cause: pressure.CauseCircuit},
		"max_active":        &pressure.Refusal{Cause: pressure.CauseMaxActive},
		"paused":            &pressure.PausedError{DAGID: "load"},
		"other":             errors.New("odd"),
	}
	word := regexp.MustCompile(`^[a-z_]*$`)
	for want, err := range tests {
		p := &trigger.Pipeline{
			Airflows: map[string]trigger.Airflow{"default": triggerFunc(func() error { return err })},
			Wait:     func(context.Context, time.Duration) error { return nil },
		}
		o := p.Run(t.Context(), &event.Event{ID: "1"}, route.Decision{Plans: []route.Plan{plan()}}, trigger.Replay{})[0]
		if o.Cause != want || !word.MatchString(o.Cause) {
			t.Errorf("%v: %s for the cause %q, want %q", err, o.Kind, o.Cause, want)
		}
	}
}

func TestEachOutcomeWithoutARequestNamesItsCause(t *testing.T) {
	t.Parallel()
	elsewhere := plan()
	elsewhere.Environment = "nowhere"
	tests := map[string]route.Decision{
		trigger.CauseExpression:    {Failures: []route.Failure{{Err: errors.New("no integer")}}},
		trigger.CauseReject:        {Failures: []route.Failure{{Err: &route.RejectedError{Text: "the name has no date"}}}},
		trigger.CauseNoTime:        {Failures: []route.Failure{{Err: context.DeadlineExceeded}}},
		trigger.CauseNoEnvironment: {Plans: []route.Plan{elsewhere}},
		"":                         {Misses: []route.Miss{{Route: "a", Reason: "when is false"}}},
	}
	p := &trigger.Pipeline{}
	for want, decision := range tests {
		if o := p.Run(t.Context(), &event.Event{ID: "1"}, decision, trigger.Replay{})[0]; o.Cause != want {
			t.Errorf("%s for the cause %q, want %q", o.Kind, o.Cause, want)
		}
	}
	if o := p.Refuse(t.Context(), &event.Event{}, "no object", trigger.Replay{}); o.Cause != trigger.CauseEvent {
		t.Errorf("%s for the cause %q", o.Kind, o.Cause)
	}
	p.DeadLetters = &shelf{err: errors.New("the bucket is gone")}
	if o := p.Refuse(t.Context(), &event.Event{}, "no object", trigger.Replay{}); o.Cause != trigger.CauseNoStore {
		t.Errorf("%s for the cause %q", o.Kind, o.Cause)
	}
}
