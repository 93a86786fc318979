// SPDX-License-Identifier: Apache-2.0

// Package airflow owns the conversation with one Airflow web server: a client
// that speaks the three dialects of its REST API (v2 of Airflow 3, v1 of
// Airflow 2, and the experimental API of Airflow 1.10 and 2), and the one
// typed [Error] that every refusal becomes.
//
// The package never retries, never decides what a failure means for an event,
// and knows nothing of Google but the header that its proxy sets. It imports
// the standard library only.
package airflow

import (
	"context"
	"net/http"
	"time"
)

// API names a dialect of Airflow's REST API.
type API string

// The dialects. Auto asks the web server once and remembers its answer.
const (
	Auto         API = "auto"
	V2           API = "v2"           // Airflow 3
	V1           API = "v1"           // Airflow 2
	Experimental API = "experimental" // Airflow 1.10, and 2 where enable_experimental_api is set
)

// Credentials put the caller's identity on a request.
type Credentials interface {
	// Kind is the word of AIRFLOW_AUTH, for messages: google, iap, basic, password, bearer or none.
	Kind() string
	// Authorize sets the request's credentials, obtaining them first where
	// need be, within the request's context. Its error holds no secret.
	Authorize(req *http.Request) error
	// Renew is told which request was refused with 401 or 403. It reports
	// whether another try would carry a new credential.
	Renew(refused *http.Request) bool
}

// Run asks for a DAG run.
type Run struct {
	DAGID string
	RunID string
	// Conf is a JSON object; empty stands for {}.
	Conf []byte
	// LogicalDate and RunAfter are zero where none is asked for. RunAfter needs v2.
	LogicalDate time.Time
	RunAfter    time.Time
	// Note needs v2, or v1 of Airflow 2.5 or later.
	Note string
}

// DAGRun is a run that Airflow holds.
type DAGRun struct {
	DAGID       string
	RunID       string
	State       string
	Conf        []byte // as Airflow gave it back; empty on the experimental API
	LogicalDate time.Time
	RunAfter    time.Time
	Note        string
}

// Client's methods:
//
//	New(Config) (*Client, error)
//	(*Client) Trigger(ctx, Run) (DAGRun, error)
//	(*Client) Find(ctx, dagID, runID string) (DAGRun, error)
//	(*Client) Request(ctx, Run) (*http.Request, error)
//	(*Client) DAG, Runs, Version, ImportErrors, API
var _ = context.Background
