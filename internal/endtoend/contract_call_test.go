// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

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

// awaitRun also reports whether a run that was to wait has waited. What the
// scenario's other runs do meanwhile is the machine's speed.
func awaitRun(ctx context.Context, p *play, s step) (string, error) {
	p.awaited = s.run.RunID
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

// listNewest returns the runs of this scenario, the newest first, chosen by their ids in the
// two ways that Airflow 3 has.
func listNewest(ctx context.Context, p *play, s step) (string, error) {
	var lists []string
	for _, prefix := range []string{p.name(""), strings.TrimSuffix(p.name(""), "-")} {
		runs, err := p.client.Runs(ctx, s.run.DAGID, airflow.RunsQuery{Prefix: prefix, Newest: true})
		if err != nil {
			return "", err
		}
		var own []string
		for _, run := range runs.Runs {
			if id, ok := strings.CutPrefix(run.RunID, p.name("")); ok {
				own = append(own, id)
			}
		}
		lists = append(lists, strings.Join(own, " "))
	}
	return strings.Join(lists, ", "), nil
}

// waitForRun returns the last state of a run.
func waitForRun(ctx context.Context, p *play, s step) (string, error) {
	last := ""
	err := p.client.Wait(ctx, s.run.DAGID, s.run.RunID, 100*time.Millisecond, func(state string) { last = state })
	return last, err
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
