// SPDX-License-Identifier: Apache-2.0

package params_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/params"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/realtest"
)

var update = flag.Bool("update", false, "write the golden files")

// contracts are those of the routes in testdata, less the last, which has none.
func contracts(t *testing.T) []params.Contract {
	t.Helper()
	file, err := config.Load("testdata/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := make([]params.Contract, len(file.Routes)-1)
	for i := range all {
		if all[i], err = params.Of(&file.Routes[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := params.Of(&file.Routes[len(all)]); !errors.Is(err, params.ErrUnknown) {
		t.Errorf("a route without a separate conf: %v", err)
	}
	return all
}

func TestPythonHasAParamAndATypeForEachMember(t *testing.T) {
	t.Parallel()
	for _, c := range contracts(t) {
		path := filepath.Join("testdata", c.Module()+".py")
		if *update {
			if err := os.WriteFile(path, []byte(c.Python()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), c.Python()); diff != "" {
			t.Errorf("%s, written with -update (-want +got):\n%s", path, diff)
		}
	}
}

// TestRealAirflowImportsTheModules imports them with the Python and the Airflow
// of two versions, and runs the tests that they hold.
func TestRealAirflowImportsTheModules(t *testing.T) {
	t.Parallel()
	const script = "import sys; sys.path.insert(0, 'testdata')\nfor name in sys.argv[1:]: __import__(name).test_params()"
	args := []string{"-B", "-c", script}
	for _, c := range contracts(t) {
		args = append(args, c.Module())
	}
	for _, version := range []string{"2.11.2", "3.3.2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var python string
			realtest.Need(t, func() (err error) {
				python, err = airflowreal.Install(t.Context(), version, nil)
				return err
			})
			cmd := exec.CommandContext(t.Context(), python, args...)
			cmd.Env = append(os.Environ(), "AIRFLOW_HOME="+t.TempDir())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
