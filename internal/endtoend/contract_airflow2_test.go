// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
)

// v1Rows are the runs that v1 alone can be asked for, and its ids.
func v1Rows() []scenario {
	return in(
		airflow.V1,
		row("a paused DAG is unpaused", `200; paused; unpaused; active`,
			patch("/api/v1/dags/"+airflowreal.UnpausedDAG).sending(`{"is_paused":true}`), look(airflowreal.UnpausedDAG),
			unpause(airflowreal.UnpausedDAG), look(airflowreal.UnpausedDAG)),
		row("an empty object", `created with a generated run id`, start("a").sending(`{}`)),
		row("an empty id is made up", `created with a generated run id`, start("a").called("")),
		row("an id of a scheduled run", `400 invalid`, start("a").called("scheduled__x")),
		row("an id of a backfill", `400 invalid`, start("a").called("backfill__x")),
		row("an id of a dataset's run", `400 invalid`, start("a").called("dataset_triggered__x")),
		row("an id of Airflow 3's assets", `created`, start("a").called("asset_triggered__$a")),
		row("an id of an automatic run", `created`, start("a").called("manual__$a")),
		row("a blank in an id", `500 server failure, in text/html`, start("a").called("a b")),
		row("a slash in an id", `500 server failure, in text/html`, start("a").called("a/b")),
		row("two dots in an id", `created`, start("a").called("$a..b")),
		row("NUL in an id", `500 server failure, in text/html`, start("a").sending(`{"dag_run_id":"a\u0000b"}`)),
		row("an id too long", `400 invalid`, start("a").called(strings.Repeat("x", 251))),
		row("a line's end after an id", `500 server failure, in text/html`, start("a").called("$a\n")),
		row("an accent in an id", `500 server failure, in text/html`, start("a").called("ä")),
		row("an escape in an id", `500 server failure, in text/html`, start("a").called("a%2Fb")),
		row("an id that is null", `400 invalid`, start("a").sending(`{"dag_run_id":null}`)),
		row("an id that is a number", `400 invalid`, start("a").sending(`{"dag_run_id":5}`)),

		row("a date in its zone", `created; queued`, start("a").with(`"logical_date":"$dayT02:00:00.5+02:00"`), find("a")),
		row("an execution date", `created; queued`, start("a").with(`"execution_date":"$dayT00:00:00Z"`), find("a")),
		row("both dates alike", `created`, start("a").with(`"execution_date":"$dayT00:00:00Z","logical_date":"$dayT00:00:00Z"`)),
		row("both dates apart", `400 invalid`, start("a").with(`"execution_date":"$dayT00:00:00Z","logical_date":"$dayT01:00:00Z"`)),
		row("a date without a zone", `400 invalid`, start("a").with(`"logical_date":"$dayT00:00:00"`)),
		row("a date that is none", `400 invalid`, start("a").with(`"logical_date":"bogus"`)),
		row("a date that is a number", `400 invalid`, start("a").with(`"logical_date":86400`)),
		row("a date long ago", `created; queued`, start("a").with(`"logical_date":"1000-01-01T00:00:00Z"`), find("a")),
		row("a date far ahead", `created; queued`, start("a").with(`"logical_date":"9999-12-31T23:59:59Z"`), find("a")),
		row("an execution date that is null", `400 invalid`, start("a").with(`"execution_date":null`)),
		row("a date that is null", `400 invalid`, start("a").with(`"logical_date":null`)),
		row("a date that is null, without an id", `400 invalid`, start("a").sending(`{"logical_date":null}`)),
		row("a date with an interval", `created; queued`, start("a").with(
			`"logical_date":"$dayT00:00:00Z","data_interval_start":"$dayT00:00:00Z","data_interval_end":"$dayT01:00:00Z"`), find("a")),
		row(
			"an interval without a zone",
			`400 invalid`,
			start("a").with(`"data_interval_start":"$dayT00:00:00","data_interval_end":"$dayT01:00:00"`),
		),
		row("an interval that is null", `created; queued`, start("a").with(`"data_interval_start":null,"data_interval_end":null`), find("a")),
		row("half an interval", `400 invalid`, start("a").with(`"data_interval_start":"$dayT00:00:00Z"`)),

		row("an empty note", `created; queued`, start("a").with(`"note":""`), find("a")),
		row("a note that is null", `created; queued`, start("a").with(`"note":null`), find("a")),
		row("NUL in a note", `500 server failure, in text/html`, start("a").with(`"note":"a\u0000b"`)),
		row("a note that is a number", `400 invalid`, start("a").with(`"note":5`)),
		row("a note too long", `400 invalid`, start("a").with(`"note":"`+strings.Repeat("n", 1001)+`"`)),
	)
}

