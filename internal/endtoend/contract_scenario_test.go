// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
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

func startRun(ctx context.Context, p *play, s step) (string, error) {
	run := s.run
	if s.replace { // it would refuse some ids itself, and misses them in the answer
		run.RunID, run.Conf = p.name("a"), nil
	}
	_, err := p.client.Trigger(ctx, run)
	e, ok := errors.AsType[*airflow.Error](err)
	if !s.replace || !ok || e.Kind != airflow.Unexpected {
		return "created", err
	}
	switch id := p.recorder.runID(); {
	case id != "" && id == s.run.RunID:
		return "created", nil
	case strings.HasPrefix(id, "manual__"):
		return "created with a generated run id", nil
	}
	return "", err
}

func findRun(ctx context.Context, p *play, s step) (string, error) {
	run, err := p.client.Find(ctx, s.run.DAGID, s.run.RunID)
	return describe(run), err
}

// describe is a run as it was read back.
func describe(run airflow.DAGRun) string {
	text := run.State
	switch conf := canonicalJSON(run.Conf); {
	case len(conf) > longest:
		text += fmt.Sprintf(" with a conf of %d bytes", len(conf))
	case conf != "{}" && conf != "":
		text += " with " + conf
	}
	if run.Note != "" {
		text += fmt.Sprintf(" noted %q", run.Note)
	}
	return text
}

// raceRun reports how many of eight made the run, and what reading it back shows for
// the others. An Airflow that checks before it inserts may answer them 500.
func raceRun(ctx context.Context, p *play, s step) (string, error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	made, duplicates, others := 0, 0, []string{}
	for range 8 {
		group.Go(func() {
			_, err := p.client.Trigger(ctx, s.run)
			refusal, refused := errors.AsType[*airflow.Error](err)
			if refused && (refusal.InDoubt || refusal.Kind == airflow.RunExists) {
				_, err = p.client.Find(ctx, s.run.DAGID, s.run.RunID)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				others = append(others, err.Error())
			case refused:
				duplicates++
			default:
				made++
			}
		})
	}
	group.Wait()
	return strings.Join(append([]string{fmt.Sprintf("%d made, %d duplicates", made, duplicates)}, others...), ", "), nil
}

// awaitRun also reports whether a run that was to wait has waited.
func awaitRun(ctx context.Context, p *play, s step) (string, error) {
	for range p.polls(bound) {
		run, err := p.client.Find(ctx, s.run.DAGID, s.run.RunID)
		switch {
		case err != nil || run.State == "failed":
			return describe(run), err
		case run.State == "success":
			return "success" + p.waited(s.run.RunID), nil
		}
	}
	return "hung", ctx.Err()
}

// waited reports how a run with a date waited for it, by the last answer.
func (p *play) waited(id string) string {
	date, waits := p.dates[id]
	start, end := p.recorder.times(id)
	switch {
	case !waits:
		return ""
	case !start.Before(date):
		return ", started at its date"
	case end.Before(date):
		return ", ended before its date"
	}
	return ", started before its date, ended after it"
}

func lookAtDAG(ctx context.Context, p *play, s step) (string, error) {
	dag, err := p.client.DAG(ctx, s.run.DAGID)
	text := "active"
	for _, flag := range []struct {
		set  bool
		name string
	}{{dag.Paused, "paused"}, {dag.Draining, "draining"}, {dag.Stale, "stale"}, {dag.ImportErrors, "broken"}} {
		if flag.set {
			text += " " + flag.name
		}
	}
	return strings.TrimPrefix(text, "active "), err
}

func unpauseDAG(ctx context.Context, p *play, s step) (string, error) {
	return "unpaused", p.client.Unpause(ctx, s.run.DAGID)
}

// countActive counts as skip_active and max_active do.
func countActive(ctx context.Context, p *play, s step) (string, error) {
	runs, err := p.client.Runs(ctx, s.run.DAGID, airflow.RunsQuery{States: []string{"queued", "running"}, Limit: 1})
	return fmt.Sprintf("%d active", runs.Total), err
}

