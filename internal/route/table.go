// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"example.com/dagtrigger/internal/event"
)

// A Table is a set of compiled routes. It never changes, and any number of
// goroutines may share it.
type Table struct {
	fallback *fallback
}

// fallback is the one route of a trigger that has no routes file: every event
// starts one DAG.
type fallback struct{ environment, dag string }

// Default is the table of a trigger that has no routes file: one route, named
// default, by which every event starts the DAG dagID with the default conf.
func Default(dagID, environment string) *Table {
	return &Table{fallback: &fallback{environment: environment, dag: dagID}}
}

// Decide tells which DAG runs ev asks for. It does no I/O; ctx bounds the
// time that expressions may take.
func (t *Table) Decide(_ context.Context, ev *event.Event) Decision {
	return Decision{Plans: []Plan{{
		Route:       "default",
		Environment: t.fallback.environment,
		DAG:         t.fallback.dag,
		Identity:    ev.Key(),
		Conf:        defaultConf(ev),
		Note:        note(ev),
	}}}
}

func defaultConf(ev *event.Event) []byte {
	if e, ok := any(ev).(interface{ Conf() []byte }); ok {
		return e.Conf()
	}
	return []byte("{}")
}