func v1Bodies() []scenario {
	sized := func(bytes int) step { return start("a").with(`"conf":{"x":""}`).sized(bytes) }
	return in(
		airflow.V1,
		row("nothing", `400 invalid`, start("a").sending(``)),
		row("a blank", `400 invalid`, start("a").sending(` `)),
		row("bytes that are not UTF-8", `400 invalid`, start("a").sending("{\"conf\":{\"x\":\"\xff\"}}")),
		row("null", `400 invalid`, start("a").sending(`null`)),
		row("a list", `400 invalid`, start("a").sending(`[]`)),
		row("a text", `400 invalid`, start("a").sending(`"x"`)),
		row("invalid JSON", `400 invalid`, start("a").sending(`{bad`)),
		row("a comma too many", `400 invalid`, start("a").sending(`{"dag_run_id":"$a",}`)),
		row("a member twice: the last counts", `created; queued with {"n":2}`, start("a").with(`"conf":{"n":1},"conf":{"n":2}`), find("a")),
		row("a name that is none", `400 invalid`, start("a").with(`"x":1`)),
		row("the id of the experimental API", `400 invalid`, start("a").with(`"run_id":"a"`)),
		row("the flag of the experimental API", `400 invalid`, start("a").with(`"replace_microseconds":"false"`)),
		row("run_after of Airflow 3", `400 invalid`, start("a").with(`"run_after":"$dayT00:00:00Z"`)),
		row("partition_key of Airflow 3", `400 invalid`, start("a").with(`"partition_key":"k"`)),
		row("the state", `400 invalid`, start("a").with(`"state":"running"`)),
		row("the DAG", `400 invalid`, start("a").with(`"dag_id":"plain"`)),
		row("the kind of run", `400 invalid`, start("a").with(`"run_type":"manual"`)),
		row("its start", `400 invalid`, start("a").with(`"start_date":"$dayT00:00:00Z"`)),
		row("who triggered it", `400 invalid`, start("a").with(`"external_trigger":true`)),
		row("several faults", `400 invalid`, start("a").sending(`{"dag_run_id":null,"x":1}`)),
		row("a text as its type", `415 invalid`, start("a").with(`"note":"n"`).typed("text/plain")),
		row("no type", `415 invalid`, start("a").with(`"note":"n"`).typed("")),
		row("a type with its charset", `created`, start("a").with(`"note":"n"`).typed("application/json; charset=utf-8")),
		row(
			"nested too deep",
			`500 server failure, in text/html`,
			start("a").with(`"conf":{"a":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}`),
		),
		row("as many bytes as the client sends", `created`, sized(airflow.MaxBodyV1)),
		row("one more than the client sends", `500 server failure, in text/html`, sized(airflow.MaxBodyV1+1)),
		row("a megabyte", `created`, sized(1<<20)),
		row("just below a megabyte", `500 server failure, in text/html`, sized(1<<20-1)),
		row("more than a megabyte", `413 too large, in text/html`, sized(1<<20+1)),
		row("nonsense, to nobody", `400 invalid`, start("a").as(nobody).with(`"conf":"s"`)),
		row("a bad conf for a DAG that is not there", `404 unknown DAG`, start("a").of("nope").with(`"conf":{}`)),
		row("a viewer, of a DAG that is not there", `403 forbidden`, start("a").of("nope").as(viewer)),
		row("v2 is not there yet", `404 API absent, in text/html; 404 API absent, in text/html; 404 API absent, in text/html`,
			start("a").over(airflow.V2), find("a").over(airflow.V2), version().over(airflow.V2)),
		row("a token of Airflow 3", `404`, postTo("/auth/token").as(nobody).sending(`{"username":"admin","password":"admin"}`)),
	)
}

