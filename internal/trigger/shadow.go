// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/pressure"
	"example.com/dagtrigger/internal/route"
)

// The ways in which an event can end for a shadow, beside [Unmatched]. A line of the
// log has them as shadow, and no outcome, so that no metric counts them.
const (
	WouldTrigger Kind = "would_trigger" // the route asks for the run
	WouldFail    Kind = "would_fail"    // a permanent failure, were it live
	NotEvaluated Kind = "not_evaluated" // for want of time or memory, which live routes have first
)

// ShadowFile names the routes file that is a shadow as a whole, and its SHA-256 in hex.
// It is zero for the shadows of the live one.
type ShadowFile struct{ Name, Digest string }

// Shadow is what shadows make of one event.
type Shadow struct {
	ShadowFile
	Outcomes []Outcome
}

// Matched reports whether a route matched the event, or failed: else the event has one
// outcome, without a route.
func Matched(outcomes []Outcome) bool {
	return len(outcomes) != 1 || outcomes[0].Kind != Unmatched || outcomes[0].Route != ""
}

// ShadowRoutes are the routes that decide beside the live ones and start nothing.
type ShadowRoutes struct {
	ShadowFile
	// Decide is called with what the live routes decided.
	Decide func(ctx context.Context, ev *event.Event, live route.Decision) route.Decision
}

// Shadows judge events. Any number of goroutines may share them.
type Shadows struct {
	Pipeline *Pipeline
	Turns    *pressure.Turns // those of the live routes
	Routes   []ShadowRoutes
}

// shadowTime bounds what shadows add to the time of a request.
const shadowTime = 5 * time.Second

// Judge says what would come of ev by each of the shadows, once the live routes are
// through. It starts nothing, stores nothing and sends no request to Airflow; a set is listed.
// body is that of the event's request; nil outside of one.
func (s *Shadows) Judge(ctx context.Context, ev *event.Event, live route.Decision, body *pressure.Body) []Shadow {
	ctx, cancel := context.WithTimeout(ctx, shadowTime)
	defer cancel()
	all := make([]Shadow, len(s.Routes))
	for i := range s.Routes {
		all[i] = Shadow{s.Routes[i].ShadowFile, s.judge(ctx, &s.Routes[i], ev, live, body)}
	}
	return all
}

// judge is Judge for some of the routes. A bug that it meets is in the log alone.
func (s *Shadows) judge(
	ctx context.Context, r *ShadowRoutes, ev *event.Event, live route.Decision, body *pressure.Body,
) (outcomes []Outcome) {
	j := job{s.Pipeline, ev, Replay{}}
	defer func() {
		if bug := recover(); bug != nil {
			outcomes = j.notEvaluated(CauseOther, fmt.Sprintf("this is a bug in the program: report it: %v\n%s", bug, debug.Stack()))
		}
	}()
	if body != nil && !body.HasMemory() {
		return j.notEvaluated(CauseNoMemory, "this instance holds as many bytes of requests as it may")
	}
	d, err := s.decide(ctx, r, ev, live)
	if err != nil {
		return j.notEvaluated(CauseNoTime, "waiting to evaluate the routes: "+err.Error())
	}
	if body != nil {
		body.Hold(d.Written)
	}
	return j.wouldBe(ctx, d)
}

// decide evaluates the routes when it is the event's turn.
func (s *Shadows) decide(ctx context.Context, r *ShadowRoutes, ev *event.Event, live route.Decision) (route.Decision, error) {
	done, err := s.Turns.Take(ctx, ev.Size())
	if err != nil {
		return route.Decision{}, err
	}
	defer done()
	return r.Decide(ctx, ev, live), nil
}

// wouldBe says what would come of a decision: an outcome for each route that matched or
// failed, or one that says that none did.
func (j job) wouldBe(ctx context.Context, d route.Decision) (outcomes []Outcome) {
	if len(d.Plans)+len(d.Failures) == 0 {
		return []Outcome{j.keyed(unmatched(j.event, d.Misses, d.Unnamed))}
	}
	for i := range d.Plans {
		outcomes = append(outcomes, j.wouldStart(ctx, &d.Plans[i]))
	}
	for i := range d.Failures {
		err := d.Failures[i].Err
		o := j.failed(&d.Failures[i])
		o.Kind, o.Cause, o.Reason = WouldFail, causeOfFailure(err), err.Error()
		if isTime(err) {
			o.Kind, o.Cause = NotEvaluated, CauseNoTime
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// wouldStart is what would come of a plan.
func (j job) wouldStart(ctx context.Context, plan *route.Plan) Outcome {
	if plan.Set != nil {
		completed, v := j.complete(ctx, plan)
		if v.kind != "" {
			o := j.outcome(plan, j.runID(plan))
			o.Cause, o.Reason = v.cause, v.reason
			o.Kind = map[Kind]Kind{Unmatched: Unmatched, Rejected: WouldFail, Deferred: NotEvaluated}[v.kind]
			return o
		}
		plan = completed
	}
	o := j.outcome(plan, j.runID(plan))
	o.Kind = WouldTrigger
	return o
}

func (j job) notEvaluated(cause, reason string) []Outcome {
	return []Outcome{j.keyed(Outcome{EventID: j.event.ID, Kind: NotEvaluated, Cause: cause, Reason: reason})}
}

// keyed is an outcome with the event's key, where it is compared.
func (j job) keyed(o Outcome) Outcome {
	if j.Compare {
		o.EventKey = digestOf("", j.event.Key())
	}
	return o
}

// maxSorted is the most bytes of a conf whose members are sorted before its digest is
// made: decoded, a conf takes ten times its size.
const maxSorted = 64 << 10

// confDigest identifies a conf in the log. The order of members and the space between
// them do not count, so that a routes file may be written in another order.
func confDigest(conf []byte) string {
	if len(conf) <= maxSorted {
		var value any
		decoder := json.NewDecoder(bytes.NewReader(conf))
		decoder.UseNumber() // else long numbers are rounded
		if decoder.Decode(&value) == nil {
			if sorted, err := json.Marshal(value); err == nil {
				conf = sorted
			}
		}
	}
	sum := sha256.Sum256(conf)
	return hex.EncodeToString(sum[:])[:runIDDigits]
}

// restDigest identifies what a run has beside its id and its conf.
func restDigest(plan *route.Plan) string {
	date := ""
	if !plan.LogicalDate.IsZero() {
		date = plan.LogicalDate.UTC().Format(time.RFC3339Nano)
	}
	return digestOf(date, []string{plan.PartitionKey, plan.Note})
}
