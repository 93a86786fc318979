// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/real/realtest"
)

// TestDemoOnARealAirflow runs the demo on each version.
func TestDemoOnARealAirflow(t *testing.T) {
	realtest.Need(t)
	for _, version := range realtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			ctx, end := context.WithCancel(t.Context())
			defer end()
			out, progress := newOutput(), newOutput()
			ended := make(chan int, 1)
			go func() { ended <- run(ctx, []string{"demo", "--real", version}, none, nil, out, progress) }()
			out.after(t, "Ctrl-C ", ended)
			end()
			if status := <-ended; status != exitOK {
				t.Errorf("it ended with the exit status %d:\n%s", status, progress)
			}
			for _, want := range []string{
				"\n11 events, 12 runs, nothing lost, nothing twice\n",
				"\nAirflow " + version + ", a real one on ", " (login: admin / admin, in its pages too)\n",
			} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not written, but:\n%s", want, out)
				}
			}
		})
	}
}
