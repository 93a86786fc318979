// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// MissingError says that this machine lacks a part that a real Airflow needs,
// in words that end in the fix. A test may skip on it; any other error is a failure.
type MissingError struct {
	Part string // PostgreSQL, say
	Why  string // what was looked for, and what was found in its place
	Fix  string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is missing: %s: %s", e.Part, e.Why, e.Fix)
}

// lookPath is exec.LookPath, or a test's stand-in.
type lookPath func(name string) (string, error)

// A virtual environment needs both modules, and Debian ships them apart from
// Python. The interpreter's own path comes last, for the one found may be a
// shell script that chooses among several, which a supervisor should not be run by.
const askPython = `import sys; print("%d.%d" % sys.version_info[:2])
import venv, ensurepip; print(sys.executable)`

// findPython returns an interpreter that the list was locked for and that can make virtual environments.
func findPython(ctx context.Context, l list, look lookPath) (string, error) {
	names := []string{"python3"}
	for _, version := range slices.Backward(l.pythons) {
		names = append(names, "python"+version)
	}
	var found []string
	for _, name := range names {
		path, err := look(name)
		if err != nil {
			continue
		}
		// A failure shows in what was printed: nothing, or the version alone.
		output, _ := exec.CommandContext(ctx, path, "-I", "-c", askPython).Output()
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("looking for Python: %w", err)
		}
		answer := strings.Split(strings.TrimSpace(string(output)), "\n")
		switch {
		case answer[0] == "":
			found = append(found, path+" (does not run)")
		case !slices.Contains(l.pythons, answer[0]):
			found = append(found, fmt.Sprintf("%s (%s)", path, answer[0]))
		case len(answer) == 1:
			found = append(found, fmt.Sprintf("%s (%s, without venv)", path, answer[0]))
		default:
			return answer[1], nil
		}
	}
	return "", missingPython(l, found)
}

func missingPython(l list, found []string) error {
	if len(found) == 0 {
		found = []string{"no Python 3"}
	}
	newest := l.pythons[len(l.pythons)-1]
	return &MissingError{
		Part: "Python",
		Why: fmt.Sprintf("Airflow %s needs Python %s with its venv module, and PATH has %s",
			l.version, strings.Join(l.pythons, " or "), strings.Join(found, ", ")),
		Fix: fmt.Sprintf("install one of these versions (Debian: apt-get install python3 python3-venv; macOS: brew install python@%s)", newest),
	}
}
