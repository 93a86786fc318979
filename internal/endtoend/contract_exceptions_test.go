// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
)

// exception is what some rows want of some releases, in place of what the row says.
type exception struct {
	since  string // of releases from this one on; empty: of all
	before string // and before this one
	api    airflow.API
	setups string // whose names begin so
	was    string // what the row wants elsewhere; empty: anything
	want   string
	absent bool // such rows do not apply
	reason string
	rows   []string
}

func (e exception) holds(release, setup string, s scenario) bool {
	return s.api == e.api && strings.HasPrefix(setup, e.setups) && (e.was == "" || e.was == s.want) && slices.Contains(e.rows, s.name) &&
		airflowreal.CompareVersions(release, e.before) < 0 && airflowreal.CompareVersions(release, e.since) >= 0
}

// exceptions are in the order in which they are looked for.
func exceptions() []exception {
	return slices.Concat(
		exceptionsLogin("", "2.9.0"), exceptionsLogin("2.10.0", "2.11.0"), exceptions2(), exceptions30(), exceptions32(),
	)
}

const (
	noDatasetEvents = "dataset events are posted from 2.9 on: the client refuses to send one"
	askedForLogin   = "the API answers 401 to a caller without valid credentials, on 2.9.3 and 2.11 403"
	paramsFail      = "a conf that fails the Params is a 500 before 2.9.2, which the client takes for a temporary failure"
	noStore         = "what PostgreSQL cannot store is a 500 before 3.3: the client does not send such a conf"
	noDefault       = "no DAG is loaded whose Param lacks a default, so that this one has one"
	noPartitions    = "partition keys came with 3.2"
	noBody          = "materializing with a run id came with 3.2.2: the client refuses to send it"
)

// exceptionsLogin are those of the releases whose user management (the provider FAB) answers 401. The
// contract was seen on 2.7.3, 2.9.3, 2.10.5 and 2.11.2.
func exceptionsLogin(since, before string) []exception {
	const unauthorized = `401 unauthorized`
	everybody := []string{"started by admin", "started by a viewer", "started with a wrong password", "started by nobody"}
	return []exception{
		{
			since: since, before: before, api: airflow.V1, setups: "basic_auth", was: `403 forbidden`, want: unauthorized, reason: askedForLogin,
			rows: []string{
				"started with a wrong password", "started by nobody", "a DAG, to nobody", "import errors, to nobody", "runs, to nobody",
				"the Params of a DAG, to nobody", "unpausing, without credentials", "whether nobody may start runs",
			},
		},
		{since: since, before: before, api: airflow.V1, was: `created; 403 forbidden`, want: `created; 401 unauthorized`, reason: askedForLogin,
			rows: []string{"a run, to nobody"}},
		{since: since, before: before, api: airflow.V1, setups: "deny_all", was: `403 forbidden`,
			want: unauthorized, reason: askedForLogin, rows: everybody},
		{since: since, before: before, api: airflow.V1, setups: "session", was: `403 forbidden`,
			want: unauthorized, reason: askedForLogin, rows: everybody},
	}
}