func v1Assets() []scenario {
	event := func(body string) step { return postTo("/api/v1/datasets/events").sending(body) }
	own := `"dataset_uri":"` + airflowreal.AssetURI + `"`
	return in(airflow.V1,
		row("an event", `200`, event(`{`+own+`,"extra":{"day":"$day"}}`)),
		row("an event without extra", `200`, event(`{`+own+`}`)),
		row("an event with an extra that is null", `400`, event(`{`+own+`,"extra":null}`)),
		row("an event of no dataset", `404`, event(`{"dataset_uri":"s3://nope"}`)),
		row("an event without a dataset", `400`, event(`{"extra":{}}`)),
		row("an event with a name that is none", `400`, event(`{`+own+`,"x":1}`)),
		row("an event of a viewer's, sent", `403`, event(`{`+own+`}`).as(viewer)),
		row("an event of nobody's, sent", `403`, event(`{`+own+`}`).as(nobody)),
		row("a paused DAG", `200`, patch("/api/v1/dags/paused").sending(`{"is_paused":true}`)),
		row("a DAG paused by a viewer", `403`, patch("/api/v1/dags/paused").sending(`{"is_paused":true}`).as(viewer)),
		row("no DAG paused", `404`, patch("/api/v1/dags/nope").sending(`{"is_paused":true}`)),
		row("a DAG paused by a word", `400`, patch("/api/v1/dags/paused").sending(`{"is_paused":"x"}`)),
		row("health by its old path", `200`, get("/health").as(nobody)),
	)
}

// experimentalRows are the runs that the experimental API alone can be asked
// for. Its dates have whole seconds unless the step sets them.
func experimentalRows() []scenario {
	return in(airflow.Experimental,
		// No scenario of v1 changes this DAG or starts its runs.
		row("a paused DAG is unpaused", `200; created; 1 active; paused; unpaused; active`,
			get("/api/experimental/dags/"+airflowreal.DrainDAG+"/paused/true"), start("a").of(airflowreal.DrainDAG),
			active(airflowreal.DrainDAG), look(airflowreal.DrainDAG), unpause(airflowreal.DrainDAG), look(airflowreal.DrainDAG)),
		row("an id of a scheduled run", `created`, start("a").called("scheduled__$a")),
		row("an id of an automatic run", `created`, start("a").called("manual__$a")),
		row("a blank in an id", `500 invalid`, start("a").called("a b")),
		row("a slash in an id", `500 invalid`, start("a").called("a/b")),
		row("two dots in an id", `created`, start("a").called("$a..b")),
		row("an accent in an id", `500 invalid`, start("a").called("ä")),
		row("an empty id is made up", `created with a generated run id`, start("a").called("")),
		row("NUL in an id", `500 server failure, in text/html`, start("a").sending(`{"run_id":"a\u0000b","replace_microseconds":"false"}`)),
		row("an id that is null", `created with a generated run id`, start("a").sending(`{"run_id":null,"replace_microseconds":"false"}`)),
		row("an id too long", `500 server failure, in text/html`, start("a").called(strings.Repeat("x", 251))),
		row("an id that is a number", `500 server failure, in text/html`, start("a").sending(`{"run_id":5}`)),
		row("a date in its zone", `created`, start("a").with(`"execution_date":"$dayT02:00:00.5+02:00"`)),
		row("a date without a zone", `created`, start("a").with(`"execution_date":"$dayT00:00:00"`)),
		row("a day", `created`, start("a").with(`"execution_date":"$day"`)),
		row("a date that is none", `400 invalid`, start("a").with(`"execution_date":"bogus"`)),
		row("a date that is a number", `500 server failure, in text/html`, start("a").with(`"execution_date":86400`)),
		row("a date long ago", `created`, start("a").with(`"execution_date":"1000-01-02T00:00:00Z"`)),
		row("microseconds are dropped where that is asked", `created; 400 conflict`,
			start("a").sending(`{"run_id":"$a","execution_date":"$dayT00:00:00.25Z","replace_microseconds":"true"}`),
			start("b").sending(`{"run_id":"$b","execution_date":"$dayT00:00:00.75Z","replace_microseconds":"true"}`)),
		row("a false duplicate: it names a run that does not exist", `created; 400 conflict; not sent: unknown run`,
			start("a").with(`"execution_date":"$day"`), start("b").with(`"execution_date":"$day"`), find("b")),
		row("a name that is none is dropped", `created`, start("a").with(`"dag_run_id":"x","note":"n","x":1`)),
	)
}

