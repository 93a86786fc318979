// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
	"example.com/dagtrigger/internal/real/realtest"
	"example.com/dagtrigger/internal/simulator/airflowsim"
)

// The contract between Airflow and its client: a table of scenarios, each with
// what the client must make of every response. Every test run checks the
// embedded Airflow against it. Where real programs are asked for, each scenario is run
// against both, and every difference in status, media type, headers, JSON and
// meaning fails, with the two responses side by side. Where they differ, the
// real one is right.
//
// A row is added to the table of its API version, or of all three. What a
// scenario asks for is read back at its end, also what was refused. What only
// one of the two can show has no place here.

// setup is a configuration of a web server, and the scenarios that are run on it.
type setup struct {
	name         string
	release      string
	config       map[string]string // of the real one
	sim          airflowsim.Auth   // of the embedded one
	experimental bool
	future       bool // [scheduler] allow_trigger_in_future
	repeats      bool // what the setup before it shows, too: the real web server is restarted for it by DAGTRIGGER_PROOF=all only
	scenarios    []scenario
}

// setupGroups lists the setups of one release. The setups of a group share a database
// and a scheduler, which the first one starts.
func setupGroups(release string) [][]setup {
	if strings.HasPrefix(release, "3.") {
		config := map[string]string{"API_AUTH__JWT_SECRET": jwtSecret}
		open := maps.Clone(config)
		open["CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] = "True"
		return [][]setup{{
			{
				name: "tokens", release: release, config: config, sim: airflowsim.AuthToken,
				scenarios: of(release, everyAPI(), v2Rows(), v2Bodies(), v2Access(), v2Assets(), everyAsset(), rowsOf(release)),
			},
			{name: "all are admins", release: release, config: open, sim: airflowsim.AuthOpen, scenarios: v2Open()},
		}}
	}
	repeated := func(auth string) setup {
		s := airflow2(release, auth, false)
		s.repeats = true
		return s
	}
	all := []setup{
		airflow2(release, "basic_auth", true), airflow2(release, "basic_auth", false),
		airflow2(release, "deny_all", true), repeated("deny_all"),
		airflow2(release, "default", true), repeated("default"),
		airflow2(release, "session", false), // as Airflow 2 is without any setting
	}
	all[0].scenarios = append(all[0].scenarios,
		of(release, everyAPI(), v1Rows(), v1Bodies(), v1Assets(), everyAsset(), experimentalRows(), experimentalBodies())...)
	future := airflow2(release, "basic_auth", true)
	future.name, future.future, future.scenarios = "dates ahead are allowed", true, future2()
	future.config["SCHEDULER__ALLOW_TRIGGER_IN_FUTURE"] = "True"
	return [][]setup{all, {future}}
}

// backend is one of [api] auth_backends, as the embedded Airflow has it. A
// caller of the API has no session, so that under session all are refused.
func backend(name string) airflowsim.Auth {
	return map[string]airflowsim.Auth{
		"basic_auth": airflowsim.AuthBasic, "deny_all": airflowsim.AuthDenyAll,
		"default": airflowsim.AuthOpen, "session": airflowsim.AuthDenyAll,
	}[name]
}

// airflow2 is a setup of Airflow 2 that tests its authentication.
func airflow2(release, auth string, experimental bool) setup {
	name := auth + map[bool]string{true: ", experimental on", false: ", experimental off"}[experimental]
	return setup{
		name: name, release: release, experimental: experimental,
		sim: backend(auth),
		config: map[string]string{
			"API__AUTH_BACKENDS":           "airflow.api.auth.backend." + auth,
			"API__ENABLE_EXPERIMENTAL_API": map[bool]string{true: "True", false: "False"}[experimental],
			// It would set the broken DAG inactive while the scenarios run.
			"SCHEDULER__PARSING_CLEANUP_INTERVAL": "86400",
		},
		scenarios: access2(name),
	}
}

// of is the scenarios of the API versions that a release serves.
func of(release string, tables ...[]scenario) []scenario {
	var all []scenario
	for _, table := range tables {
		for _, s := range table {
			if (s.api == airflow.V2) == strings.HasPrefix(release, "3.") {
				all = append(all, s)
			}
		}
	}
	return all
}

func TestEmbeddedAirflowKeepsContract(t *testing.T) {
	t.Parallel()
	for _, release := range airflowreal.Versions() {
		for n, s := range slices.Concat(setupGroups(release)...) {
			t.Run(release+" "+s.name, func(t *testing.T) {
				t.Parallel()
				s.eachScenario(t, n, func(t *testing.T, number int, sc scenario) {
					sc.checkMeaning(t, newPlay(t, embedded(t, s), number, sc).perform(t))
				})
			})
		}
	}
}

func TestRealAirflowMatchesEmbedded(t *testing.T) {
	t.Parallel()
	realtest.Need(t)
	for _, release := range asked() {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			c := newTally(release)
			for _, group := range setupGroups(release) {
				t.Run("from "+group[0].name, func(t *testing.T) { c.compareGroup(t, group) })
			}
			c.write(t)
		})
	}
}

