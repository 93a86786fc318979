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
// what the client must make of every response. The embedded Airflow keeps it in
// every test run. Where real programs are asked for, each scenario is played
// against both, and every difference in status, media type, headers, JSON and
// meaning fails, with the two responses side by side. Where they differ, the
// real one is right.
//
// A row is added to the table of its API version, or of all three. What a
// scenario asks for is read back at its end, also what was refused. What only
// one of the two can show has no place here.

// stage is how a web server is set up, and the scenarios that are told to it.
type stage struct {
	name         string
	release      string
	config       map[string]string // of the real one
	sim          airflowsim.Auth   // of the embedded one
	experimental bool
	future       bool // [scheduler] allow_trigger_in_future
	scenarios    []scenario
}

// houses are the stages of one release: those of one house share a database
// and a scheduler, which the first one sets up.
func houses(release string) [][]stage {
	if strings.HasPrefix(release, "3.") {
		config := map[string]string{"API_AUTH__JWT_SECRET": jwtSecret}
		open := maps.Clone(config)
		open["CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] = "True"
		return [][]stage{{
			{
				name: "tokens", release: release, config: config, sim: airflowsim.AuthToken,
				scenarios: of(release, everyDialect(), v2Rows(), v2Bodies(), v2Access(), v2Assets(), rowsOf(release)),
			},
			{name: "all are admins", release: release, config: open, sim: airflowsim.AuthOpen, scenarios: v2Open()},
		}}
	}
	all := []stage{
		airflow2(release, "basic_auth", true), airflow2(release, "basic_auth", false),
		airflow2(release, "deny_all", true), airflow2(release, "deny_all", false),
		airflow2(release, "default", true), airflow2(release, "default", false),
		airflow2(release, "session", false), // as Airflow 2 is without any setting
	}
	all[0].scenarios = append(all[0].scenarios,
		of(release, everyDialect(), v1Rows(), v1Bodies(), v1Assets(), experimentalRows(), experimentalBodies())...)
	future := airflow2(release, "basic_auth", true)
	future.name, future.future, future.scenarios = "dates ahead are allowed", true, future2()
	future.config["SCHEDULER__ALLOW_TRIGGER_IN_FUTURE"] = "True"
	return [][]stage{all, {future}}
}

// backend is one of [api] auth_backends, as the embedded Airflow has it. A
// caller of the API has no session, so that under session all are refused.
func backend(name string) airflowsim.Auth {
	return map[string]airflowsim.Auth{
		"basic_auth": airflowsim.AuthBasic, "deny_all": airflowsim.AuthDenyAll,
		"default": airflowsim.AuthOpen, "session": airflowsim.AuthDenyAll,
	}[name]
}

// airflow2 is a stage of Airflow 2 that asks who gets in.
func airflow2(release, auth string, experimental bool) stage {
	name := auth + map[bool]string{true: ", experimental on", false: ", experimental off"}[experimental]
	return stage{
		name: name, release: release, experimental: experimental,
		sim: backend(auth),
		config: map[string]string{
			"API__AUTH_BACKENDS":           "airflow.api.auth.backend." + auth,
			"API__ENABLE_EXPERIMENTAL_API": map[bool]string{true: "True", false: "False"}[experimental],
			// It would set the broken DAG inactive while the scenarios are told.
			"SCHEDULER__PARSING_CLEANUP_INTERVAL": "86400",
		},
		scenarios: access2(name),
	}
}

// of is the scenarios of the dialects that a release speaks.
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

func TestTheEmbeddedAirflowKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, release := range airflowreal.Versions() {
		for n, stage := range slices.Concat(houses(release)...) {
			t.Run(release+" "+stage.name, func(t *testing.T) {
				t.Parallel()
				stage.tell(t, n, func(t *testing.T, number int, s scenario) {
					s.hold(t, newPlay(t, embedded(t, stage), number, s).perform(t))
				})
			})
		}
	}
}

func TestTheRealAirflowAgreesWithTheEmbeddedOne(t *testing.T) {
	t.Parallel()
	realtest.Need(t)
	for _, release := range airflowreal.Versions() {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			for _, stages := range houses(release) {
				t.Run("from "+stages[0].name, func(t *testing.T) { visit(t, stages) })
			}
		})
	}
}

// visit starts the house of these stages, and tells them in turn.
func visit(t *testing.T, stages []stage) {
	t.Helper()
	a := realtest.Start(t, airflowreal.Options{
		Version: stages[0].release, Scheduler: true, Database: airflowreal.PostgreSQL, Config: stages[0].config,
	})
	setUp(t, realTarget(t, a))
	for n, stage := range stages {
		t.Run(stage.name, func(t *testing.T) { compare(t, a, n, stage) })
	}
}

// compare tells a stage's scenarios to both witnesses.
func compare(t *testing.T, a *airflowreal.Airflow, n int, stage stage) {
	t.Helper()
	if n > 0 {
		if err := a.RestartWebServer(t.Context(), stage.config); err != nil {
			t.Fatal(err)
		}
	}
	real := realTarget(t, a)
	stage.tell(t, n, func(t *testing.T, number int, s scenario) {
		one := newPlay(t, embedded(t, stage), number, s).perform(t)
		other := newPlay(t, real, number, s).perform(t)
		s.hold(t, other)
		agree(t, one, other)
	})
}

// perStage is more than the scenarios of any stage, so that each has a number of its own.
const perStage = 1000

// tell tells each scenario in a test of its own, all at once.
func (s stage) tell(t *testing.T, n int, told func(*testing.T, int, scenario)) {
	t.Helper()
	for i, scenario := range s.scenarios {
		t.Run(string(scenario.api)+"/"+scenario.name, func(t *testing.T) {
			t.Parallel()
			told(t, n*perStage+i, scenario)
		})
	}
}

// hold checks what must hold of the story, whoever was told it.
func (s scenario) hold(t *testing.T, all []observation) {
	t.Helper()
	var meant []string
	for _, o := range all[:len(s.story)] {
		meant = append(meant, o.meant)
	}
	if got := strings.Join(meant, "; "); got != s.want {
		t.Errorf("the client makes of it\n  %s\nwant\n  %s", got, s.want)
		for _, o := range all {
			t.Logf("%s\n%s", o.step, o)
		}
	}
}

// agree fails where the real Airflow answered otherwise than the embedded one.
func agree(t *testing.T, embedded, real []observation) {
	t.Helper()
	for i := range embedded {
		if one, other := embedded[i].String(), real[i].String(); one != other {
			t.Errorf("step %d, %s\n%s", i+1, embedded[i].step, beside("EMBEDDED\n"+one, "REAL\n"+other))
		}
	}
}
