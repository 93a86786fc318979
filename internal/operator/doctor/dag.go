// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/params"
)

func dag(ctx context.Context, p *subject) Finding {
	state, err := p.connection.Airflow.DAG(ctx, p.dag)
	if p.mayOnlyTrigger(ctx, p.dag, err) {
		p.unreadable, p.missing["dag"] = true, true
		return warning("this caller may trigger the DAG, and may not read it or its runs: the other checks of the DAG cannot be made",
			Fix{Do: "add can_read on the DAG and on DAG Runs to the caller's role; without it a duplicate is known by Airflow's words alone"})
	}
	if err != nil {
		f := p.because(err)
		if files := p.brokenFiles(ctx); files != "" {
			f.Fixes = append(f.Fixes, Fix{If: "its file is one of those with import errors", Do: "fix " + files})
		}
		return f
	}
	p.state = state
	switch {
	case state.ImportErrors:
		files := p.brokenFiles(ctx)
		if files == "" {
			files = "its file"
		}
		return failed("its file has import errors: Airflow refuses to trigger it",
			Fix{Do: "fix " + files + ": see the import errors on Airflow's pages"})
	case state.Stale:
		return failed("its file is gone from the DAGs folder: Airflow refuses to trigger it",
			Fix{Do: "upload the file again, or name another DAG in the route"})
	}
	return ok("it is there")
}

// brokenFiles are the files with import errors, as far as Airflow tells.
func (p *subject) brokenFiles(ctx context.Context) string {
	all, err := p.connection.Airflow.ImportErrors(ctx)
	if err != nil {
		return ""
	}
	const shown = 5
	var files []string
	for _, e := range all[:min(len(all), shown)] {
		files = append(files, e.Filename)
	}
	if len(all) > shown {
		files = append(files, fmt.Sprintf("and %d more", len(all)-shown))
	}
	return strings.Join(files, ", ")
}

func paused(_ context.Context, p *subject) Finding {
	if !p.state.Paused {
		return ok("it is not")
	}
	return warning("it is: its runs are made, and wait until it is unpaused", Fix{Do: p.unpause(p.dag)})
}

// unpause is the command that unpauses a DAG.
func (p *subject) unpause(dag string) string {
	switch {
	case p.env() != nil && strings.HasPrefix(p.version, "1."):
		return p.gcloud("run") + " unpause -- " + quoted(dag)
	case p.env() != nil:
		return p.gcloud("run") + " dags unpause -- " + quoted(dag)
	}
	return "airflow dags unpause " + quoted(dag)
}

// window looks whether runs can wait for a date ahead. Airflow 3 has them wait
// for run_after whatever its settings say.
func window(_ context.Context, p *subject) Finding {
	switch {
	case !p.route.Waits:
		return skipped("the route makes no windows")
	case p.api == airflow.V2:
		return ok("Airflow 3 has runs that wait")
	case p.connection.StartsEarly():
		return failed("[scheduler] allow_trigger_in_future is on, by which no run waits: the function refuses to make one",
			Fix{Do: p.gcloud("update") + " --remove-airflow-configs=" + environment.KeyInFuture})
	case p.env() != nil:
		return ok("[scheduler] allow_trigger_in_future is not on")
	}
	return warning("whether a run waits is decided by [scheduler] allow_trigger_in_future, which cannot be asked for here",
		Fix{Do: "see that it is False, as it is by default"})
}

// quoted is a DAG id as a shell takes it.
func quoted(id string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_.-]+$`).MatchString(id) {
		return id
	}
	return "'" + strings.ReplaceAll(id, "'", `'\''`) + "'"
}

func takesConf(ctx context.Context, p *subject) Finding {
	declared, err := p.connection.Airflow.Params(ctx, p.dag)
	if errors.Is(err, errors.ErrUnsupported) {
		return skipped("the experimental API does not list them")
	}
	if err != nil {
		return p.because(err)
	}
	names := slices.Sorted(maps.Keys(declared))
	var checked int
	for _, example := range p.route.Examples {
		if example.DAG != p.dag {
			continue
		}
		checked++
		if complaint := params.Misfit(declared, example.Conf); complaint != "" {
			return failed(fmt.Sprintf("the example %q: %s", example.Name, complaint), Fix{Do: "fix the route's conf, or the DAG's Params"})
		}
	}
	required := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return params.HasDefault(declared[n]) })
	switch {
	case len(declared) == 0:
		return ok("it declares none, and takes any conf")
	case checked > 0:
		return ok("%s fit", count(checked, "example"))
	case len(required) > 0:
		return warning("it asks for "+strings.Join(required, ", ")+", and the route has no example to hold against that",
			Fix{Do: "add an example to the route, and see dagtrigger test"})
	}
	return skipped("the route has no example; every Param has a default")
}

func permission(ctx context.Context, p *subject) Finding {
	if p.missing["dag"] && !p.unreadable {
		return skipped("it needs what the check %q did not find", "dag")
	}
	err := p.connection.Airflow.MayTrigger(ctx, p.dag)
	switch {
	case err == nil:
		return ok("it may")
	case errors.Is(err, errors.ErrUnsupported):
		return skipped("the experimental API knows no permissions: any caller that is let in may")
	}
	return p.because(err)
}
