// SPDX-License-Identifier: Apache-2.0

package params_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/params"
)

// needPython skips where no DAG's file can be read.
func needPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
}

// summary is each Param as "name=default schema at file:line", sorted by name.
func summary(all map[string]params.Param) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		value := string(p.Value)
		if p.Computed {
			value = "computed"
		}
		lines = append(lines, fmt.Sprintf("%s=%s %s at %s:%d", name, value, p.Schema, filepath.Base(p.File), p.Line))
	}
	return strings.Join(lines, "\n")
}

// Each row is a file dag.py, beside a module other.py, and what is read of its DAG load.
func TestParamsOfADAGsFile(t *testing.T) {
	t.Parallel()
	needPython(t)
	const other = "from airflow.sdk import Param as P\nPARAMS = {'z': P(type='string')}\nREGIONS = ['eu', 'us']\n"
	for _, row := range []struct{ name, text, want string }{
		{"a dict", "with DAG('load', params={'a': Param(1, type='integer', minimum=-5, description='x'), 'b': 2.5}): pass",
			`a=1 {"type": "integer", "minimum": -5} at dag.py:1` + "\n" + `b=2.5 {} at dag.py:1`},
		{"no default, a list of types", "DAG(dag_id='load', params=dict(a=Param(type=['null', 'string']), b=Param(default=None)))",
			`a= {"type": ["null", "string"]} at dag.py:1` + "\n" + `b=null {} at dag.py:1`},
		{"a decorator", "@dag(params={'a': 'x'})\ndef load(): pass", `a="x" {} at dag.py:1`},
		{"a decorator without arguments", "@sdk.dag\ndef load(): pass", ``},
		{"a name", "P = {'a': Param(\n  'x')}\nDAG('load', params=P)", `a="x" {} at dag.py:1`},
		{"a module beside", "from other import PARAMS, REGIONS\nDAG('load', params={**PARAMS, 'a': Param('eu', enum=REGIONS)})",
			`a="eu" {"enum": ["eu", "us"]} at dag.py:2` + "\n" + `z= {"type": "string"} at other.py:2`},
		{"a package's module beside", "from dags import other\nDAG('load', params=other.PARAMS | {'a': True})",
			`a=true {} at dag.py:2` + "\n" + `z= {"type": "string"} at other.py:2`},
		{"what is computed", "DAG('load', params={'a': Param(now(), type=T), 'b': make(), 'c': 1e999})",
			`a=computed {} at dag.py:1` + "\n" + `b=computed {} at dag.py:1` + "\n" + `c=computed {} at dag.py:1`},
		{"one of several", "DAG('a', params={'x': 1})\nDAG('load', params={'y': 2})", `y=2 {} at dag.py:2`},
		{"a computed id", "for r in 'ab':\n  DAG(f'load_{r}', params={'y': 2})", `y=2 {} at dag.py:2`},
		{"a module without a DAG", "from other import PARAMS", `z= {"type": "string"} at other.py:2`},
		{"newer syntax", "match 1:\n  case 1: x = f'{1!r}'\nif (y := 1): pass\nDAG('load')", ``},
		{"assigned twice", "P = {}\nif x: P = {'a': 1}\nDAG('load', params=P)",
			"PATH:3 computes the DAG's Params: write them as a dict, or import one from a module beside the file"},
		{"a cycle", "P = Q\nQ = P\nDAG('load', params=P)",
			"PATH:3 computes the DAG's Params: write them as a dict, or import one from a module beside the file"},
		{"arguments", "DAG('load', **arguments)",
			"PATH:1 computes the DAG's Params: write them as a dict, or import one from a module beside the file"},
		{"another DAG", "DAG('stock')", "PATH defines stock, and the route starts load: name the file of that DAG"},
		{"no DAG", "x = 1", "PATH defines no DAG and no PARAMS: name the file that declares the DAG's Params"},
		{"two computed ids", "DAG(a)\nDAG(b)", "PATH computes the ids of its DAGs: name the file that declares the DAG's Params as PARAMS"},
		{"invalid syntax", "x = 1\ny = (", "reading PATH: dag.py:2: '(' was never closed"},
		{"nested without end", "x = " + strings.Repeat("(", 5000), "reading PATH: "},
		{"a NUL", "x = '\x00'", "reading PATH: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dag.py")
			if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "other.py"), []byte(other), 0o600); err != nil {
				t.Fatal(err)
			}
			all, err := params.Declared(t.Context(), path, "load")
			got := summary(all)
			if err != nil {
				got = strings.ReplaceAll(err.Error(), path, "PATH")
			}
			if got != row.want && (!strings.HasSuffix(row.want, ": ") || !strings.HasPrefix(got, row.want)) {
				t.Errorf("got\n%s\nwant\n%s", got, row.want)
			}
		})
	}
}

func TestADAGsFileIsNeverRun(t *testing.T) {
	t.Parallel()
	needPython(t)
	path := filepath.Join(t.TempDir(), "dag.py")
	if err := os.WriteFile(path, []byte("open(__file__ + '.ran', 'w')\nDAG('load')"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := params.Declared(t.Context(), path, "load"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".ran"); err == nil {
		t.Error("the file was run")
	}
}

// What is printed for a route is read back as what the route promises.
func TestPrintedModulesTakeTheirConf(t *testing.T) {
	t.Parallel()
	needPython(t)
	for _, c := range contracts(t) {
		all, err := params.Declared(t.Context(), filepath.Join("testdata", c.Module()+".py"), c.DAG)
		if found := c.Differences(all); err != nil || len(found) > 0 || len(all) != len(c.Conf) {
			t.Errorf("%s: %d Params, %v, %v", c.Route, len(all), found, err)
		}
	}
}