func exceptions2() []exception {
	const html = `401 unauthorized, in text/html`
	return []exception{
		{since: "2.10.0", before: "2.11.0", api: airflow.V1, want: `401`, reason: askedForLogin, rows: []string{"an event of nobody's, sent"}},
		{before: "2.9.2", api: airflow.V1, was: `400 invalid`, want: `500 server failure, in text/html`, reason: paramsFail, rows: []string{
			"a boolean for a number", "a list for an object", "a number out of bounds", "a number that is not whole", "a text for a number",
			"a text of another pattern", "a text of no choice", "a text too long", "a text too short", "an invalid member of an object",
			"an object that lacks something", "an object with something more", "null for a text", "null for what has no default", "two faults",
		}},
		{before: "2.9.0", api: airflow.V1, want: `400 invalid; 404 unknown run`, reason: "a data interval came with 2.9",
			rows: []string{"a date with an interval", "an interval that is null"}},
		{before: "2.9.0", api: airflow.V1, want: `405`, reason: noDatasetEvents, rows: []string{
			"an event", "an event without extra", "an event of no dataset", "an event without a dataset", "an event with an extra that is null",
			"an event with a name that is none", "an event of a viewer's, sent", "an event of nobody's, sent",
		}},
		{before: "2.9.0", api: airflow.V1, want: `not sent: invalid`, reason: noDatasetEvents, rows: []string{
			"look up an asset by its URI", "look up an asset that a DAG makes", "look up an asset that is not there", "look up a wildcard",
			"look up a viewer's asset", "an event of no asset", "an event of a viewer's", "the permission to publish",
			"a viewer has no permission to publish",
		}},
		{before: "2.9.0", api: airflow.V1, want: `not sent: invalid; not sent: invalid`, reason: noDatasetEvents, rows: []string{
			"an event with an extra", "an event is read by a viewer", "an event of a paused DAG is dropped",
			"an event starts the DAG that waits for it",
		}},
		{before: "2.9.0", api: airflow.V1, want: `not sent: invalid; not sent: invalid; not sent: invalid; not sent: invalid`,
			reason: noDatasetEvents, rows: []string{"an event is found by its id"}},
		{before: "2.9.0", api: airflow.V1, want: `created`, reason: noDefault,
			rows: []string{"no conf, where a param has no default", "not what has no default"}},
		{before: "2.9.0", api: airflow.Experimental, want: `created`, reason: noDefault,
			rows: []string{"no conf, where a param has no default", "not what has no default"}},
		{before: "2.9.0", api: airflow.V1, want: strings.Replace(everyKind, "day null", `day "2026-01-01"`, 1),
			reason: noDefault, rows: []string{"the Params of a DAG, of every kind"}},
		{before: "2.8.1", api: airflow.V1, want: `created`, reason: "a body over a megabyte is accepted before 2.8.1",
			rows: []string{"more than a megabyte"}},
		{before: "2.11.0", api: airflow.V1, want: `created`, reason: "a body of just a megabyte is accepted, which is a 500 on 2.11",
			rows: []string{"just below a megabyte", "one more than the client sends"}},
		{before: "2.11.0", api: airflow.Experimental, want: `created`, reason: "the experimental API has no limit of a megabyte",
			rows: []string{"a conf of 1.1 MB"}},
		{before: "2.11.0", api: airflow.Experimental, setups: "basic_auth", want: html, reason: openExperimental,
			rows: []string{"a DAG, to nobody", "the version, to nobody"}},
		{before: "2.11.0", api: airflow.Experimental, setups: "basic_auth", was: `created`, want: html, reason: openExperimental,
			rows: []string{"started by nobody"}},
		{before: "2.11.0", api: airflow.Experimental, setups: "basic_auth", want: `created; ` + html, reason: openExperimental,
			rows: []string{"a run, to nobody"}},
	}
}

const openExperimental = "the experimental API asks for credentials under basic_auth, and on 2.11 it does not"

