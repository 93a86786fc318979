// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// v2Rows are the runs that v2 alone can be asked for, and its ids.
func v2Rows() []scenario {
	return in(
		airflow.V2,
		row("a paused DAG is unpaused", `200; paused; unpaused; active`,
			patch("/api/v2/dags/"+airflowreal.UnpausedDAG).sending(`{"is_paused":true}`), look(airflowreal.UnpausedDAG),
			unpause(airflowreal.UnpausedDAG), look(airflowreal.UnpausedDAG)),
		row("a wait for a run", `created; success`, start("a").of(airflowreal.RecordDAG), waitFor("a").of(airflowreal.RecordDAG)),
		row("a wait for no run", `404 unknown run`, waitFor("a")),
		row("a wait, to nobody", `401 unauthorized`, waitFor("a").as(nobody)),
		row("a wait without an interval", `422`, get("/api/v2/dags/"+airflowreal.PlainDAG+"/dagRuns/$a/wait")),
		row("a wait with an interval of nothing", `422`, get("/api/v2/dags/"+airflowreal.PlainDAG+"/dagRuns/$a/wait?interval=0")),
		row("a wait with an interval that is none", `422`, get("/api/v2/dags/"+airflowreal.PlainDAG+"/dagRuns/$a/wait?interval=x")),
		row("runs by a pattern", `200; 200; 200; 200`,
			get("/api/v2/dags/"+airflowreal.PlainDAG+"/dagRuns?run_id_pattern=nothing%7C$a"),
			get("/api/v2/dags/"+airflowreal.PlainDAG+"/dagRuns?run_id_pattern=$a&run_id_prefix_pattern=nothing"),
			get("/api/v2/dags/"+airflowreal.PlainDAG+"/dagRuns?run_id_prefix_pattern=nothing%7C$a"),
			get("/api/v2/dags/"+airflowreal.PlainDAG+"/dagRuns?run_id_prefix_pattern=~&limit=0")),
		row("an empty id is made up", `created with a generated run id`, start("a").called("")),
		row("an id of a scheduled run", `400 invalid`, start("a").called("scheduled__x")),
		row("an id of a backfill", `400 invalid`, start("a").called("backfill__x")),
		row("an id of an asset's run", `400 invalid`, start("a").called("asset_triggered__x")),
		row("an id of a materialization", `400 invalid`, start("a").called("asset_materialization__x")),
		row("an id of an operator's run", `400 invalid`, start("a").called("operator_triggered__x")),
		row("an id of Airflow 2's datasets", `created`, start("a").called("dataset_triggered__$a")),
		row("an id of an automatic run", `created`, start("a").called("manual__$a")),
		row("a blank in an id", `400 invalid`, start("a").called("a b")),
		row("a slash in an id", `400 invalid`, start("a").called("a/b")),
		row("two dots in an id", `400 invalid`, start("a").called("a..b")),
		row("NUL in an id", `500 server failure, in text/plain`, start("a").sending(`{"logical_date":null,"dag_run_id":"a\u0000b"}`)),
		row("an id too long", `422 invalid`, start("a").called(strings.Repeat("x", 251))),
		row("a line's end after an id", `created`, start("a").called("$a\n")),
		row("an accent in an id", `400 invalid`, start("a").called("ä")),
		row("an escape in an id", `400 invalid`, start("a").called("a%2Fb")),
		row("an id that is null", `created with a generated run id`, start("a").sending(`{"logical_date":null,"dag_run_id":null}`)),
		row("an id that is a number", `422 invalid`, start("a").sending(`{"logical_date":null,"dag_run_id":5}`)),

		row(
			"a date in its zone",
			`created; queued`,
			start("a").sending(`{"dag_run_id":"$a","logical_date":"$dayT02:00:00.5+02:00"}`),
			find("a"),
		),
		row("a date with blanks in place of T", `created`, start("a").sending(`{"dag_run_id":"$a","logical_date":"$day 00:00:00Z"}`)),
		row("a date without a zone", `422 invalid`, start("a").sending(`{"dag_run_id":"$a","logical_date":"$dayT00:00:00"}`)),
		row("a date that is a number", `created; queued`, start("a").sending(`{"dag_run_id":"$a","logical_date":86400}`), find("a")),
		row("a date long ago", `created; queued`, start("a").sending(`{"dag_run_id":"$a","logical_date":"1000-01-01T00:00:00Z"}`), find("a")),
		row("a date far ahead", `created; queued`, start("a").sending(`{"dag_run_id":"$a","logical_date":"9999-12-31T23:59:59Z"}`), find("a")),
		row("a date that is none", `422 invalid`, start("a").sending(`{"dag_run_id":"$a","logical_date":"bogus"}`)),
		row("a date with an interval", `created; queued`, start("a").sending(
			`{"dag_run_id":"$a","logical_date":"$dayT00:00:00Z","data_interval_start":"$dayT00:00:00Z","data_interval_end":"$dayT01:00:00Z"}`),
			find("a")),
		row(
			"an interval without a date",
			`created; queued`,
			start("a").with(`"data_interval_start":"$dayT00:00:00Z","data_interval_end":"$dayT01:00:00Z"`),
			find("a"),
		),
		row(
			"an interval without a zone",
			`422 invalid`,
			start("a").with(`"data_interval_start":"$dayT00:00:00","data_interval_end":"$dayT01:00:00"`),
		),
		row("an interval that is null", `created; queued`, start("a").with(`"data_interval_start":null,"data_interval_end":null`), find("a")),
		row("half an interval", `422 invalid`, start("a").with(`"data_interval_end":"$dayT01:00:00Z"`)),
		row("run_after that has passed", `created; queued`, start("a").with(`"run_after":"$dayT00:00:00Z"`), find("a")),
		row(
			"two runs after one moment",
			`created; created`,
			start("a").with(`"run_after":"$dayT00:00:00Z"`),
			start("b").with(`"run_after":"$dayT00:00:00Z"`),
		),
		row("run_after without a zone", `created; queued`, start("a").with(`"run_after":"$dayT00:00:00"`), find("a")),
		row("run_after that is null", `created; queued`, start("a").with(`"run_after":null`), find("a")),
		row("a date ahead holds the tasks back, not the run", `created; success, started before its date, ended after it`,
			start("a").of(airflowreal.RecordDAG).onItsDay().waiting(30*time.Second), await("a").of(airflowreal.RecordDAG)),
		row("run_after that is none", `422 invalid`, start("a").with(`"run_after":"bogus"`)),

		row("a note", `created; queued noted "n"`, start("a").with(`"note":"n"`), find("a")),
		row("an empty note", `created; queued`, start("a").with(`"note":""`), find("a")),
		row("a note that is null", `created; queued`, start("a").with(`"note":null`), find("a")),
		row("a note that is a number", `422 invalid`, start("a").with(`"note":5`)),
		row("a note too long", `422 invalid`, start("a").with(`"note":"`+strings.Repeat("n", 1001)+`"`)),
		row("NUL in a note", `500 server failure, in text/plain`, start("a").with(`"note":"a\u0000b"`)),
		row("a partition that is null", `created; queued`, start("a").with(`"partition_key":null`), find("a")),
		row(
			"a DAG that nobody may start",
			`400 invalid; 404 unknown run`,
			start("a").of(airflowreal.ScheduledDAG),
			find("a").of(airflowreal.ScheduledDAG),
		),
		row("a partition of a DAG without any", `400 invalid`, start("a").with(`"partition_key":"k"`)),
		row("a referer makes it the UI's", `created; queued`, start("a").headed("Referer", "http://127.0.0.1/"), find("a")),
	)
}

