// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/airflowid"
	"example.com/dagtrigger/internal/real/airflowreal"
)

// everyAPI is what a client meets with every Airflow. The columns are v2, v1 and
// experimental; where one is empty, that API version has no such endpoint.
func everyAPI() []scenario {
	return slices.Concat(runsAreMade(), runsClash(), confs(), strictParams(), dagRows(), questions())
}

func runsAreMade() []scenario {
	const anonymous = `created; queued`
	return slices.Concat(
		onEveryAPI("a run", steps(start("a"), find("a")),
			`created; queued`, `created; queued`, `created; queued`),
		onEveryAPI("a run with a conf", steps(start("a").conf(`{"uri":"gs://acme/ü.csv","n":[1,2.5,null,true,{"k":""}]}`), find("a")),
			`created; queued with {"n":[1,2.5,null,true,{"k":""}],"uri":"gs://acme/ü.csv"}`,
			`created; queued with {"n":[1,2.5,null,true,{"k":""}],"uri":"gs://acme/ü.csv"}`, anonymous),
		onEveryAPI(
			"a conf in every alphabet",
			steps(start("a").conf(`{"":"\t\"\\/\u0001","😀":"\ud83d\ude00","a.b/c":"Ω","<&>":"\u2028"}`), find("a")),
			`created; queued with {"":"\t\"\\/\u0001","<&>":"\u2028","a.b/c":"Ω","😀":"😀"}`,
			`created; queued with {"":"\t\"\\/\u0001","<&>":"\u2028","a.b/c":"Ω","😀":"😀"}`,
			anonymous,
		),
		onEveryAPI("a run with a note", steps(start("a").noted("from gs://acme/ü.csv"), find("a")),
			`created; queued noted "from gs://acme/ü.csv"`, `created; queued noted "from gs://acme/ü.csv"`, anonymous),
		onEveryAPI("a note of several lines", steps(start("a").noted("a \"b\"\n\tc\x00d"), find("a")),
			`created; queued noted "a \"b\"\n\tcd"`, `created; queued noted "a \"b\"\n\tcd"`, anonymous),
		onEveryAPI("a note as long as may be", steps(start("a").noted(longNote), find("a")),
			`created; queued noted "`+longNote+`"`, `created; queued noted "`+longNote+`"`, anonymous),
		onEveryAPI("a note too long is cut", steps(start("a").noted(longNote+"x"), find("a")),
			`created; queued noted "`+longNote+`"`, `created; queued noted "`+longNote+`"`, anonymous),
		onEveryAPI("a run on a date", steps(start("a").onItsDay(), find("a")), `created; queued`, `created; queued`, `created; queued`),
		onEveryAPI("an id of every character that is allowed", steps(start("a.~:+-Z_9"), find("a.~:+-Z_9")),
			`created; queued`, `created; queued`, `created; queued`),
		onEveryAPI(
			"an id as long as may be",
			steps(start("a"+strings.Repeat("x", airflowid.Max-6)), find("a"+strings.Repeat("x", airflowid.Max-6))),
			`created; queued`,
			`created; queued`,
			`created; queued`,
		),
		onEveryAPI("a run nobody asked for", steps(find("a")), `404 unknown run`, `404 unknown run`, `not sent: unknown run`),
		onEveryAPI(
			"runs are listed",
			steps(start("a").of(airflowreal.MakeAssetDAG), start("b").of(airflowreal.MakeAssetDAG), runs(airflowreal.MakeAssetDAG)),
			`created; created; a queued, b queued`,
			`created; created; a queued, b queued`,
			`created; created; a queued, b queued`,
		),
		// No other scenario asks for runs of this DAG.
		onEveryAPI(
			"a page of runs",
			steps(
				start("a").of(airflowreal.OnAssetDAG),
				start("b").of(airflowreal.OnAssetDAG),
				start("c").of(airflowreal.OnAssetDAG),
				page(airflowreal.OnAssetDAG), active(airflowreal.OnAssetDAG),
			),
			`created; created; created; b of 3; 3 active`,
			`created; created; created; b of 3; 3 active`,
			``,
		),
		onEveryAPI("runs by their start", steps(start("a").of(airflowreal.RecordDAG), await("a").of(airflowreal.RecordDAG),
			started(airflowreal.RecordDAG)),
			`created; success; 1 by now, 0 by 2000`, `created; success; 1 by now, 0 by 2000`, `created; success; 1 by now, 0 by 2000`),
		onEveryAPI("runs are listed of a DAG that is not there", steps(runs("nope")), `404 unknown DAG`, ``, `400 unknown DAG`),
		onEveryAPI("a run that is to wait, and one that is not", steps(
			start("a").of(airflowreal.RecordDAG).waiting(20*time.Second), find("a").of(airflowreal.RecordDAG),
			start("b").of(airflowreal.RecordDAG), await("b").of(airflowreal.RecordDAG), await("a").of(airflowreal.RecordDAG)),
			`created; queued; created; success; success, started at its date`,
			`created; queued; created; success; success, started at its date`,
			`created; queued; created; success; success, started at its date`),
	)
}

