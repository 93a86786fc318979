// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/dagtrigger/internal/airflow"
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

// exception is what a row wants of some releases.
type exception struct {
	before string // of releases before this one
	since  string // and from this one on
	api    airflow.API
	rows   []string // by name, or by a part of it with * at its end
	want   string
	absent bool // the row does not apply
	reason string
}

func (e exception) holds(release string, s scenario) bool {
	return s.api == e.api && airflowreal.CompareVersions(release, e.before) < 0 && airflowreal.CompareVersions(release, e.since) >= 0 &&
		slices.ContainsFunc(e.rows, func(name string) bool {
			prefix, cut := strings.CutSuffix(name, "*")
			return name == s.name || cut && strings.HasPrefix(s.name, prefix)
		})
}

// on returns the scenario as it is on a release.
func (s scenario) on(release string) (scenario, exception) {
	for _, e := range exceptions() {
		if e.holds(release, s) {
			if !e.absent {
				s.want = e.want
			}
			return s, e
		}
	}
	return s, exception{}
}

// tally is what the rows of a release came to.
type tally struct {
	release string
	mu      sync.Mutex
	Rows    int // that ran
	Failed  int
	// Reworded rows have the meaning that they are to have, and an answer that differs from the embedded one's.
	Reworded int
	// Other rows mean something else than on the release that the embedded Airflow stands for, by reason.
	Other  map[string]int
	Absent map[string]int // rows that do not apply, by reason
}

func (c *tally) exact() bool { return slices.Contains(airflowreal.Versions(), c.release) }

func (c *tally) count(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

// expect counts a row before it runs, and its failure after.
func (c *tally) expect(t *testing.T, s setup, sc scenario, e exception) {
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
	if folder == "" {
		return
	}
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, c.release+".json"), append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

func exceptions() []exception { return nil }
