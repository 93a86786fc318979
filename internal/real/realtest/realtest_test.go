// SPDX-License-Identifier: Apache-2.0

package realtest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"example.com/dagtrigger/internal/real/airflowreal"
)

// recorder is a test that notes how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper() {}

func (r *recorder) end(how string) {
	r.ended = how
	runtime.Goexit()
}

func (r *recorder) Skip(args ...any)                  { r.end("skip: " + fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any)                 { r.end("fail: " + fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) { r.end("fail: " + fmt.Sprintf(format, args...)) }

func TestNeed(t *testing.T) {
	t.Parallel()
	found := func() error { return nil }
	lacking := func() error { return errors.New("gcloud is missing: install it") }
	for _, row := range []struct {
		value string
		part  func() error
		want  string
	}{
		{"", lacking, "skip: real programs are not asked for: set DAGTRIGGER_REAL=1 to run this"},
		{"1", found, "run"},
		{"1", lacking, "skip: gcloud is missing: install it"},
		{"required", found, "run"},
		{"required", lacking, "fail: gcloud is missing: install it"},
		{"yes", found, `fail: DAGTRIGGER_REAL is "yes": set it to 1 or to required`},
	} {
		t.Run(row.value, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				need(r, row.value, found, row.part)
				r.ended = "run"
			}()
			<-done
			if r.ended != row.want {
				t.Errorf("ended by %q, want %q", r.ended, row.want)
			}
		})
	}
}

func TestVersionsLeavesBetasOut(t *testing.T) {
	t.Setenv("DAGTRIGGER_PROOF", "full")
	if got, want := Versions(), []string{"2.11.2", "3.3.2"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	t.Setenv("DAGTRIGGER_PROOF", "all")
	if got := Versions(); !slices.Equal(got, airflowreal.Versions()) {
		t.Errorf("%v, want %v", got, airflowreal.Versions())
	}
}
