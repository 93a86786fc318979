// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// Kind says what went wrong, so that a caller can decide without reading text.
type Kind string

// The kinds. Where only a look can decide whether the run exists all the same,
// [Error.InDoubt] says so.
const (
	Unauthorized  Kind = "unauthorized"      // 401
	Forbidden     Kind = "forbidden"         // 403
	LoginRedirect Kind = "login redirect"    // any 3xx: redirects are never followed
	NoCredentials Kind = "no credentials"    // they could not be obtained; nothing was sent
	NoAddress     Kind = "no address"        // the web server's address is not known; nothing was sent
	UnknownDAG    Kind = "unknown DAG"       // in Airflow's own words
	UnknownRun    Kind = "unknown run"       // likewise, from Find
	UnknownAsset  Kind = "unknown asset"     // likewise, or no DAG makes it
	APIAbsent     Kind = "API absent"        // any other 404, 405: this API is off or not there
	Invalid       Kind = "invalid"           // Airflow refuses the request, or would: trying again cannot help
	BrokenDAG     Kind = "broken DAG"        // the DAG's file has import errors
	TooLarge      Kind = "too large"         // 413, or a body over MaxBodyV1, which is not sent
	RunExists     Kind = "run exists"        // the run id is taken, for certain
	Conflict      Kind = "conflict"          // the run id or the logical date is taken
	Throttled     Kind = "throttled"         // 429, 425
	ServerFailure Kind = "server failure"    // 5xx
	Unexpected    Kind = "unexpected answer" // a 2xx that is not what was asked for, or a status that Airflow does not send
	Timeout       Kind = "timeout"           // no answer in time, 408
	Canceled      Kind = "canceled"          // the caller gave up
	Network       Kind = "network"           // no connection, or a broken one
)

// String is the kind's name, for people and logs.
func (k Kind) String() string { return string(k) }

// Source is who refused, as far as the answer shows it.
type Source string

// The sources. The experimental API refuses in HTML or plain text, so that
// there Airflow itself counts as FromElsewhere.
const (
	FromAirflow   Source = "airflow"   // the answer has a shape that Airflow uses
	FromIAP       Source = "iap"       // Google says that its proxy made it
	FromElsewhere Source = "elsewhere" // a proxy, a login page, an older Airflow
)

// Error is why a call did not do what was asked of it.
type Error struct {
	Kind   Kind
	API    API    // Auto while it is asked for, empty where it did not matter
	Status int    // HTTP status; 0 where there was no answer
	Source Source // empty where there was no answer
	Front  Front  // what answered in Airflow's place, empty where it was Airflow or is not known
	// MediaType of the answer, such as application/problem+json; empty where
	// it gives none that is well formed.
	MediaType string
	// Said is what the answer says, in the words that are quoted, or else what
	// this side can say. It is one line of at most [MaxSaid] characters, in which
	// "…" stands for words that may repeat the conf or the credentials.
	Said string
	// Hint is what to do, from the table of [Causes].
	Hint string
	// RetryAfter is how long the server asks to be left alone; zero where it
	// does not say.
	RetryAfter time.Duration
	// Reach is why no answer came; empty where one came.
	Reach Reach
	// Challenge is the scheme of the answer's WWW-Authenticate, such as Basic.
	Challenge string
	// LookedUp is [Config.LookedUp], on which the hint depends.
	LookedUp bool
	// InDoubt reports that Trigger's run may exist all the same: [Client.Find] tells.
	InDoubt bool
	// Renewed reports that another try would carry a new credential.
	Renewed bool
	// Err is the underlying error where there was no answer. Its text may hold
	// what Said leaves out.
	Err error
}

// Error begins with the HTTP status and the media type of an answer, or with
// the kind where there was none, and ends in what to do.
func (e *Error) Error() string {
	text := string(e.Kind)
	if e.Status != 0 {
		text = strconv.Itoa(e.Status) + " " + cmp.Or(e.MediaType, "without media type")
	}
	separator := ": "
	if e.Said != "" {
		text += ": " + e.Said
		separator = "; "
	}
	if e.Hint != "" {
		text += separator + e.Hint
	}
	return text
}

// Unwrap gives what went wrong below HTTP, such as context.Canceled.
func (e *Error) Unwrap() error { return e.Err }

// beforeSending is the Error of a request that never left.
func beforeSending(kind Kind, api API, said, hint string) *Error {
	return &Error{Kind: kind, API: api, Said: strings.ToValidUTF8(said, "\uFFFD"), Hint: hint}
}
