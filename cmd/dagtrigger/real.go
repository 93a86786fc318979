// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/real/airflowreal"
)

// startReal starts a real Airflow, and installs it first if necessary.
// progress receives lines about what takes long.
func startReal(ctx context.Context, version string, progress func(string)) (*localAirflow, error) {
	real, err := airflowreal.Start(ctx, airflowreal.Options{Version: version, Scheduler: true, Progress: progress})
	if err != nil {
		return nil, err
	}
	a := &localAirflow{
		name: fmt.Sprintf("Airflow %s, a real one on %s", real.Version, real.Database), url: real.URL, dagID: airflowreal.PlainDAG,
		close: real.Close,
		login: fmt.Sprintf("%s / %s, in its pages too", real.Admin.Name, real.Admin.Password),
	}
	if strings.HasPrefix(version, "2.") {
		a.access("basic", real.Admin.Name, real.Admin.Password, "/api/v1/dags/%s/dagRuns")
	} else {
		a.access("password", real.Admin.Name, real.Admin.Password, "/api/v2/dags/%s/dagRuns")
	}
	return a, nil
}
