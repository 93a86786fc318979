// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/real/airflowreal"
)

// The contract runs on a pool of releases, by .ci/versions. An embedded Airflow stands for one
// release of each kind; on the others, what the client makes of each answer must be the
// same, and their wording may differ. Where a release means something else, or lacks what a
// row asks for, an exception says so, with its reason.

// asked are the releases that the contract is to run on: those that DAGTRIGGER_AIRFLOW names, by commas,
// else those that CI runs on.
func asked() []string {
	if named := os.Getenv("DAGTRIGGER_AIRFLOW"); named != "" {
		return strings.Split(named, ",")
	}
	return airflowreal.Versions()
}

// on returns the scenario as it is on a release, and why it differs.
func (s scenario) on(release, setup string) (scenario, exception) {
	for _, e := range exceptions() {
		if e.holds(release, setup, s) {
			if !e.absent {
				s.want = e.want
			}
			return s, e
		}
	}
	return s, exception{}
}

// tally is what the rows of a release came to, as deploy/versions.md shows it.
type tally struct {
	Airflow  string
	API      string
	Python   string
	Database string
	Day      string
	Rows     int // that ran
	Failed   int
	// Reworded rows have the meaning that they are to have, in an answer that differs from the embedded one's.
	Reworded int
	// Other rows mean something else than on the release that the embedded Airflow stands for, by reason.
	Other  map[string]int
	Absent map[string]int // rows that do not apply, by reason

	mu sync.Mutex
}

// newTally is an empty one of a release, as of today.
func newTally(release string) *tally {
	c := &tally{Airflow: release, API: "v1, experimental", Day: time.Now().UTC().Format(time.DateOnly)}
	if standIn(release).ServesV2() {
		c.API = "v2"
	}
	return c
}

func (c *tally) exact() bool { return slices.Contains(airflowreal.Versions(), c.Airflow) }

func (c *tally) count(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

// expect counts a row before it runs, and its failure after.
func (c *tally) expect(t *testing.T, e exception) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	reasons := &c.Other
	if e.absent {
		reasons = &c.Absent
	} else {
		c.Rows++
	}
	if e.reason != "" {
		if *reasons == nil {
			*reasons = map[string]int{}
		}
		(*reasons)[e.reason]++
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.count(&c.Failed)
		}
	})
}

// write keeps the tally in the folder that DAGTRIGGER_TALLY names.
func (c *tally) write(t *testing.T) {
	t.Helper()
	folder := os.Getenv("DAGTRIGGER_TALLY")
	if folder == "" || t.Failed() && c.Failed == 0 { // a setup that did not start has no rows to count
		return
	}
	python, err := airflowreal.Install(t.Context(), c.Airflow, nil)
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.CommandContext(t.Context(), python, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	c.Python = strings.TrimPrefix(strings.TrimSpace(string(version)), "Python ")
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, c.Airflow+".json"), append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}
