// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// report is what a story came to.
type report struct {
	Airflow string        `json:"airflow"`
	DAGID   string        `json:"dag_id"`
	Events  []eventReport `json:"events"`
	// Due counts the events that must start a run; Runs the runs that Airflow
	// holds for them; NewRuns those that the DAG has more than before.
	Due     int  `json:"events_that_start_a_run"`
	Runs    int  `json:"runs"`
	NewRuns int  `json:"new_runs_of_the_dag"`
	Holds   bool `json:"holds"`
}

// eventReport is what became of one event.
type eventReport struct {
	Title   string   `json:"title"`
	NoRun   string   `json:"no_run_because,omitempty"`
	Due     int      `json:"runs_due"`
	Answers []answer `json:"answers"`
	// Runs are the runs that Airflow holds for the event, with their states.
	Runs map[string]string `json:"runs"`
}

// text is the end of the story, for a person.
func (r *report) text(paint painter) string {
	var b strings.Builder
	rows := [][]string{{"EVENT", "DELIVERED", "OUTCOMES", "RUN IN AIRFLOW"}}
	for i, e := range r.Events {
		rows = append(rows, []string{fmt.Sprintf("%d %s", i+1, e.Title), times(len(e.Answers)), e.kinds(), e.runs()})
	}
	b.WriteString("\n")
	for _, line := range columns(rows) {
		b.WriteString(line + "\n")
	}
	b.WriteString("\nWithout a run, and why:\n")
	for i, e := range r.Events {
		if e.NoRun != "" {
			fmt.Fprintf(&b, "%d %s: %s. The function says:\n%s", i+1, e.Title, e.NoRun, wrapped(e.reason(), lineWidth, "    "))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.verdict(paint))
	return b.String()
}

func (r *report) verdict(paint painter) string {
	counts := fmt.Sprintf("%s, %s", plural(r.Due, "event"), plural(r.Runs, "run"))
	if r.Holds {
		return paint.good(counts + ", nothing lost, nothing twice")
	}
	var wrong []string
	for i, e := range r.Events {
		switch {
		case e.Due == 0 && len(e.Runs) > 0:
			wrong = append(wrong, fmt.Sprintf("event %d has a run", i+1))
		case e.Due > 0 && len(e.Runs) == 0:
			wrong = append(wrong, fmt.Sprintf("event %d is lost", i+1))
		case len(e.Runs) != e.Due:
			wrong = append(wrong, fmt.Sprintf("event %d ran %s", i+1, times(len(e.Runs))))
		}
	}
	if r.NewRuns != r.Runs {
		wrong = append(wrong, fmt.Sprintf("the DAG has %d new runs", r.NewRuns))
	}
	return paint.bad(counts + ": " + strings.Join(wrong, ", "))
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	default:
		return fmt.Sprintf("%d times", n)
	}
}

// kinds are the outcomes in order.
func (e *eventReport) kinds() string {
	var words []string
	for _, a := range e.Answers {
		if len(a.Outcomes) == 0 {
			words = append(words, fmt.Sprintf("refused with %d", a.Status))
		}
		for _, o := range a.Outcomes {
			words = append(words, string(o.Kind))
		}
	}
	return strings.Join(slices.Compact(words), ", ")
}

func (e *eventReport) runs() string {
	if len(e.Runs) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(e.Runs)), " ")
}

// reason is why a event without a run has no run, in the function's own words.
func (e *eventReport) reason() string {
	last := e.Answers[len(e.Answers)-1]
	if len(last.Outcomes) == 0 {
		return last.Error
	}
	return last.Outcomes[0].Reason
}