// awaitDAGPaused reads a DAG until it is paused.
func awaitDAGPaused(ctx context.Context, p *play, s step) (string, error) {
	for range p.polls(bound) {
		if text, err := lookAtDAG(ctx, p, s); err != nil || text == "paused" {
			return text, err
		}
	}
	return "hung", ctx.Err()
}

func askParams(ctx context.Context, p *play, s step) (string, error) {
	params, err := p.client.Params(ctx, s.run.DAGID)
	var all []string
	for _, name := range sorted(params) {
		all = append(all, fmt.Sprintf("%s %s %s", name, canonicalJSON(params[name].Value), canonicalJSON(params[name].Schema)))
	}
	return strings.Join(all, ", "), err
}

// listRuns returns the runs of this scenario among those listed.
func listRuns(ctx context.Context, p *play, s step) (string, error) {
	runs, err := p.client.Runs(ctx, s.run.DAGID, airflow.RunsQuery{States: []string{"queued"}})
	var own []string
	for _, run := range runs.Runs {
		if id, ok := strings.CutPrefix(run.RunID, p.name("")); ok {
			own = append(own, id+" "+run.State)
		}
	}
	return strings.Join(own, ", "), err
}

// started lists the scenario's own runs that started by now, and by 2000.
func started(dag string) step {
	return step{title: "list the started runs of", call: listStarted}.of(dag)
}

func listStarted(ctx context.Context, p *play, s step) (string, error) {
	var counts []string
	for _, by := range []time.Time{p.now(), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		runs, err := p.client.Runs(ctx, s.run.DAGID, airflow.RunsQuery{StartedBy: by})
		if err != nil {
			return "", err
		}
		own := 0
		for _, run := range runs.Runs {
			if strings.HasPrefix(run.RunID, p.name("")) && !run.StartDate.IsZero() {
				own++
			}
		}
		counts = append(counts, fmt.Sprint(own))
	}
	return strings.Join(counts, " by now, ") + " by 2000", nil
}

// listPage asks for the second run alone.
func listPage(ctx context.Context, p *play, s step) (string, error) {
	runs, err := p.client.Runs(ctx, s.run.DAGID, airflow.RunsQuery{Limit: 1, Offset: 1})
	var own []string
	for _, run := range runs.Runs {
		own = append(own, strings.TrimPrefix(run.RunID, p.name("")))
	}
	return fmt.Sprintf("%s of %d", strings.Join(own, ", "), runs.Total), err
}

func askImportErrors(ctx context.Context, p *play, _ step) (string, error) {
	faults, err := p.client.ImportErrors(ctx)
	var files []string
	for _, fault := range faults {
		files = append(files, fault.Filename[strings.LastIndexByte(fault.Filename, '/')+1:])
	}
	return strings.Join(files, ", "), err
}

func askPermission(ctx context.Context, p *play, s step) (string, error) {
	return "it may", p.client.MayTrigger(ctx, s.run.DAGID)
}

func askVersion(ctx context.Context, p *play, _ step) (string, error) {
	version, err := p.client.Version(ctx)
	return strings.ReplaceAll(version, p.release, "its release"), err
}

func askHealth(ctx context.Context, p *play, _ step) (string, error) {
	health, err := p.client.Health(ctx)
	return "scheduler " + health["scheduler"] + ", database " + health["metadatabase"], err
}

func detectAPI(ctx context.Context, p *play, _ step) (string, error) {
	api, err := p.client.DetectAPI(ctx)
	return string(api), err
}

// askPlainly returns the status alone: the client never sends this request.
func askPlainly(ctx context.Context, p *play, s step) (string, error) {
	req, err := http.NewRequestWithContext(ctx, s.method, p.url+s.path, strings.NewReader(s.body))
	if err != nil {
		return "", err
	}
	if s.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := p.credentials(s.user).Authorize(req); err != nil {
		return "", err
	}
	resp, err := p.recorder.RoundTrip(req)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(resp.StatusCode), resp.Body.Close()
}
