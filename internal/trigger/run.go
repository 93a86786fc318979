// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/route"
)

// maxSkew is by how much the clocks of this process and of Airflow may differ
// without an event being taken for one that a window's run has seen.
const maxSkew = 2 * time.Second

// AssetEvent is the event of an asset that plan asks for, as Airflow is asked for it.
func AssetEvent(plan *route.Plan) airflow.AssetEvent {
	return airflow.AssetEvent{Asset: plan.Asset, ID: RunID(plan), Extra: plan.Conf, PartitionKey: plan.PartitionKey}
}

// Run is the run that plan asks for, as Airflow is asked for it.
//
// That of a window waits until the window's start. Before Airflow 3 the date it
// waits for has to be no other run's, so that its microseconds are made of the
// run id.
func Run(plan *route.Plan) airflow.Run {
	run := airflow.Run{
		DAGID: plan.DAG, RunID: RunID(plan), Conf: plan.Conf,
		LogicalDate: plan.LogicalDate, Note: plan.Note, PartitionKey: plan.PartitionKey,
	}
	if start := plan.Window.Starts(); !start.IsZero() {
		sum := sha256.Sum256([]byte(run.RunID))
		run.RunAfter = start.Add(time.Duration(binary.BigEndian.Uint32(sum[:])%1e6) * time.Microsecond)
	}
	return run
}
