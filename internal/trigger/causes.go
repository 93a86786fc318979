// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/pressure"
)

// Causes is the table of the causes in the log that are not answers of Airflow: the
// event, the route, the time, and the bounds that protect Airflow, each with its fix.
func Causes() []cause.Cause {
	return []cause.Cause{
		{Name: CauseEvent, Means: "the event's data is not what its type promises, such as a Storage event without an object resource",
			Fix: "fix what sends such events; the reason says what is missing"},
		{Name: CauseExpression, Means: "an expression of the route failed for the event",
			Fix: `guard it, as with .?name.orValue(…), then: dagtrigger dead-letters replay --route ROUTE`},
		{Name: CauseNoTime, Means: "the request's time ran out before the event was decided or its run was started; it is sent again",
			Fix: "raise the function's time-out, or see why Airflow is slow: dagtrigger doctor"},
		{Name: CauseNoEnvironment, Means: "the route names an environment that is not set up",
			Fix: "add it under environments, then: dagtrigger check"},
		{Name: CauseNoStore, Means: "the event failed permanently, and its dead letter could not be stored; it is sent again",
			Fix: "give the function's account the right to write to the store that the reason names: dagtrigger doctor"},
		{Name: CauseWindow, Means: "the run of a window (every) has started before the window was over",
			Fix: "let nobody else start or clear runs of that DAG; see every in: dagtrigger help routes"},
		{Name: CauseOutbox, Means: "Pub/Sub did not take the run for the environment's outbox; it is sent again, unless its message is too large",
			Fix: "do what the reason says, then: dagtrigger doctor"},
		{Name: CauseOther, Means: "a failure that has no name; the event is sent again", Fix: "read the reason in the log"},
		{Name: "canceled", Means: "the sender closed the request before the run was started; it sends the event again",
			Fix: "raise the acknowledgement deadline of the subscription to 600 s"},
		{Name: pressure.CauseLimit,
			Means: "this instance has as many requests to Airflow in flight as Airflow answers well; the event is sent again",
			Fix:   "nothing, where it passes; otherwise give the web server more workers"},
		{Name: pressure.CauseCircuit, Means: "Airflow is down, and one request at a time looks whether it is back; the event is sent again",
			Fix: "bring Airflow back: dagtrigger doctor"},
		{Name: pressure.CauseMaxActive,
			Means: "as many runs of the DAG are queued or running as the route's max_active allows; the event is sent again",
			Fix:   "nothing, where runs end; otherwise raise max_active, or see why they do not"},
		{Name: pressure.CausePaused, Means: "the DAG is paused, and the route's when_paused does not start runs of such a DAG",
			Fix: "unpause the DAG"},
		{Name: pressure.CauseActive, Means: "a run of the DAG is queued or running, and the route has skip_active: the event starts none",
			Fix: "nothing, where that is meant; otherwise remove skip_active"},
		{Name: pressure.CauseRemoved, Means: "the event's run may have been created and deleted since",
			Fix: "add --start-old to start it again"},
	}
}
