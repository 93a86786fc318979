// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"errors"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/doctor"
)

// toys are results of every kind.
func toys() []doctor.Result {
	in := func(check string, f doctor.Finding) doctor.Result {
		return doctor.Result{Check: check, Means: "what " + check + " means", Environment: "prod", Finding: f}
	}
	dag := in("paused", doctor.Finding{Status: doctor.Warning, Why: "it is", Fixes: []doctor.Fix{{Do: "airflow dags unpause load"}}})
	dag.Route, dag.DAG = "sales", "load"
	return []doctor.Result{
		{Check: "settings", Means: "what settings means", Finding: doctor.Finding{Status: doctor.OK, Why: "1 environment, 1 route"}},
		in("token", doctor.Finding{Status: doctor.OK, Why: "obtained"}),
		in("api", doctor.Finding{Status: doctor.Failed, Why: "403 application/problem+json: Forbidden <&>", Fixes: []doctor.Fix{
			{If: "the role does not allow it", Do: "give it another"}, {If: "the API denies everybody", Do: "first this\nthen that"},
		}}),
		in("tls", doctor.Finding{Status: doctor.Failed, Why: "two\nlines",
			Fixes: []doctor.Fix{{If: "the certificate is another's", Do: "name the right host"}}}),
		in("role", doctor.Finding{Status: doctor.Skipped, Why: "only Composer's API tells"}),
		dag,
		{Check: "expiry", Means: "what expiry means", Finding: doctor.Finding{Status: doctor.OK, Why: "it never ends"}},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	table := doctor.Table(&b, func(s doctor.Status, text string) string {
		if s == doctor.Failed {
			return "*" + text + "*"
		}
		return text
	})
	for _, r := range toys() {
		table(r)
	}
	golden(t, "table.txt", b.String())
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var report doctor.Report
	for _, r := range toys() {
		report.Observe(r)
	}
	var b strings.Builder
	if err := report.JSON(&b, doctor.Summary{OK: 3, Warnings: 1, Failed: 2, Skipped: 1}); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b.String())
}

func TestSummaryInALine(t *testing.T) {
	t.Parallel()
	if got := (doctor.Summary{OK: 3, Warnings: 1, Failed: 2, Skipped: 1}).Line(); got != "3 ok, 1 warning, 2 failed, 1 skipped" {
		t.Error(got)
	}
}

func TestInvalidSettingsEndTheChecks(t *testing.T) {
	t.Parallel()
	var all []doctor.Result
	summary := doctor.Run(t.Context(), doctor.Target{Settings: errors.New("DAG_ID is missing: name the DAG that every event starts")},
		func(r doctor.Result) { all = append(all, r) })
	if summary.Failed != 1 || summary.Skipped != len(doctor.Checks())-1 || len(all) != len(doctor.Checks()) {
		t.Errorf("summary = %+v of %d results", summary, len(all))
	}
	if got := text(all[0].Finding); got != "failed: DAG_ID is missing: name the DAG that every event starts\nfix what is reported "+
		"there; dagtrigger help settings lists them all" {
		t.Error(got)
	}
	if got := text(all[1].Finding); got != "skipped: the settings are invalid" {
		t.Error(got)
	}
}

// Each environment is examined by itself: one in trouble hides nothing of
// another, and each of its routes is reported under it.
func TestSeveralEnvironments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.target.Environments = map[string]environment.Spec{
		"prod": {Composer: prod}, "lab": {Composer: strings.Replace(prod, "prod", "lab", 1)}, "odd": {URL: "https://airflow.example.com"},
	}
	w.target.Routes = []doctor.Route{
		{Name: "sales", Environment: "prod", DAGs: []string{"load", "check"}}, {Name: "trial", Environment: "lab", DAGs: []string{"load"}},
	}
	all, summary := w.examine()
	var seen []string
	for _, r := range all {
		if r.Check == "dag" || r.Check == "environment" || r.Check == "settings" {
			seen = append(seen, strings.Join([]string{r.Environment, r.Route, r.DAG, r.Check, string(r.Status)}, " "))
		}
	}
	want := []string{
		"   settings ok",
		"lab   environment failed", "lab trial load dag skipped",
		"odd   settings failed",
		"prod   environment ok", "prod sales load dag ok", "prod sales check dag failed",
	}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	if summary.Healthy() {
		t.Error("it is called healthy")
	}
}

func TestEveryCheckIsDescribed(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range doctor.Checks() {
		if c.Name == "" || c.Means == "" || names[c.Name] {
			t.Errorf("%+v", c.Name)
		}
		names[c.Name] = true
	}
}
