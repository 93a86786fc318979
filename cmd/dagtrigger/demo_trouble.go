// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
)

// trouble is the transport from the function to Airflow, which injects failures.
// They are in the transport and not in Airflow, so that the demo runs on any Airflow.
type trouble struct {
	way http.RoundTripper

	mu    sync.Mutex
	fault fault
}

// fault is the injected failure.
type fault string

const (
	noFault     fault = ""
	airflowDown fault = "Airflow is down"
	answerLost  fault = "the response is lost"             // of the next trigger, once
	confRefused fault = "Airflow rejects the event's conf" // of every trigger
)

func (t *trouble) set(f fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fault = f
}

// strikes is the failure to inject into a request.
func (t *trouble) strikes(req *http.Request) fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fault != airflowDown && !isTrigger(req) {
		return noFault
	}
	struck := t.fault
	if struck == answerLost {
		t.fault = noFault
	}
	return struck
}

func isTrigger(req *http.Request) bool {
	return req.Method == http.MethodPost &&
		(strings.HasSuffix(req.URL.Path, "/dagRuns") || strings.HasSuffix(req.URL.Path, "/dag_runs"))
}

func (t *trouble) RoundTrip(req *http.Request) (*http.Response, error) {
	switch t.strikes(req) {
	case airflowDown:
		return nil, refuseConnection(req)
	case confRefused:
		return refuseConf(req)
	case answerLost:
		resp, err := t.way.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return nil, io.ErrUnexpectedEOF
	default:
		return t.way.RoundTrip(req)
	}
}

// drop closes the request's body, as a RoundTripper must also where it sends nothing.
func drop(req *http.Request) error {
	if req.Body == nil {
		return nil
	}
	return req.Body.Close()
}

// refuseConnection is the error of a connection to a closed port.
func refuseConnection(req *http.Request) error {
	if err := drop(req); err != nil {
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// refuseConf answers as Airflow does where a conf does not fit the DAG's Params:
// airflow/api_fastapi/core_api/routes/public/dag_run.py on v2,
// airflow/api_connexion/endpoints/dag_run_endpoint.py on v1. The experimental
// API answers 400 to what it cannot read.
func refuseConf(req *http.Request) (*http.Response, error) {
	if err := drop(req); err != nil {
		return nil, err
	}
	const said = "Invalid input for param amount: 'much' is not of type 'number'"
	mediaType, body := "application/json", fmt.Sprintf(`{"detail": %q}`, said)
	switch {
	case strings.Contains(req.URL.Path, "/api/v1/"):
		mediaType = "application/problem+json"
		body = fmt.Sprintf(`{"detail": %q, "status": 400, "title": "Bad Request", "type": "about:blank"}`, said)
	case strings.Contains(req.URL.Path, "/api/experimental/"):
		body = fmt.Sprintf(`{"error": %q}`, said)
	}
	return &http.Response{
		Status: "400 Bad Request", StatusCode: http.StatusBadRequest, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {mediaType}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: req,
	}, nil
}
