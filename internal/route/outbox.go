// SPDX-License-Identifier: Apache-2.0

package route

import "example.com/dagtrigger/internal/document"

// Outbox stands in [Options.APIs] for an environment whose runs are published to a topic,
// and that answers nothing.
const Outbox = "outbox"

// OutboxProblems reports the keys of the route that need an answer of Airflow, or that a
// task of Airflow cannot pass on.
func (s *Spec) OutboxProblems() document.Problems {
	const silent = "which answers nothing"
	var problems document.Problems
	for _, k := range []struct {
		name, why string
		text      Text
		fix       string
	}{
		{"asset", silent, s.Asset, "name the DAG that waits for it: dag: load_sales"},
		{"dataset", silent, s.Dataset, "name the DAG that waits for it: dag: load_sales"},
		{"partition_key", "whose DAG cannot pass it on", s.PartitionKey, "leave it out, and pass the value in conf"},
		{"when_paused", silent, s.WhenPaused, "leave it out: the run waits until the DAG is unpaused"},
		{"max_active", silent, Text{Position: s.MaxActive.Position}, "leave it out, and set max_active_runs in the DAG"},
		{"skip_active", silent, Text{Position: s.SkipActive.Position}, "leave it out, and set max_active_runs in the DAG"},
	} {
		if k.text.Line > 0 {
			problems = append(problems, problem(k.text.Position, k.name+" cannot be used with an outbox, "+k.why, k.fix))
		}
	}
	return problems
}