var longNote = strings.Repeat("ü", airflow.MaxNote)

func runsClash() []scenario {
	return slices.Concat(
		onEveryAPI("a run again", steps(start("a"), start("a"), find("a")),
			`created; 409 run exists; queued`, `created; 409 run exists; queued`, `created; 400 conflict; queued`),
		onEveryAPI("a run again with another conf", steps(start("a").conf(`{"n":1}`), start("a").conf(`{"n":2}`), find("a")),
			`created; 409 run exists; queued with {"n":1}`, `created; 409 run exists; queued with {"n":1}`, `created; 400 conflict; queued`),
		onEveryAPI("eight at once for one run", steps(race("a"), find("a")),
			`1 made, 7 duplicates; queued`, `1 made, 7 duplicates; queued`, `1 made, 7 duplicates; queued`),
		onEveryAPI("a date that another run holds", steps(start("a").onItsDay(), start("b").onItsDay(), find("b")),
			`created; 409 conflict; 404 unknown run`, `created; 409 conflict; 404 unknown run`, `created; 400 conflict; not sent: unknown run`),
		onEveryAPI("a run again on its date", steps(start("a").onItsDay(), start("a").onItsDay()),
			`created; 409 conflict`, `created; 409 conflict`, `created; 400 conflict`),
		onEveryAPI("a run again on another date", steps(start("a").onItsDay(), start("a")),
			`created; 409 run exists`, `created; 409 run exists`, `created; 400 conflict`),
		onEveryAPI("one run's id and another one's date", steps(start("a"), start("b").onItsDay(), start("a").onItsDay()),
			`created; created; 409 conflict`, `created; created; 409 run exists`, `created; created; 500 server failure, in text/html`),
		onEveryAPI("one id in two DAGs", steps(start("a"), start("a").of(airflowreal.PausedDAG)),
			`created; created`, `created; created`, `created; created`),
	)
}

