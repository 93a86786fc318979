// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/trigger"
)

// Row is an event in the list: what happened, from where, and what came of it.
type Row struct {
	Number   int       `json:"number"`
	At       string    `json:"at"` // when it was received, RFC 3339
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Source   string    `json:"source"`
	Subject  string    `json:"subject"`
	Status   int       `json:"status"` // of the response, 0 while there is none
	Reason   string    `json:"reason,omitempty"`
	Outcomes []Outcome `json:"outcomes"`
}

// Outcome is what came of an event by one route, as the response says it, and the
// state of the run as Airflow says it.
type Outcome struct {
	EventID     string `json:"event_id"`
	Route       string `json:"route"`
	Kind        string `json:"outcome"`
	Environment string `json:"environment"`
	DAGID       string `json:"dag_id"`
	Asset       string `json:"asset,omitempty"`
	RunID       string `json:"dag_run_id"`
	Reason      string `json:"reason"`
	Count       int    `json:"count,omitempty"`
	// State is queued, running, success or failed; empty where it was not read.
	State string `json:"state,omitempty"`
}

func (r Row) clone() Row {
	r.Outcomes = slices.Clone(r.Outcomes)
	return r
}

func rowOf(ev *event.Event) Row {
	return Row{ID: trigger.Short(ev.ID), Type: trigger.Short(ev.Type), Source: trigger.Short(ev.Source), Subject: trigger.Short(ev.Subject)}
}

// outcomesOf reads the function's response: its outcomes, and why a request was
// refused.
func outcomesOf(response []byte) ([]Outcome, string) {
	var read struct {
		Outcomes []Outcome `json:"outcomes"`
		Error    string    `json:"error"`
	}
	if err := json.Unmarshal(response, &read); err != nil {
		return nil, ""
	}
	return read.Outcomes, read.Error
}

// hasRun reports whether Airflow has a run whose state can be read.
func (o *Outcome) hasRun() bool {
	return (o.Kind == "triggered" || o.Kind == "duplicate") && o.Asset == "" && o.DAGID != "" && o.RunID != "" && o.Count == 0
}

// isOver reports whether the run has ended.
func (o *Outcome) isOver() bool { return o.State == "success" || o.State == "failed" }

// again is how long after an event the state of its run is read again: at first
// every second, then ever more seldom.
func again(age time.Duration) time.Duration { return max(time.Second, min(age/8, time.Minute)) }

// quoted is a text in JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return string(b)
}
