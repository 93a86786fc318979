// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"slices"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/pressure"
)

// Whatever the log's field cause can hold is documented: in the table here, or by the
// kind of Airflow's answer in the table there.
func TestEveryCauseOfTheLogIsDocumented(t *testing.T) {
	t.Parallel()
	names := []string{
		CauseEvent, CauseExpression, CauseNoTime, CauseNoEnvironment, CauseNoStore, CauseWindow, CauseOther,
		pressure.CauseLimit, pressure.CauseCircuit, pressure.CauseMaxActive, pressure.CausePaused, pressure.CauseActive, pressure.CauseRemoved,
	}
	for _, kind := range []airflow.Kind{
		airflow.Unauthorized, airflow.Forbidden, airflow.LoginRedirect, airflow.NoCredentials, airflow.NoAddress, airflow.UnknownDAG,
		airflow.UnknownRun, airflow.APIAbsent, airflow.Invalid, airflow.BrokenDAG, airflow.TooLarge, airflow.RunExists, airflow.Conflict,
		airflow.Throttled, airflow.ServerFailure, airflow.Unexpected, airflow.Timeout, airflow.Canceled, airflow.Network,
	} {
		if !slices.ContainsFunc(airflow.Causes(), func(c airflow.Cause) bool { return slices.Contains(c.Kinds, kind) }) {
			names = append(names, causeOf(kind))
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(Causes(), func(c cause.Cause) bool { return c.Name == name && c.Means != "" && c.Fix != "" }) {
			t.Errorf("%s is not in the table of causes", name)
		}
	}
}