func experimentalBodies() []scenario {
	return in(
		airflow.Experimental,
		row("nothing", `400 unexpected answer, in text/html`, start("a").sending(``)),
		row("an empty object", `created with a generated run id`, start("a").of(airflowreal.MakeAssetDAG).sending(`{}`)),
		row("an empty list", `created with a generated run id`, start("a").of(airflowreal.LaterDAG).sending(`[]`)),
		row("a text", `created with a generated run id`, start("a").of(airflowreal.TypedDAG).sending(`"x"`)),
		row("a list of a name", `500 server failure, in text/html`, start("a").sending(`["run_id"]`)),
		row("bytes that are not UTF-8", `400 unexpected answer, in text/html`, start("a").sending("{\"conf\":{\"x\":\"\xff\"}}")),
		row(
			"nested too deep",
			`500 server failure, in text/html`,
			start("a").with(`"conf":{"a":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}`),
		),
		row("null", `500 server failure, in text/html`, start("a").sending(`null`)),
		row("a number", `500 server failure, in text/html`, start("a").sending(`5`)),
		row("invalid JSON", `400 unexpected answer, in text/html`, start("a").sending(`{bad`)),
		row(
			"a boolean where a text is asked for",
			`500 server failure, in text/html`,
			start("a").sending(`{"run_id":"$a","replace_microseconds":false}`),
		),
		row("any type", `created`, start("a").with(`"x":1`).typed("text/plain")),
		row("nonsense for a DAG that is not there", `404 unknown DAG`, start("a").of("nope").sending(`{"run_id":5}`)),
		row("the probe", `200`, get("/api/experimental/test")),
		row("runs of no DAG", `400`, get("/api/experimental/dags/nope/dag_runs")),
		row("runs of a state that is none", `500`, get("/api/experimental/dags/plain/dag_runs?state=bogus")),
		row("a run by its date", `created; 200`, start("a").onItsDay(), get("/api/experimental/dags/plain/dag_runs/$dayT10:00:00.123456")),
		row("no run by its date", `404`, get("/api/experimental/dags/plain/dag_runs/$dayT10:00:00")),
		row("a run by an invalid date", `400`, get("/api/experimental/dags/plain/dag_runs/bogus")),
		row("whether a DAG is paused", `200`, get("/api/experimental/dags/paused/paused")),
		row("whether no DAG is paused", `500`, get("/api/experimental/dags/nope/paused")),
	)
}

// future2 is where [scheduler] allow_trigger_in_future is on: a date ahead holds no run back.
func future2() []scenario {
	return onEveryAPI("a date ahead holds nothing back", steps(
		start("a").of(airflowreal.RecordDAG).waiting(time.Hour), await("a").of(airflowreal.RecordDAG)),
		``, `created; success, ended before its date`, `created; success, ended before its date`)
}

// access2 is who gets in under a stage of Airflow 2, and what its paths tell a caller.
func access2(stage string) []scenario {
	const forbidden, denied, absent = `403 forbidden`, `401 unauthorized, in text/html`, `404 API absent, in text/html`
	var all []scenario
	for _, at := range []struct {
		stage                        string
		api                          airflow.API
		admin, viewer, wrong, nobody string
		version                      string // what a caller with valid credentials gets
	}{
		{"basic_auth, experimental off", airflow.V1, `created`, forbidden, forbidden, forbidden, `its release`},
		{"basic_auth, experimental off", airflow.Experimental, absent, absent, absent, absent, absent},
		{"basic_auth, experimental on", airflow.V1, `created`, forbidden, forbidden, forbidden, `its release`},
		{"basic_auth, experimental on", airflow.Experimental, `created`, `created`, denied, `created`, `its release`},
		{"session, experimental off", airflow.V1, forbidden, forbidden, forbidden, forbidden, `its release`},
		{"session, experimental off", airflow.Experimental, absent, absent, absent, absent, absent},
		{"deny_all, experimental off", airflow.V1, forbidden, forbidden, forbidden, forbidden, `its release`},
		{"deny_all, experimental off", airflow.Experimental, absent, absent, absent, absent, absent},
		{"deny_all, experimental on", airflow.V1, forbidden, forbidden, forbidden, forbidden, `its release`},
		{"deny_all, experimental on", airflow.Experimental, denied, denied, denied, denied, denied},
		{"default, experimental off", airflow.V1, forbidden, forbidden, forbidden, forbidden, `its release`},
		{"default, experimental off", airflow.Experimental, absent, absent, absent, absent, absent},
		{"default, experimental on", airflow.V1, forbidden, forbidden, forbidden, forbidden, `its release`},
		{"default, experimental on", airflow.Experimental, `created`, `created`, `created`, `created`, `its release`},
	} {
		if at.stage != stage {
			continue
		}
		all = append(all, in(at.api,
			row("started by admin", at.admin, start("a").as(admin)),
			row("started by a viewer", at.viewer, start("a").as(viewer)),
			row("started with a wrong password", at.wrong, start("a").as(wrong)),
			row("started by nobody", at.nobody, start("a").as(nobody)),
			row("the version by admin", at.version, version().as(admin)),
		)...)
	}
	return append(all, in(airflow.V1,
		row("the API found by admin", `v1`, detect()),
		row("the API found by nobody", `v1`, detect().as(nobody)),
		row("the health to nobody", `scheduler healthy, database healthy`, health().as(nobody)),
	)...)
}
