// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"errors"
	"net/http"
)

// MayTrigger asks whether the caller may start a run of a DAG, and starts
// none: it asks for a run that Airflow refuses in any case, but only after it
// has looked at the caller's permission. The experimental API knows no
// permissions, and is not asked.
//
// v2 looks at the caller before the body, in which logical_date is required
// (TriggerDAGRunPostBody in airflow/api_fastapi/core_api/datamodels/dag_run.py).
// v1 holds the body against its schema first, then the caller, and then
// refuses two dates that differ (DAGRunSchema in
// airflow/api_connexion/schemas/dag_run_schema.py); before 2.2 it knows only
// one of them, and refuses the other.
func (c *Client) MayTrigger(ctx context.Context, dagID string) error {
	if err := checkDAGID(dagID); err != nil {
		return err
	}
	d, err := c.stable(ctx)
	if err != nil {
		return err
	}
	refused, status := refusedV2, http.StatusUnprocessableEntity
	if d.api == V1 {
		refused, status = refusedV1, http.StatusBadRequest
	}
	q := ask{api: d.api, method: http.MethodPost, path: runsPath(d.api, dagID), body: []byte(refused)}
	// A server that is no Airflow may take it: then it lets the caller trigger.
	_, err = do(ctx, c, q, func(*body) (none struct{}, err error) { return none, nil })
	e, ok := errors.AsType[*Error](err)
	if ok && (e.Status == status || e.Status == http.StatusConflict) && e.Source == FromAirflow {
		return nil
	}
	return err
}

// Bodies that Airflow refuses, each by its own check of the body's members.
const (
	refusedV2 = `{"dag_run_id":"dagtrigger-doctor"}`
	refusedV1 = `{"dag_run_id":"dagtrigger-doctor","logical_date":"2000-01-01T00:00:00Z","execution_date":"2000-01-02T00:00:00Z"}`
)