func v2Bodies() []scenario {
	nested := func(depth int) string {
		return `"conf":{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
	}
	return in(airflow.V2,
		row("nothing", `422 invalid`, start("a").sending(``)),
		row("a blank", `422 invalid`, start("a").sending(` `)),
		row("bytes that are not UTF-8", `400 invalid`, start("a").sending("{\"logical_date\":null,\"conf\":{\"x\":\"\xff\"}}")),
		row("null", `422 invalid`, start("a").sending(`null`)),
		row("a list", `422 invalid`, start("a").sending(`[]`)),
		row("a text", `422 invalid`, start("a").sending(`"x"`)),
		row("a number", `422 invalid`, start("a").sending(`5`)),
		row("invalid JSON", `422 invalid`, start("a").sending(`{bad`)),
		row("a comma too many", `422 invalid`, start("a").sending(`{"logical_date":null,}`)),
		row("a JSON that goes on", `422 invalid`, start("a").sending(`{"logical_date":null} x`)),
		row("no logical date", `422 invalid`, start("a").sending(`{"dag_run_id":"$a"}`)),
		row("an empty object", `422 invalid`, start("a").sending(`{}`)),
		row("a member twice: the last counts", `created; queued with {"n":2}`, start("a").with(`"conf":{"n":1},"conf":{"n":2}`), find("a")),
		row("a name that is none", `422 invalid`, start("a").with(`"x":1`)),
		row("the id of the experimental API", `422 invalid`, start("a").with(`"run_id":"a"`)),
		row("the date of Airflow 2", `422 invalid`, start("a").with(`"execution_date":null`)),
		row("the flag of the experimental API", `422 invalid`, start("a").with(`"replace_microseconds":"false"`)),
		row("the state", `422 invalid`, start("a").with(`"state":"running"`)),
		row("several faults", `422 invalid`, start("a").sending(`{"x":1,"dag_run_id":5,"conf":"s"}`)),
		row("a text as its type", `422 invalid`, start("a").with(`"note":"n"`).typed("text/plain")),
		row("no type", `422 invalid`, start("a").with(`"note":"n"`).typed("")),
		row("a type with its charset", `created`, start("a").with(`"note":"n"`).typed("application/json; charset=utf-8")),
		row("a form as its type", `422 invalid`, start("a").with(`"note":"n"`).typed("application/x-www-form-urlencoded")),
		row("another JSON as its type", `created`, start("a").with(`"note":"n"`).typed("application/problem+json")),
		row("infinity in a conf", `422 invalid`, start("a").with(`"conf":{"n":1e400}`)),
		row("nested as deep as is answered", `created; queued with a conf of 516 bytes`, start("a").with(nested(255)), find("a")),
		row("nested deeper than is answered", `500 server failure, in text/plain; 404 unknown run`, start("a").with(nested(256)), find("a")),
		row("nested deeper than is read", `400 invalid`, start("a").with(nested(2000))),
		row("nonsense for a DAG that is not there", `422 invalid`, start("a").of("nope").with(`"x":1`)),
		row("a bad conf for a DAG that is not there", `404 unknown DAG`, start("a").of("nope").with(`"conf":{}`)),
	)
}

// rowsOf are the scenarios that differ between the minor versions of Airflow 3.
func rowsOf(release string) []scenario {
	nonsense := postTo("/auth/token").as(nobody).sending(`{bad`)
	pauses := func(body string) step { return patch("/api/v2/dags/" + airflowreal.DrainDAG).sending(body) }
	state := look(airflowreal.DrainDAG)
	if standIn(release) == airflowsim.Airflow33 {
		return in(airflow.V2,
			row("bundle_version", `422 invalid`, start("a").with(`"bundle_version":null`)),
			row("drain_dag", `422 invalid`, start("a").with(`"drain_dag":true`)),
			row("a token for nonsense", `500`, nonsense),
			row("a reserved conf key", `created; queued with {"__type":1}`, start("a").with(`"conf":{"__type":1}`), find("a")),
			row("a scheduling state", `422`, pauses(`{"scheduling_state":"draining"}`)),
		)
	}
	return in(airflow.V2,
		row("bundle_version null", `created`, start("a").with(`"bundle_version":null`)),
		row("an unknown bundle_version", `404 API absent`, start("a").with(`"bundle_version":"v1"`)),
		row("drain_dag that is not a boolean", `422 invalid`, start("a").with(`"drain_dag":"x"`)),
		row("a token for nonsense", `422`, nonsense),
		row("a reserved conf key", `422 invalid; 404 unknown run`, start("a").with(`"conf":{"__type":1}`), find("a")),
		row("reserved conf keys, deeper", `422 invalid`, start("a").with(`"conf":{"ok":1,"list":[1,{"x":{"__var":1,"__data__":2}}]}`)),
		row("a reserved conf key in a text", `created`, start("a").with(`"conf":{"text":"{\"__type\":1}"}`)),
		row("reserved conf keys and an unknown member", `422 invalid`, start("a").with(`"conf":{"__id__":1},"x":1`)),
		row("a DAG drains while a run is queued or running", `200; created; draining; unpaused; active`,
			pauses(`{"scheduling_state":"active"}`),
			start("a").of(airflowreal.DrainDAG).with(`"drain_dag":true,"run_after":"9999-12-31T00:00:00Z"`), state,
			unpause(airflowreal.DrainDAG), state),
		row("a DAG that has drained is paused", `created; success; paused`,
			start("a").of(airflowreal.DrainedDAG).with(`"drain_dag":true`), await("a").of(airflowreal.DrainedDAG),
			awaitPaused(airflowreal.DrainedDAG)),
		row("a drain by a viewer", `403`, pauses(`{"scheduling_state":"draining"}`).as(viewer)),
		row("both states", `422`, pauses(`{"is_paused":true,"scheduling_state":"paused"}`)),
		row("no state", `422`, pauses(`{}`)),
		row("null for both states", `422`, pauses(`{"is_paused":null,"scheduling_state":null}`)),
		row("an unknown mask", `400`, patch("/api/v2/dags/"+airflowreal.DrainDAG+"?update_mask=x").sending(`{"is_paused":true}`)),
		row("an unknown state", `422`, pauses(`{"scheduling_state":"x"}`)),
		row("an unknown state that is not a text", `422`, pauses(`{"scheduling_state":5}`)),
	)
}

// v2Access is who gets in, the other APIs' paths, and tokens.
func v2Access() []scenario {
	login := func(body string) step { return postTo("/auth/token").as(nobody).sending(body) }
	return slices.Concat(in(airflow.V2,
		row("admin", `created`, start("a")),
		row("a viewer", `403 forbidden; 404 unknown run`, start("a").as(viewer), find("a")),
		row("a viewer, of a DAG that is not there", `403 forbidden`, start("a").of("nope").as(viewer)),
		row("a wrong token", `403 forbidden`, start("a").as(wrong)),
		row("an expired token", `401 unauthorized; 401 unauthorized`, start("a").as(expired), find("a").as(expired)),
		row("no token", `401 unauthorized`, start("a").as(nobody)),
		row("a name and a password", `401 unauthorized`, start("a").as(basic)),
		row("an empty token", `401 unauthorized`, start("a").as(nobody).headed("Authorization", "Bearer ")),
		row("nonsense, to nobody", `401 unauthorized`, start("a").as(nobody).with(`"x":1`)),
		row("invalid JSON, without credentials", `422 invalid`, start("a").as(nobody).sending(`{bad`)),
		row("the API to an expired token", `v2`, detect().as(expired)),
		row("the API to nobody", `v2`, detect().as(nobody)),

		row("v1 is gone", `405 API absent; 404 API absent; 404 API absent`,
			start("a").over(airflow.V1), find("a").over(airflow.V1), version().over(airflow.V1)),
		row("the experimental API is gone", `405 API absent; 404 API absent; 404 API absent`,
			start("a").over(airflow.Experimental), find("a").over(airflow.Experimental), version().over(airflow.Experimental)),

		row("the health by its old path", `404`, get("/health").as(nobody)),
		row("a token", `201`, login(`{"username":"viewer","password":"viewer"}`)),
		row("a token by a form", `201`, login(`username=viewer&password=viewer`).typed("application/x-www-form-urlencoded")),
		row("a token for a wrong password", `401`, login(`{"username":"viewer","password":"x"}`)),
		row("a token for no password", `422`, login(`{"username":"viewer"}`)),
		row("a token for an empty password", `400`, login(`{"username":"viewer","password":""}`)),
		row("a token for another type", `415`, login(`{"username":"viewer","password":"viewer"}`).typed("text/plain")),
		row("a token for everybody", `403`, get("/auth/token").as(nobody)),
		row("a token of the command line's", `201`, postTo("/auth/token/cli").as(nobody).sending(`{"username":"viewer","password":"viewer"}`)),
	))
}

// v2Open is who gets in where [core] simple_auth_manager_all_admins is set.
func v2Open() []scenario {
	return in(airflow.V2,
		row("nobody", `created; queued`, start("a").as(nobody), find("a").as(nobody)),
		row("admin", `created`, start("a")),
		row("a viewer", `created`, start("a").as(viewer)),
		row("a wrong token", `403 forbidden`, start("a").as(wrong)),
		row("a name and a password", `401 unauthorized`, start("a").as(basic)),
		row("a token for everybody", `201`, get("/auth/token").as(nobody)),
		row("a token for anything", `201`, postTo("/auth/token").as(nobody).sending(`{"username":"x","password":""}`)),
	)
}

func v2Assets() []scenario {
	asset := strings.NewReplacer(":", "%3A", "/", "%2F").Replace(airflowreal.AssetURI)
	event := func(body string) step { return postTo("/api/v2/assets/events").sending(body) }
	return in(airflow.V2,
		row("an asset by its URI", `200`, get("/api/v2/assets?uri_pattern="+asset)),
		row("no asset by its URI", `200`, get("/api/v2/assets?uri_pattern=nope")),
		row("an asset by its id", `200`, get("/api/v2/assets/ID(sales)")),
		row("no asset by its id", `404`, get("/api/v2/assets/99")),
		row("an event", `200`, event(`{"asset_id":ID(sales),"extra":{"day":"$day"}}`)),
		row("an event without extra", `200`, event(`{"asset_id":ID(sales)}`)),
		row("an event of a partition", `200`, event(`{"asset_id":ID(sales),"partition_key":"k"}`)),
		row("an event of no asset", `404`, event(`{"asset_id":99}`)),
		row("an event without an asset", `422`, event(`{"extra":{}}`)),
		row("an event of a name", `422`, event(`{"asset_id":"x"}`)),
		row("an event with an extra that is null", `422`, event(`{"asset_id":ID(sales),"extra":null}`)),
		row("an event with a name that is none", `422`, event(`{"asset_id":ID(sales),"x":1}`)),
		row("an event of a viewer's", `403`, event(`{"asset_id":ID(sales)}`).as(viewer)),
		row("an event of nobody's", `401`, event(`{"asset_id":ID(sales)}`).as(nobody)),
		row("a paused DAG", `200`, patch("/api/v2/dags/paused").sending(`{"is_paused":true}`)),
		row("a DAG paused by a viewer", `403`, patch("/api/v2/dags/paused").sending(`{"is_paused":true}`).as(viewer)),
		row("no DAG paused", `404`, patch("/api/v2/dags/nope").sending(`{"is_paused":true}`)),
		row("a DAG paused by a word", `422`, patch("/api/v2/dags/paused").sending(`{"is_paused":"x"}`)),
	)
}
