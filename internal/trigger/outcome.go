// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/dagtrigger/internal/airflow"
)

// Kind says how an event ended for one route.
type Kind string

// The ways in which an event can end. README.md has their table.
const (
	Triggered Kind = "triggered" // the run was created
	// Published: the run was published to the environment's outbox, and is started there
	// unless it exists.
	Published Kind = "published"
	Duplicate Kind = "duplicate" // the run exists already, under this event's run id
	// Unmatched: no route matched and none failed, or the route that matched starts
	// no run: the event is late, a run is active, or files of its set are missing.
	Unmatched    Kind = "unmatched"
	DeadLettered Kind = "dead_lettered" // a permanent failure, stored
	Rejected     Kind = "rejected"      // a permanent failure, with no store for it
	Deferred     Kind = "deferred"      // a transient failure: the event comes again
)

// Kinds are the ways in which an event can end.
func Kinds() []Kind {
	return []Kind{Triggered, Published, Duplicate, Unmatched, DeadLettered, Rejected, Deferred}
}

// Missing is in place of Triggered with [Replay.LookOnly]: the run does not exist.
const Missing Kind = "missing"

// Outcome is how one event ended for one route. Neither its fields nor what is
// made of them hold a token, a password or the conf.
type Outcome struct {
	EventID     string `json:"event_id"`
	Route       string `json:"route"`
	Kind        Kind   `json:"outcome"`
	Environment string `json:"environment"`
	DAGID       string `json:"dag_id"`
	// Asset is the URI or the name of the asset that the route names, empty for none.
	// RunID is then that of its materialization, or the id in its event's extra.
	Asset  string `json:"asset,omitempty"`
	RunID  string `json:"dag_run_id"`
	Reason string `json:"reason"`
	// Count is how many outcomes a row of [Rows] adds up; zero for an outcome itself.
	Count int `json:"count,omitempty"`

	// Cause names what stood in the way, for those who count: the kind of
	// Airflow's refusal in small letters and underscores, such as login_redirect,
	// the bound of package pressure that was met, or one of this package's. Empty
	// where nothing did.
	Cause string `json:"-"`
	// EventKey and ConfDigest identify the event and the conf that the route decided on,
	// where the [Pipeline] is to be compared with shadows; else empty. RestDigest is of the
	// logical date, the partition key and the note. Of a late event WindowRunID is the run
	// of its window, and the digests are of that.
	EventKey    string `json:"-"`
	ConfDigest  string `json:"-"`
	RestDigest  string `json:"-"`
	WindowRunID string `json:"-"`
	// Missed is the nearest route of an unmatched event and the key of it that did not
	// match: events that missed the same are added up.
	Missed Missed `json:"-"`
	// Examples are the first events of a row of the log.
	Examples Examples `json:"-"`
	// Alone has the line of an unmatched event never added up with others.
	Alone bool `json:"-"`
	// Throttled reports that a deferral is due to an overloaded Airflow, or to
	// a limit that protects it.
	Throttled bool `json:"-"`
	// RetryAfter is when a deferred event may come again, zero where nobody said.
	RetryAfter time.Duration `json:"-"`
	// Operator reports that waiting does not fix it: an operator has to.
	Operator bool `json:"-"`
}

// Missed is a route and the key of it that did not match an event; zero where there is
// no route.
type Missed struct{ Route, Key string }

// The causes that are no refusal of Airflow's or of package pressure.
const (
	CauseEvent         = "event"             // the event's data is not what its type promises
	CauseExpression    = "expression"        // of a route: it failed
	CauseReject        = "reject"            // a route rejects the event, by its key reject
	CauseNoTime        = "no_time"           // the request's time ran out
	CauseNoEnvironment = "no_environment"    // the route names one that is not set up
	CauseNoStore       = "dead_letter_store" // the dead letter could not be stored
	CauseWindow        = "window"            // Airflow does not let the window's run wait
	CauseIncomplete    = "incomplete"        // objects of the route's set are missing
	CauseListing       = "listing"           // Cloud Storage did not list the set
	CauseNoMemory      = "no_memory"         // the instance has none left for a shadow
	CauseOutbox        = "outbox"            // Pub/Sub does not take the run's message
	CauseOther         = "other"
)

// causeOf names a kind of refusal.
func causeOf(kind airflow.Kind) string {
	return strings.ToLower(strings.ReplaceAll(string(kind), " ", "_"))
}

// Status is the HTTP status that this outcome alone would be answered with.
// Pub/Sub takes 102, 200, 201, 202 and 204 for an acknowledgement and sends the
// event again after any other:
// https://cloud.google.com/pubsub/docs/push#receive_push
func (o Outcome) Status() int {
	switch o.Kind {
	case Triggered, Published, Duplicate, Unmatched, DeadLettered:
		return http.StatusOK
	case Rejected:
		return http.StatusUnprocessableEntity
	case Deferred:
		if o.Throttled {
			return http.StatusTooManyRequests
		}
	}
	return http.StatusServiceUnavailable
}

// Status is the status that answers all outcomes at once: the worst wins, so
// that nothing is acknowledged that has not ended. What did succeed is met as
// a duplicate when the event comes again.
func Status(outcomes []Outcome) int {
	worst := http.StatusOK
	for _, o := range outcomes {
		if s := o.Status(); rank(s) > rank(worst) {
			worst = s
		}
	}
	return worst
}

// rank orders statuses. A deferral stands above a rejection, since only the
// deferral gets better by waiting; 503 above 429, since it says more is wrong.
func rank(status int) int {
	switch status {
	case http.StatusOK:
		return 0
	case http.StatusUnprocessableEntity:
		return 1
	case http.StatusTooManyRequests:
		return 2
	default:
		return 3
	}
}

// RetryAfter is the longest time that an outcome asks to wait, zero where none does.
func RetryAfter(outcomes []Outcome) time.Duration {
	var longest time.Duration
	for _, o := range outcomes {
		longest = max(longest, o.RetryAfter)
	}
	return longest
}

// maxField is the most bytes of a field of an answer or of a line of the log.
const maxField = 1 << 10

// Short is text that fits into a field: where it is longer it ends in an
// ellipsis, at the border of a character.
func Short(text string) string { return short(text, maxField) }

// short is text of at most so many bytes.
func short(text string, most int) string {
	const ellipsis = "…"
	if len(text) <= most {
		return text
	}
	end := most - len(ellipsis)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end]) + ellipsis
}

// Shorten makes each field of the outcome fit into an answer.
func (o *Outcome) Shorten() {
	for _, field := range []*string{&o.EventID, &o.Route, &o.Environment, &o.DAGID, &o.Asset, &o.RunID, &o.Reason} {
		*field = Short(*field)
	}
}
