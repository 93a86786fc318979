// SPDX-License-Identifier: Apache-2.0

// Package airflow implements a client of one Airflow web server: a
// [Client] for the three versions of its REST API (v2 of Airflow 3, v1
// of Airflow 2, and the experimental API of Airflow 1.10 and 2), the one typed
// [Error] that every refusal becomes, and the table of [Causes] and fixes that
// an Error's hint is made of.
//
// The package never retries, never follows a redirect, never decides what a
// failure means for an event, and knows nothing of Google but the header that
// its proxy sets and the words that its users need. It imports the standard
// library only.
package airflow

import (
	"net/http"
	"time"
)

// API names a version of Airflow's REST API.
type API string

// The versions. Auto asks the web server once and remembers its answer.
const (
	Auto         API = "auto"
	V2           API = "v2"           // Airflow 3
	V1           API = "v1"           // Airflow 2
	Experimental API = "experimental" // Airflow 1.10, and 2 where enable_experimental_api is set
)

// Limits of what the client sends, reads and quotes.
const (
	// DefaultTimeout bounds one call where [Config] says nothing else; Google's
	// own Composer samples use the same.
	DefaultTimeout = 90 * time.Second
	// MaxBodyV1 is the size of a request body, in bytes, that v1 takes.
	// [webserver] allowed_payload_size is 1.0 MB by default, from Airflow 2.8.1;
	// but 2.11.2 answers the last 64 KiB below that with an HTML 500, which
	// could not be distinguished from a temporary failure.
	MaxBodyV1 = 960 << 10
	// MaxNote is the length of a run's note, in characters; a longer one is cut.
	MaxNote = 1000
	// MaxSaid is how many characters of Airflow's own words an [Error] quotes.
	MaxSaid = 500

	maxAnswer  = 32 << 20  // bytes of a 2xx answer: it repeats the conf, v1 escaped to ASCII
	maxRefusal = 256 << 10 // bytes read of any other
	maxDrained = 256 << 10 // bytes read past what was needed, to use the connection again
	maxHeader  = 64 << 10  // bytes of a response's header
	maxDepth   = 10_000    // levels of an answer, as encoding/json has it
)

// Credentials put the caller's identity on a request.
type Credentials interface {
	// Kind is the word of AIRFLOW_AUTH, for messages, such as google or basic.
	Kind() string
	// Authorize sets the request's credentials, obtaining them first where
	// need be, within the request's context. Its error holds no secret; an
	// [*Error] in it is returned to the caller with its kind.
	Authorize(req *http.Request) error
	// Answered is called once for each request that Authorize let through,
	// with the error that it came to, nil after a 2xx. It reports whether
	// another try would carry other credentials.
	Answered(req *http.Request, refusal *Error) (renewed bool)
}

// Run asks for a DAG run.
type Run struct {
	DAGID string
	RunID string
	// Conf is a JSON object; empty stands for {}. It is sent as it stands: events and
	// routes make no other.
	Conf []byte
	// LogicalDate and RunAfter are zero where none is asked for; both are sent
	// in microseconds. Until RunAfter the run stays queued. Airflow 2 and 1.10
	// have one date for both, so that there RunAfter is the logical date: it must
	// be no other run's, and a run does not wait for it where [scheduler]
	// allow_trigger_in_future is on
	// (airflow/models/dagrun.py, next_dagruns_to_examine).
	LogicalDate time.Time
	RunAfter    time.Time
	// Note goes to v2, and to v1 where the version is known to be 2.5 or
	// later; elsewhere it is left out.
	Note string
	// PartitionKey names the part of the data that the run is about, empty for
	// none. It needs Airflow 3.2, and from 3.3 a partitioned DAG.
	PartitionKey string
}

// DAGRun is a run that Airflow holds.
type DAGRun struct {
	DAGID       string
	RunID       string
	State       string    // queued, running, success or failed; empty after Trigger on the experimental API
	Conf        []byte    // as Airflow gave it back; empty after Trigger, and on the experimental API
	LogicalDate time.Time // zero where the run has none
	RunAfter    time.Time // zero but on v2
	QueuedAt    time.Time // when it was created, or cleared last; zero but on v2
	StartDate   time.Time // zero while the run is queued
	EndDate     time.Time // zero until the run is over, and on the experimental API
	Type        string    // such as manual or scheduled; empty on the experimental API, and on v1 before 2.2
	Note        string
}
