// SPDX-License-Identifier: Apache-2.0

package cloudlog_test

import (
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/cloudlog"
)

func TestSamplerAllowsOneLineASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s cloudlog.Sampler
		for _, step := range []struct {
			wait    time.Duration
			leftOut int
			ok      bool
		}{
			{0, 0, true}, {0, 0, false}, {time.Second - 1, 0, false}, {1, 2, true}, {time.Hour, 0, true},
		} {
			time.Sleep(step.wait) //nolint:forbidigo // the clock is the test's own
			if leftOut, ok := s.Pass(); leftOut != step.leftOut || ok != step.ok {
				t.Errorf("after %s: %d left out, passed %t; want %d, %t", step.wait, leftOut, ok, step.leftOut, step.ok)
			}
		}
	})
}