// exceptions30 are those of 3.0 and 3.1.
func exceptions30() []exception {
	on30 := func(want, reason string, rows ...string) exception {
		return exception{since: "3.0.0", before: "3.1.0", api: airflow.V2, want: want, reason: reason, rows: rows}
	}
	on31 := func(want, reason string, rows ...string) exception {
		e := on30(want, reason, rows...)
		e.before = "3.2.0"
		return e
	}
	const noWait, noObject = "waiting for a run came with 3.1", "a body that is not an object is a 500 on 3.0"
	const nextField = "an unknown member is refused; partition keys came with 3.2"
	return []exception{
		on30(`created; success, started at its date`, "a logical date takes the place of run_after on 3.0",
			"a date ahead holds the tasks back, not the run"),
		on30(`500 server failure, in text/plain`, noObject, "null", "a list", "a text", "a number"),
		on30(`422 invalid; 404 unknown run`, "a conf of null is refused on 3.0", "conf null"),
		on30(`422`, "a token is asked for by JSON alone on 3.0", "a token by a form", "a token for another type", "a token for nonsense"),
		on30(`not sent: API absent`, noWait, "a wait, to nobody", "a wait for no run"),
		on30(`created; not sent: API absent`, noWait, "a wait for a run"),
		on30(`404`, noWait, "a wait without an interval", "a wait with an interval of nothing", "a wait with an interval that is none"),
		on30(`403 forbidden`, "an empty token is a wrong one on 3.0", "an empty token"),
		{since: "3.1.0", before: "3.2.0", api: airflow.V2, setups: "all are admins", want: `401 unauthorized; 401 unauthorized`,
			reason: "3.1 asks for a token also where all are admins", rows: []string{"nobody"}},
		on31(`422 invalid`, nextField, "a blank partition key, sent", "a long partition key, sent", "a partition of a DAG without any",
			"a run of a partition, of a DAG without", "a run of a partition"),
		on31(`422 invalid; 404 unknown run`, nextField, "a partition that is null"),
		on31(`422`, nextField, "an event of a partition"),
		on31(`not sent: unknown asset; not sent: unknown asset`, noPartitions,
			"an event without a partition is dropped by a partitioned DAG"),
		{since: "3.0.0", before: "3.2.0", api: airflow.V2, absent: true, reason: noPartitions,
			rows: []string{"an event of a partition starts a partitioned DAG"}},
		{since: "3.0.0", before: "3.1.0", api: airflow.V2, absent: true,
			reason: "of two events of one asset at once, one can miss its run on 3.0, so that a single row waits for it",
			rows:   []string{"an event by the asset's name"}},
		on31(`not sent: invalid`, noBody,
			"a materialization of a partition", "materialize an asset that nothing makes", "materialize as a viewer"),
		on31(`not sent: invalid; not sent: invalid; 404 unknown run`, noBody, "materialize"),
		on31(`not sent: invalid; 404 unknown run`, noBody, "materialize with a conf and a note"),
		on31(`created; queued`, "allowed_run_types came with 3.2", "a DAG that nobody may start"),
		on31(`400 invalid`, "the id is compared with its pattern first", "NUL in an id"),
		on31(`created`, "the prefix came to be reserved with 3.2", "an id of a materialization"),
		on31(`created; 409 run exists`, "the run id is looked for before the date", "a run again on its date"),
		on31(`created; created; 409 run exists`, "the run id is looked for before the date", "one run's id and another one's date"),
		on31(`created; queued with {"a":1.5,"b":1000.0,"c":1e-07,"d":1e-05,"e":10000000000000000,"f":0.0}`,
			"another program writes the floats back", "floats as they are written back"),
		on31(`created`, "the body's type is not looked at where there is none", "no type"),
	}
}

// exceptions32 are those of 3.2, and of the two before it.
func exceptions32() []exception {
	on32 := func(want, reason string, rows ...string) exception {
		return exception{since: "3.0.0", before: "3.3.0", api: airflow.V2, want: want, reason: reason, rows: rows}
	}
	const anyDAG = "3.2 keeps the partition key of a DAG without partitions"
	return []exception{
		on32(`not sent: invalid; 404 unknown run`, noStore, "NUL in a conf", "NUL in a name of a conf", "a number without end in a conf"),
		on32(`not sent: invalid`, noStore, "half a character in a conf"),
		on32(`500 server failure, in text/plain`, noStore,
			"infinity in a conf", "an id too long", "a note too long", "a long partition key, sent"),
		on32(`created`, "3.2 and those before it accept two dots in an id", "two dots in an id"),
		on32(`created`, "the prefix came to be reserved with 3.3", "an id of an operator's run"),
		on32(`created`, anyDAG, "a blank partition key, sent", "a partition of a DAG without any", "a run of a partition, of a DAG without",
			"a materialization of a partition"),
	}
}

// An exception of no row, or that changes nothing, is a mistake in its table.
func TestEveryExceptionHoldsForARow(t *testing.T) {
	t.Parallel()
	for _, e := range exceptions() {
		release := e.since
		if release == "" {
			release = airflowreal.Least
		}
		for _, name := range e.rows {
			found := false
			for _, s := range slices.Concat(setupGroups(release)...) {
				for _, sc := range s.scenarios {
					found = found || sc.name == name && e.holds(release, s.name, sc) && (e.absent || sc.want != e.want)
				}
			}
			if !found || e.reason == "" {
				t.Errorf("the exception %q of Airflow %s before %s changes no row (reason %q)", name, release, e.before, e.reason)
			}
		}
	}
}
