// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
)

// scenario is a request, or a short sequence of several, on one API version.
type scenario struct {
	name  string
	api   airflow.API
	steps []step
	// want is what the client makes of each step, joined by "; ".
	want string
}

// steps is the steps of a scenario, in their order.
func steps(steps ...step) []step { return steps }

// onEveryAPI is a scenario on each API version, with what each wants; an empty
// want leaves an API version out.
func onEveryAPI(name string, steps []step, v2, v1, experimental string) []scenario {
	var all []scenario
	for _, one := range []scenario{
		{name, airflow.V2, steps, v2}, {name, airflow.V1, steps, v1}, {name, airflow.Experimental, steps, experimental},
	} {
		if one.want != "" {
			all = append(all, one)
		}
	}
	return all
}

// in is scenarios of one API version.
func in(api airflow.API, rows ...scenario) []scenario {
	for i := range rows {
		rows[i].api = api
	}
	return rows
}

// row is a scenario whose table names the API version.
func row(name, want string, steps ...step) scenario {
	return scenario{name: name, steps: steps, want: want}
}

// step is one call of the client. What it sends is the client's own, but for
// what the step puts in its place: so every answer, also to what the client
// would never send, comes with what the client makes of it.
//
// In texts, $a, $b and $c stand for run ids that are the scenario's own, and $day
// for a day that is.
type step struct {
	title string
	call  func(context.Context, *play, step) (string, error)
	api   airflow.API // empty: the scenario's
	user  string      // empty: admin, see resolve
	asset string      // its URI or its name
	run   airflow.Run
	dated bool          // the run has a logical date, on the scenario's day
	ahead time.Duration // it is to wait for so long; where it is dated, its logical date lies so far ahead

	starts  bool   // it asks for the run
	body    string // in place of the client's, where replace is set
	replace bool
	size    int    // of the whole body in bytes, of which an empty text takes the rest
	minimal bool   // the body is the smallest that starts the run,
	members string // with these further members
	header  map[string]string
	method  string // of a question that the client does not ask
	path    string
}

// start asks for a run of the DAG plain.
func start(id string) step {
	return step{title: "start", call: startRun, starts: true, run: airflow.Run{DAGID: airflowreal.PlainDAG, RunID: "$" + id}}
}

// find reads a run of the DAG plain.
func find(id string) step {
	return step{title: "find", call: findRun, run: airflow.Run{DAGID: airflowreal.PlainDAG, RunID: "$" + id}}
}

const raceTitle = "start at once"

// race asks eight times at once for one run of the DAG plain.
func race(id string) step {
	s := start(id)
	s.title, s.call = raceTitle, raceRun
	return s
}

const waitTitle = "wait for"

// waitFor has Airflow answer when a run is over.
func waitFor(id string) step {
	s := find(id)
	s.title, s.call = waitTitle, waitForRun
	return s
}

// await reads a run until it has succeeded.
func await(id string) step {
	s := find(id)
	s.title, s.call = "await", awaitRun
	return s
}

func look(dag string) step { return step{title: "look at", call: lookAtDAG}.of(dag) }
func awaitPaused(dag string) step {
	return step{title: "wait for the pause of", call: awaitDAGPaused}.of(dag)
}
func unpause(dag string) step { return step{title: "unpause", call: unpauseDAG}.of(dag) }
func active(dag string) step {
	return step{title: "count the active runs of", call: countActive}.of(dag)
}
func params(dag string) step { return step{title: "ask the Params of", call: askParams}.of(dag) }
func runs(dag string) step   { return step{title: "list the runs of", call: listRuns}.of(dag) }
func newest(dag string) step { return step{title: "list the newest runs of", call: listNewest}.of(dag) }
func page(dag string) step   { return step{title: "list one run of", call: listPage}.of(dag) }
func may(dag string) step {
	return step{title: "ask whether it may start", call: askPermission}.of(dag)
}
func importErrors() step      { return step{title: "ask for import errors", call: askImportErrors} }
func version() step           { return step{title: "ask for the version", call: askVersion} }
func health() step            { return step{title: "ask for the health", call: askHealth} }
func detect() step            { return step{title: "ask for the API", call: detectAPI}.over(airflow.Auto) }
func get(path string) step    { return ask(http.MethodGet, path) }
func postTo(path string) step { return ask(http.MethodPost, path) }
func patch(path string) step  { return ask(http.MethodPatch, path) }

// ask is a request that the client knows nothing of.
func ask(method, path string) step {
	return step{title: method, call: askPlainly, method: method, path: path}
}

func (s step) of(dag string) step           { s.run.DAGID = dag; return s }
func (s step) as(user string) step          { s.user = user; return s }
func (s step) over(api airflow.API) step    { s.api = api; return s }
func (s step) conf(object string) step      { s.run.Conf = []byte(object); return s }
func (s step) noted(text string) step       { s.run.Note = text; return s }
func (s step) onItsDay() step               { s.dated = true; return s }
func (s step) waiting(d time.Duration) step { s.ahead = d; return s }
func (s step) sending(body string) step     { s.body, s.replace = body, true; return s }
func (s step) sized(bytes int) step         { s.size = bytes; return s }
func (s step) with(members string) step {
	s.members, s.minimal, s.replace = members, true, true
	return s
}
func (s step) called(id string) step {
	s.run.RunID, s.minimal, s.replace = id, true, true
	return s
}
func (s step) typed(mediaType string) step { return s.headed("Content-Type", mediaType) }
func (s step) headed(name, value string) step {
	s.header = maps.Clone(s.header)
	if s.header == nil {
		s.header = map[string]string{}
	}
	s.header[name] = value
	return s
}

// smallest is the smallest body that starts a run, with further members.
func smallest(api airflow.API, id, members string) string {
	body := map[airflow.API]string{
		airflow.V2: `{"logical_date":null,"dag_run_id":`, airflow.V1: `{"dag_run_id":`,
		airflow.Experimental: `{"replace_microseconds":"false","run_id":`,
	}[api] + fmt.Sprintf("%q", id)
	if members != "" {
		body += "," + members
	}
	return body + "}"
}
