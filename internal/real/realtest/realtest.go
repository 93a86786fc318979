// SPDX-License-Identifier: Apache-2.0

// Package realtest decides when a test may run real programs: where the
// environment variable DAGTRIGGER_REAL asks for it. It starts a real Airflow
// for a test, and ends it with the test.
//
//	unset, or empty   such tests skip, so that a plain go test is quick and offline
//	1                 they run, and skip where this machine lacks a part
//	required          they run, and fail where this machine lacks a part
//
// It is the only part of airflowreal that imports testing, so
// that no command links it.
package realtest

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/real/airflowreal"
)

// Variable names the environment variable that asks for real programs.
const Variable = "DAGTRIGGER_REAL"

// Need skips the test unless real programs are asked for. Each part looks for
// one that the test will meet, and says by an error that this machine lacks
// it; the test then skips or fails, as was asked.
func Need(t testing.TB, parts ...func() error) {
	t.Helper()
	need(t, os.Getenv(Variable), parts...)
}

func need(t testing.TB, value string, parts ...func() error) {
	t.Helper()
	required := wanted(t, value)
	for _, part := range parts {
		if err := part(); err != nil {
			lack(t, required, err)
		}
	}
}

// Versions returns the versions of Airflow that programs are proved on, oldest first:
// those that are released. DAGTRIGGER_PROOF=all adds the betas, which CI has no time
// for: what a beta changes shows in the API's contract, which is run on all.
func Versions() []string {
	versions := airflowreal.Versions()
	if os.Getenv("DAGTRIGGER_PROOF") == "all" {
		return versions
	}
	return slices.DeleteFunc(versions, func(version string) bool { return strings.ContainsAny(version, "abr") })
}

// Start starts an Airflow, as Need allows it, and ends it with the test.
func Start(t testing.TB, o airflowreal.Options) *airflowreal.Airflow {
	t.Helper()
	required := wanted(t, os.Getenv(Variable))
	if o.Progress == nil {
		o.Progress = func(line string) { t.Log(line) }
	}
	a, err := airflowreal.Start(t.Context(), o)
	if missing := (*airflowreal.MissingError)(nil); errors.As(err, &missing) {
		lack(t, required, missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("the logs of the real Airflow end with:\n" + a.Log())
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// wanted reads the variable's value: it skips where it is empty, and reports
// whether a missing part is a failure.
func wanted(t testing.TB, value string) (required bool) {
	t.Helper()
	switch value {
	case "":
		t.Skip("real programs are not asked for: set " + Variable + "=1 to run this")
	case "1", "required":
	default:
		t.Fatalf("%s is %q: set it to 1 or to required", Variable, value)
	}
	return value == "required"
}

func lack(t testing.TB, required bool, err error) {
	t.Helper()
	if required {
		t.Fatal(err)
	}
	t.Skip(err)
}