func confs() []scenario {
	typed := func(conf string) []step { return steps(start("a").of(airflowreal.TypedDAG).conf(conf)) }
	return slices.Concat(
		onEveryAPI("integers beyond 2^53", steps(start("a").conf(`{"n":9007199254740993,"m":-123456789012345678901234567890}`), find("a")),
			`created; queued with {"m":-123456789012345678901234567890,"n":9007199254740993}`,
			`created; queued with {"m":-123456789012345678901234567890,"n":9007199254740993}`, `created; queued`),
		onEveryAPI(
			"floats as they are written back",
			steps(start("a").conf(`{"a":1.50,"b":1e3,"c":1E-7,"d":0.00001,"e":1e16,"f":-0.0}`), find("a")),
			// Through PostgreSQL's numeric, and Rust.
			`created; queued with {"a":1.5,"b":1000.0,"c":1e-7,"d":0.00001,"e":10000000000000000,"f":0.0}`,
			`created; queued with {"a":1.5,"b":1000.0,"c":1e-07,"d":1e-05,"e":1e+16,"f":-0.0}`,
			`created; queued`,
		),
		onEveryAPI("NUL in a conf", steps(start("a").conf(`{"text":"a\u0000b"}`), find("a")),
			`422 invalid; 404 unknown run`, `created; queued with {"text":"a\u0000b"}`, `created; queued`),
		onEveryAPI("NUL in a name of a conf", steps(start("a").conf(`{"a\u0000b":1}`), find("a")),
			`422 invalid; 404 unknown run`, `created; queued with {"a\u0000b":1}`, `created; queued`),
		onEveryAPI("half a character in a conf", steps(start("a").conf(`{"text":"\ud83d"}`)), `422 invalid`, `created`, `created`),
		onEveryAPI("a number without end in a conf", steps(start("a").conf(`{"n":1e400}`), find("a")),
			`422 invalid; 404 unknown run`, `created; queued with {"n":null}`, `created; queued`),
		onEveryAPI("an integer beyond a double's", steps(start("a").conf(`{"n":`+strings.Repeat("7", 400)+`}`), find("a")),
			`created; queued with a conf of 406 bytes`, `created; queued with a conf of 406 bytes`, `created; queued`),
		onEveryAPI(
			"the largest double",
			steps(start("a").conf(`{"n":1.7976931348623157e308}`), find("a")),
			`created; queued with {"n":17976931348623157`+strings.Repeat(
				"0",
				292,
			)+`}`,
			`created; queued with {"n":1.7976931348623157e+308}`,
			`created; queued`,
		),
		onEveryAPI("an integer of more digits than are read", steps(start("a").conf(`{"n":`+strings.Repeat("7", 5000)+`}`)),
			`400 invalid`, `400 invalid`, `400 unexpected answer, in text/html`),
		onEveryAPI(
			"a conf as deep as an event may be",
			steps(start("a").conf(`{"a":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`}`), find("a")),
			`created; queued with a conf of 406 bytes`,
			`created; queued with a conf of 406 bytes`,
			`created; queued`,
		),
		onEveryAPI("conf null", steps(start("a").with(`"conf":null`), find("a")),
			`created; queued`, `400 invalid; 404 unknown run`, `400 invalid; not sent: unknown run`),
		onEveryAPI("conf a text", steps(start("a").with(`"conf":"{}"`)), `422 invalid`, `400 invalid`, `400 invalid`),
		onEveryAPI("conf a list", steps(start("a").with(`"conf":[1]`)), `422 invalid`, `400 invalid`, `400 invalid`),
		onEveryAPI("conf a number", steps(start("a").with(`"conf":1`)), `422 invalid`, `400 invalid`, `400 invalid`),
		onEveryAPI("a conf of 900 kB", steps(start("a").conf(`{"x":"`+strings.Repeat("x", 900_000)+`"}`), find("a")),
			`created; queued with a conf of 900008 bytes`, `created; queued with a conf of 900008 bytes`, `created; queued`),
		onEveryAPI("a conf of 1.1 MB", steps(start("a").conf(`{"x":"`+strings.Repeat("x", 1_100_000)+`"}`)),
			`created`, `not sent: too large`, `413 too large, in text/html`),
		onEveryAPI("a conf that fits the Params", typed(`{"region":"us","rows":1000,"more":true}`), `created`, `created`, `created`),
		onEveryAPI("no conf, where the Params have defaults", typed(``), `created`, `created`, `created`),
		onEveryAPI("a text of no choice", typed(`{"region":"mars"}`), `400 invalid`, `400 invalid`, `500 invalid`),
		onEveryAPI("a number out of bounds", typed(`{"rows":1001}`), `400 invalid`, `400 invalid`, `500 invalid`),
		onEveryAPI("a text for a number", typed(`{"rows":"7"}`), `400 invalid`, `400 invalid`, `500 invalid`),
		onEveryAPI("a number that is whole", typed(`{"rows":7.0}`), `created`, `created`, `created`),
		onEveryAPI("a number that is not whole", typed(`{"rows":7.5}`), `400 invalid`, `400 invalid`, `500 invalid`),
		onEveryAPI("a boolean for a number", typed(`{"rows":true}`), `400 invalid`, `400 invalid`, `500 invalid`),
		onEveryAPI("null for a text", typed(`{"region":null}`), `400 invalid`, `400 invalid`, `500 invalid`),
		onEveryAPI("two faults", typed(`{"rows":-1,"region":""}`), `400 invalid`, `400 invalid`, `500 invalid`),
	)
}

// everyKind is what Airflow returns for Params of every kind; it does not say that day has no default.
const everyKind = `code null {"maxLength":3,"minLength":1,"type":["null","string"]}, ` +
	`day null {"pattern":"^\\d{4}-\\d{2}-\\d{2}$","type":"string"}, ` +
	`source {"bucket":"acme"} {"additionalProperties":false,"properties":{"bucket":{"type":"string"},"size":{"minimum":0,` +
	`"type":"integer"}},` +
	`"required":["bucket"],"type":"object"}`

// strictParams are confs for a DAG that has a param without a default, and one of each kind.
func strictParams() []scenario {
	strict := func(name, conf, v2, v1, experimental string) []scenario {
		return onEveryAPI(name, steps(start("a").of(airflowreal.StrictDAG).conf(conf)), v2, v1, experimental)
	}
	const made, refused, refused500 = `created`, `400 invalid`, `500 invalid`
	return slices.Concat(
		strict("what has no default", `{"day":"2026-11-22"}`, made, made, made),
		strict("not what has no default", `{"code":"ab"}`, refused, refused, refused500),
		strict("no conf, where a param has no default", ``, refused, refused, refused500),
		strict("null for what has no default", `{"day":null}`, refused, refused, refused500),
		strict("a text of another pattern", `{"day":"22 Nov"}`, refused, refused, refused500),
		strict("null where that is a choice", `{"day":"2026-11-22","code":null}`, made, made, made),
		strict("a text too short", `{"day":"2026-11-22","code":""}`, refused, refused, refused500),
		strict("a text too long", `{"day":"2026-11-22","code":"äöüß"}`, refused, refused, refused500),
		strict("an object", `{"day":"2026-11-22","source":{"bucket":"acme","size":7}}`, made, made, made),
		strict("an object that lacks something", `{"day":"2026-11-22","source":{}}`, refused, refused, refused500),
		strict("an object with something more", `{"day":"2026-11-22","source":{"bucket":"acme","x":1,"y":2}}`, refused, refused, refused500),
		strict("an invalid member of an object", `{"day":"2026-11-22","source":{"bucket":"acme","size":"7"}}`, refused, refused, refused500),
		strict("a list for an object", `{"day":"2026-11-22","source":[]}`, refused, refused, refused500),
		onEveryAPI("the Params of a DAG, of every kind", steps(params(airflowreal.StrictDAG)), everyKind, everyKind, ``),
	)
}

func dagRows() []scenario {
	return slices.Concat(
		onEveryAPI("a paused DAG takes runs", steps(start("a").of(airflowreal.PausedDAG), find("a").of(airflowreal.PausedDAG)),
			`created; queued`, `created; queued`, `created; queued`),
		onEveryAPI("a DAG that is not there", steps(start("a").of("nope"), find("a").of("nope")),
			`404 unknown DAG; 404 unknown run`, `404 unknown DAG; 404 unknown run`, `404 unknown DAG; 400 unknown DAG`),
		onEveryAPI("a DAG of another alphabet that is not there", steps(start("a").of("lädt.データ"), find("a").of("lädt.データ")),
			`404 unknown DAG; 404 unknown run`, `404 unknown DAG; 404 unknown run`, `404 unknown DAG; 400 unknown DAG`),
		onEveryAPI(
			"a DAG that begins on a day",
			steps(start("a").of(airflowreal.LaterDAG), start("b").of(airflowreal.LaterDAG).onItsDay(), find("b").of(airflowreal.LaterDAG)),
			`created; created; queued`,
			`created; created; queued`,
			`created; 500 server failure, in text/html; not sent: unknown run`,
		),
		onEveryAPI("a DAG whose file has gone", steps(start("a").of(airflowreal.RetiredDAG)),
			`404 unknown DAG`, `404 unknown DAG`, `404 unknown DAG`),
		onEveryAPI("a DAG whose file has broken", steps(start("a").of(airflowreal.BrokenDAG)),
			`404 unknown DAG`, `400 broken DAG`, `created`),
		onEveryAPI("unpausing, by a viewer", steps(unpause(airflowreal.RecordDAG).as(viewer)), `403 forbidden`, `403 forbidden`, ``),
		onEveryAPI("unpausing, without credentials", steps(unpause(airflowreal.RecordDAG).as(nobody)), `401 unauthorized`, `403 forbidden`, ``),
		onEveryAPI("unpausing an unknown DAG", steps(unpause("nope")), `404 unknown DAG`, `404 unknown DAG`, `500 server failure, in text/html`),
		onEveryAPI("unpausing an active DAG", steps(unpause(airflowreal.RecordDAG)), `unpaused`, `unpaused`, `unpaused`),
		onEveryAPI("how a DAG stands", steps(look(airflowreal.RecordDAG)), `active`, `active`, `active`),
		onEveryAPI("how a paused DAG stands", steps(look(airflowreal.PausedDAG)), `paused`, `paused`, `paused`),
		onEveryAPI("how no DAG stands", steps(look("nope")), `404 unknown DAG`, `404 unknown DAG`, `400 unknown DAG`),
		onEveryAPI("how a DAG stands whose file has gone", steps(look(airflowreal.RetiredDAG)), `stale`, `stale`, `active`),
		onEveryAPI(
			"how a DAG stands whose file has broken",
			steps(look(airflowreal.BrokenDAG)),
			`paused stale broken`,
			`paused broken`,
			`paused`,
		),
		onEveryAPI("the Params of a DAG", steps(params(airflowreal.TypedDAG)),
			`region "eu" {"enum":["eu","us"],"type":"string"}, rows 1 {"maximum":1000,"minimum":0,"type":"integer"}`,
			`region "eu" {"enum":["eu","us"],"type":"string"}, rows 1 {"maximum":1000,"minimum":0,"type":"integer"}`, ``),
		onEveryAPI("the Params of no DAG", steps(params("nope")), `404 unknown DAG`, `404 unknown DAG`, ``),
		onEveryAPI("import errors", steps(importErrors()), `broken.py`, `broken.py`, ``),
	)
}

func questions() []scenario {
	return slices.Concat(
		onEveryAPI("which API there is", steps(detect()), `v2`, `v1`, ``),
		onEveryAPI("the version, to nobody", steps(version().as(nobody)), `its release`, `its release`, `its release`),
		onEveryAPI("the health, to nobody", steps(health().as(nobody)),
			`scheduler healthy, database healthy`, `scheduler healthy, database healthy`, `scheduler healthy, database healthy`),
		onEveryAPI("whether admin may start runs", steps(may(airflowreal.PlainDAG)), `it may`, `it may`, ``),
		onEveryAPI("whether a viewer may start runs", steps(may(airflowreal.PlainDAG).as(viewer)), `403 forbidden`, `403 forbidden`, ``),
		onEveryAPI("whether nobody may start runs", steps(may(airflowreal.PlainDAG).as(nobody)), `401 unauthorized`, `403 forbidden`, ``),
		onEveryAPI("whether admin may start runs of no DAG", steps(may("nope")), `it may`, `404 unknown DAG`, ``),
		onEveryAPI("a run, to a viewer", steps(start("a"), find("a").as(viewer)), `created; queued`, `created; queued`, `created; queued`),
		onEveryAPI("no run, to a viewer", steps(find("a").as(viewer)), `404 unknown run`, `404 unknown run`, `not sent: unknown run`),
		onEveryAPI(
			"a run, to nobody",
			steps(start("a"), find("a").as(nobody)),
			`created; 401 unauthorized`,
			`created; 403 forbidden`,
			`created; queued`,
		),
		onEveryAPI("a DAG, to nobody", steps(look(airflowreal.PlainDAG).as(nobody)), `401 unauthorized`, `403 forbidden`, `paused`),
		onEveryAPI("the Params of a DAG, to nobody", steps(params(airflowreal.PlainDAG).as(nobody)), `401 unauthorized`, `403 forbidden`, ``),
		onEveryAPI("runs, to a viewer", steps(start("a").of(airflowreal.MakeAssetDAG), runs(airflowreal.MakeAssetDAG).as(viewer)),
			`created; a queued`, `created; a queued`, `created; a queued`),
		onEveryAPI("the newest runs, by their ids",
			steps(start("a").of(airflowreal.MakeAssetDAG), start("b").of(airflowreal.MakeAssetDAG), newest(airflowreal.MakeAssetDAG)),
			`created; created; b a, b a`, `created; created; b a, b a`, `created; created; b a, b a`),
		onEveryAPI("runs, to nobody", steps(runs(airflowreal.PlainDAG).as(nobody)), `401 unauthorized`, `403 forbidden`, ``),
		onEveryAPI("import errors, to nobody", steps(importErrors().as(nobody)), `401 unauthorized`, `403 forbidden`, ``),
		onEveryAPI("import errors, to a viewer", steps(importErrors().as(viewer)), `broken.py`, `broken.py`, ``),
	)
}
