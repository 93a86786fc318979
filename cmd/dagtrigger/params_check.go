// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/params"
	"example.com/dagtrigger/internal/route"
)

// paramsCheck is what "params --check" compares.
type paramsCheck struct {
	routes   string // the name of the file, empty for that of the settings
	file     *config.File
	path     string // of the DAG's file
	contract params.Contract
	spec     *route.Spec
}

// checkParams prints where the conf of a route and the Params of its DAG do not fit.
func (p *program) checkParams(ctx context.Context, c paramsCheck) error {
	declared, lines, err := p.declared(ctx, c)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		lines = c.differences(declared, c.path, "declares")
	}
	differ := len(lines) > 0
	if !differ {
		lines = []string{c.path + ": the Params take the conf of the route " + c.contract.Route}
	}
	reported, err := p.reported(ctx, c)
	if err != nil {
		lines = append(lines, "Airflow is not compared: "+err.Error())
	} else {
		where := "Airflow's " + c.dag()
		found := c.differences(reported, where, "has")
		for _, change := range params.Changes(declared, reported) {
			found = append(found, where+": "+change)
		}
		differ = differ || len(found) > 0
		if len(found) == 0 {
			found = []string{where + ": the Params take the conf, and are those of the file"}
		}
		lines = append(lines, found...)
	}
	if _, err := fmt.Fprintln(p.stdout, strings.Join(lines, "\n")); err != nil {
		return err
	}
	if differ {
		return errReported
	}
	return nil
}

// declared are the Params in the file. For a module that params printed, lines say
// where it is not what params prints now.
func (p *program) declared(ctx context.Context, c paramsCheck) (declared map[string]params.Param, lines []string, err error) {
	saved, err := os.ReadFile(c.path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the DAG's file: %w", err)
	}
	now := c.contract.Python()
	if title, _, _ := strings.Cut(now, "\n\n"); strings.HasPrefix(string(saved), title) {
		if line := firstDifference(now, string(saved)); line > 0 {
			lines = []string{fmt.Sprintf("%s:%d: it is not what the route %s gives now: write it again: %s params %[3]s > %[1]s",
				c.path, line, c.contract.Route, cmp.Or(p.self, "dagtrigger"))}
		}
	}
	declared, err = params.Declared(ctx, c.path, c.dag())
	return declared, lines, err
}

// dag is the DAG that the route starts; empty where that depends on the event.
func (c paramsCheck) dag() string {
	if ids := c.spec.Starts(); len(ids) == 1 && !strings.Contains(ids[0], "${") {
		return ids[0]
	}
	return ""
}

// differences are those of the conf and of Params that something declares.
func (c paramsCheck) differences(all map[string]params.Param, where, declares string) []string {
	if len(all) == 0 {
		return []string{fmt.Sprintf("%s: it %s no Params, and the conf has %d members: print them with dagtrigger params %s",
			where, declares, len(c.contract.Conf), c.contract.Route)}
	}
	var lines []string
	for _, d := range c.contract.Differences(all) {
		place := where
		if d.Line > 0 {
			place = fmt.Sprintf("%s:%d", c.relative(d.File), d.Line)
		}
		lines = append(lines, place+": "+d.Text)
	}
	return lines
}

// relative is a file of the check as its caller would write it.
func (c paramsCheck) relative(file string) string {
	path, err := filepath.Abs(c.path)
	if err != nil || path == file {
		return c.path
	}
	if name, err := filepath.Rel(filepath.Dir(path), file); err == nil {
		return filepath.Join(filepath.Dir(c.path), name)
	}
	return file
}

// maxAirflowTime bounds the request for a DAG's Params.
const maxAirflowTime = 30 * time.Second

// reported are the Params that Airflow has. Its error says why they are not known.
func (p *program) reported(ctx context.Context, c paramsCheck) (map[string]params.Param, error) {
	if c.dag() == "" {
		return nil, errors.New("the DAG depends on the event")
	}
	if c.file.Environments == nil && p.getenv("AIRFLOW_URL") == "" && p.getenv("COMPOSER_ENVIRONMENT") == "" {
		return nil, errors.New("no environment is named: set AIRFLOW_URL or COMPOSER_ENVIRONMENT")
	}
	settings, err := config.WithFile(withRoutes(c.routes, p.getenv), c.file, nil)
	if err != nil {
		return nil, fmt.Errorf("invalid settings: %w", err)
	}
	name := config.DefaultEnvironment
	if all := slices.Collect(maps.Keys(settings.Environments)); len(all) == 1 {
		name = all[0]
	}
	name = cmp.Or(c.spec.Environment.Value, name)
	ctx, cancel := context.WithTimeout(ctx, maxAirflowTime)
	defer cancel()
	found, err := paramsIn(ctx, settings.Environments[name], c.dag())
	if err != nil {
		return nil, fmt.Errorf("the environment %s: %w", name, err)
	}
	return params.Reported(found), nil
}

func paramsIn(ctx context.Context, spec environment.Spec, dag string) (map[string]airflow.Param, error) {
	env, err := environment.New(spec, config.Variable, environment.Options{UserAgent: "dagtrigger params"})
	if err != nil {
		return nil, err
	}
	connection, err := env.Connection(ctx)
	if err != nil {
		return nil, err
	}
	return connection.Airflow.Params(ctx, dag)
}

// firstDifference is the number of the first line in which two texts differ; 0
// where they do not.
func firstDifference(a, b string) int {
	if a == b {
		return 0
	}
	lines, others := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(lines), len(others)) {
		if lines[i] != others[i] {
			return i + 1
		}
	}
	return min(len(lines), len(others)) + 1
}