// compareGroup starts one Airflow, and compares each setup of the group on it.
func (c *tally) compareGroup(t *testing.T, group []setup) {
	t.Helper()
	a := realtest.Start(t, airflowreal.Options{
		Version: group[0].release, Scheduler: true, Database: airflowreal.PostgreSQL, Config: group[0].config,
	})
	c.Database = a.Database
	setUp(t, realTarget(t, a))
	for n, s := range group {
		t.Run(s.name, func(t *testing.T) { c.compare(t, a, n, s) })
	}
}

// compare runs the scenarios of a setup on the real and on the embedded Airflow.
func (c *tally) compare(t *testing.T, a *airflowreal.Airflow, n int, s setup) {
	t.Helper()
	if s.repeats && !everything() {
		t.Skip("it takes a restart of the web server: set DAGTRIGGER_PROOF=all to run it")
	}
	if n > 0 {
		if err := a.RestartWebServer(t.Context(), s.config); err != nil {
			t.Fatal(err)
		}
	}
	real := realTarget(t, a)
	s.eachScenario(t, n, func(t *testing.T, number int, sc scenario) {
		if strings.HasSuffix(sc.want, " success") && !everything() {
			t.Skip("a task of the real Airflow takes minutes on busy cores: set DAGTRIGGER_PROOF=all to run it")
		}
		sc, exception := sc.on(s.release, s.name)
		c.expect(t, exception)
		if exception.absent {
			t.Skip(exception.reason)
		}
		other := newPlay(t, real, number, sc).perform(t)
		sc.checkMeaning(t, other)
		if exception.reason != "" {
			return // the embedded one is of another release
		}
		one := newPlay(t, embedded(t, s), number, sc).perform(t)
		if c.exact() {
			compareAnswers(t, one, other)
		} else if !sameAnswers(one, other) {
			c.count(&c.Reworded)
		}
	})
}

// perSetup is more than the scenarios of any setup, so that each has its own number.
const perSetup = 1000

// eachScenario runs each scenario as a separate test, all in parallel.
func (s setup) eachScenario(t *testing.T, n int, run func(*testing.T, int, scenario)) {
	t.Helper()
	for i, scenario := range s.scenarios {
		t.Run(string(scenario.api)+"/"+scenario.name, func(t *testing.T) {
			t.Parallel()
			run(t, n*perSetup+i, scenario)
		})
	}
}

// checkMeaning compares what the client made of each step with what the scenario wants.
func (s scenario) checkMeaning(t *testing.T, all []observation) {
	t.Helper()
	var meant []string
	for _, o := range all[:len(s.steps)] {
		meant = append(meant, o.meant)
	}
	if got := strings.Join(meant, "; "); got != s.want {
		t.Errorf("the client makes of it\n  %s\nwant\n  %s", got, s.want)
		for _, o := range all {
			t.Logf("%s\n%s", o.step, o)
		}
	}
}

func sameAnswers(embedded, real []observation) bool {
	return slices.EqualFunc(embedded, real, func(a, b observation) bool { return a.String() == b.String() })
}

// compareAnswers fails where the real Airflow answered otherwise than the embedded one.
func compareAnswers(t *testing.T, embedded, real []observation) {
	t.Helper()
	for i := range embedded {
		if one, other := embedded[i].String(), real[i].String(); one != other {
			t.Errorf("step %d, %s\n%s", i+1, embedded[i].step, beside("EMBEDDED\n"+one, "REAL\n"+other))
		}
	}
}
