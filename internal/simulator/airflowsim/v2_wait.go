// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// v2Wait answers with a line for each look at the run's state, until the run is over:
// wait_dag_run_until_finished of core_api/routes/public/dag_run.py, and DagRunWaiter.
func v2Wait(c *call) answer {
	c.unsimulated("interval")
	interval, fault := c.v2Interval()
	if fault != nil {
		return detail(http.StatusUnprocessableEntity, []any{fault})
	}
	r, missing := c.v2RunOfPath()
	if r == nil {
		return missing
	}
	s := c.s
	return answer{status: http.StatusOK, stream: func(w http.ResponseWriter, req *http.Request) {
		for {
			s.mu.Lock()
			state, _, _ := s.state(r, s.now())
			s.mu.Unlock()
			if _, err := fmt.Fprintf(w, "{\"state\": %q}\n", state); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush() // a caller that has gone is seen below
			if state == "success" || state == "failed" {
				return
			}
			select {
			case <-req.Context().Done():
				return
			case <-time.After(interval):
			}
		}
	}}
}

// v2Interval reads the query parameter interval, in seconds.
func (c *call) v2Interval() (time.Duration, any) {
	query := c.URL.Query()
	if !query.Has("interval") {
		return 0, invalid("missing", "Field required", nil, "query", "interval")
	}
	text := query.Get("interval")
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, invalid("float_parsing", "Input should be a valid number, unable to parse string as a number", text, "query", "interval")
	case !(seconds > 0):
		fault := invalid("greater_than", "Input should be greater than 0", text, "query", "interval")
		fault.set("ctx", obj("gt", number("0.0")))
		return 0, fault
	}
	return time.Duration(min(seconds, 3600) * float64(time.Second)), nil
}
