// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"example.com/dagtrigger/internal/airflowid"
)

// Finished reports whether a run's state is its last, unless somebody clears it.
func Finished(state string) bool { return state == "success" || state == "failed" }

// Wait asks once for the states of a run as they change, which only v2 has, from 3.1:
// else the error is of kind APIAbsent, and says errors.ErrUnsupported. Airflow looks
// every interval and answers with a line of JSON each time, of which seen gets the state,
// until the run is over
// (airflow/api_fastapi/core_api/services/public/dag_run.py, DagRunWaiter). As any
// request, it ends after the client's time-out, with an error of kind Timeout.
func (c *Client) Wait(ctx context.Context, dagID, runID string, interval time.Duration, seen func(state string)) error {
	if err := checkDAGID(dagID); err != nil {
		return err
	}
	if err := airflowid.CheckRun(runID); err != nil {
		return invalidID(err)
	}
	d, err := c.webServer(ctx)
	if err != nil {
		return err
	}
	if d.api != V2 || before(c.knownVersion(ctx, d), "3.1") {
		return &Error{
			Kind: APIAbsent, API: d.api, Err: errors.ErrUnsupported,
			Said: "this Airflow cannot be asked to wait for a run", Hint: "look at the run from time to time",
		}
	}
	q := ask{
		api: d.api, method: http.MethodGet,
		path: runsPath(d.api, dagID) + "/" + segment(runID) + "/wait?interval=" + strconv.FormatFloat(interval.Seconds(), 'f', -1, 64),
	}
	_, err = do(ctx, c, q, func(b *body) (none struct{}, err error) { return none, eachState(b, seen) })
	return err
}

// eachState reads the lines of a wait.
func eachState(b *body, seen func(state string)) error {
	for dec := json.NewDecoder(b); ; {
		var line struct{ State string }
		if err := dec.Decode(&line); err != nil {
			return fmt.Errorf("it ends before the run does: %w", err)
		}
		if line.State == "" {
			return errors.New("it has a line without a state")
		}
		seen(line.State)
		if Finished(line.State) {
			return nil
		}
	}
}
