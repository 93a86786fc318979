// SPDX-License-Identifier: Apache-2.0

package params

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// Param is a Param as a DAG declares it.
type Param struct {
	airflow.Param
	File string // that declares it, with Line; empty for one that Airflow reported
	Line int
	// Computed reports that the file computes the default: it is known only when the
	// file runs.
	Computed bool
}

// declared is the program that reads a DAG's file.
//
//go:embed declared.py
var declared string

// readTime bounds the reading of a file: python3 may be slow to start on a busy machine.
const readTime = 2 * time.Minute

// Declared returns the Params that the DAG declares in a Python file, or those of the
// PARAMS of a file without a DAG. Where dagID is empty, the file has one DAG. The file
// is parsed by python3, and never run.
func Declared(ctx context.Context, path, dagID string) (map[string]Param, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, errors.New("reading the DAG's file takes python3, which is not installed: install Python 3.8 or later")
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, python, "-I", "-c", declared, path)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var found struct {
		Error string
		DAGs  []declaredDAG
	}
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("reading %s with %s: it took too long: %w", path, python, ctx.Err())
	case err != nil:
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return nil, fmt.Errorf("reading %s with %s: %w: %s", path, python, err, lines[len(lines)-1])
	case found.Error != "":
		return nil, fmt.Errorf("reading %s: %s", path, found.Error)
	}
	dag, err := choose(found.DAGs, dagID)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return dag.params(path)
}

// declaredDAG is a DAG of a file.
type declaredDAG struct {
	ID       *string // nil where it is computed
	Line     int
	Computed int // the line where the Params are computed
	Params   map[string]struct {
		File          string
		Line          int
		Computed      bool
		Value, Schema json.RawMessage
	}
}

// choose finds the DAG of that id, or the one that may be it.
func choose(dags []declaredDAG, id string) (declaredDAG, error) {
	var ids []string
	var unnamed []declaredDAG
	for _, dag := range dags {
		switch {
		case dag.ID == nil:
			unnamed = append(unnamed, dag)
		case *dag.ID == id || id == "" && len(dags) == 1:
			return dag, nil
		default:
			ids = append(ids, *dag.ID)
		}
	}
	switch {
	case len(unnamed) == 1:
		return unnamed[0], nil
	case len(dags) == 0:
		return declaredDAG{}, errors.New("defines no DAG and no PARAMS: name the file that declares the DAG's Params")
	case id == "":
		return declaredDAG{}, errors.New("defines several DAGs, and the route computes which it starts: name a file of one")
	case len(ids) == 0:
		return declaredDAG{}, errors.New("computes the ids of its DAGs: name the file that declares the DAG's Params as PARAMS")
	}
	return declaredDAG{}, fmt.Errorf("defines %s, and the route starts %s: name the file of that DAG", strings.Join(ids, ", "), id)
}

func (d declaredDAG) params(path string) (map[string]Param, error) {
	if d.Params == nil {
		return nil, fmt.Errorf("%s:%d computes the DAG's Params: write them as a dict, or import one from a module beside the file",
			path, max(d.Computed, d.Line))
	}
	all := map[string]Param{}
	for name, p := range d.Params {
		all[name] = Param{Param: airflow.Param{Value: p.Value, Schema: p.Schema}, File: p.File, Line: p.Line, Computed: p.Computed}
	}
	return all, nil
}

// Reported are the Params that Airflow reports.
func Reported(params map[string]airflow.Param) map[string]Param {
	all := map[string]Param{}
	for name, p := range params {
		all[name] = Param{Param: p}
	}
	return all
}
