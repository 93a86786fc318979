// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsOneLineThatChangesTenTimesASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		b := &progress{w: &out, total: 100, what: "sending", started: time.Now()}
		for range 100 {
			time.Sleep(10 * time.Millisecond) //nolint:forbidigo // of the bubble's clock
			b.add("sending")
		}
		b.describe("waiting 2s for the DAG " + strings.Repeat("d", 100))
		b.finish()
		lines := strings.Split(out.String(), clearLine)
		if len(lines) != 14 || lines[1] != "sending 1/100, 100/s" || lines[11] != "sending 100/100, 100/s" {
			t.Errorf("%d lines: %q", len(lines), lines)
		}
		if want := "waiting 2s for the DAG " + strings.Repeat("d", 27) + " 100/100, 100/s"; lines[12] != want || lines[13] != "" {
			t.Errorf("the last lines are %q, want %q and nothing", lines[12:], want)
		}
	})
}

func TestProgressIsShownOnTerminalsOnly(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &program{stderr: &out, getenv: none}
	b := p.progress("sending", 2, false)
	b.add("sending")
	b.finish()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}
