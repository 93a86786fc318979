// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/config"
)

const airflowHere = "AIRFLOW_URL=http://127.0.0.1:8080"

func TestDeadLetterAddress(t *testing.T) {
	t.Parallel()
	const own = "\nroutes: [{name: r, on: '*', dag: d, dead_letter: gs://acme/r}, {name: s, on: '*', dag: d, dead_letter: gs://acme/r}]"
	const none = "\nroutes: [{name: r, on: '*', dag: d}]"
	type stores struct {
		Default string
		Own     []string
		GiveUp  time.Duration
	}
	for _, row := range []struct {
		name, file string
		env        []string
		want       stores
	}{
		{"nowhere", none, nil, stores{}},
		{"the variable", none, []string{"DEAD_LETTER=gs://acme/all"}, stores{"gs://acme/all", nil, 20 * time.Hour}},
		{"the file", "dead_letter: gs://acme/all\ngive_up_after: 2h" + none, nil, stores{"gs://acme/all", nil, 2 * time.Hour}},
		{"a route, and no other", own, nil, stores{"", []string{"gs://acme/r"}, 20 * time.Hour}},
		{"a route, else the variable", own, []string{"DEAD_LETTER=file:///tmp/x", "GIVE_UP_AFTER=1h"},
			stores{"file:///tmp/x", []string{"gs://acme/r"}, time.Hour}},
	} {
		c, err := config.FromEnv(set(append(row.env, airflowHere, "DAGTRIGGER_CONFIG="+row.file)...))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if diff := cmp.Diff(row.want, stores{c.DeadLetter, c.RouteDeadLetters, c.GiveUpAfter}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

func TestErrorsOfDeadLettersAndLimits(t *testing.T) {
	t.Parallel()
	const none = "\nroutes: [{name: r, on: '*', dag: d}]"
	for _, row := range []struct {
		file string
		env  []string
		want string
	}{
		{none, []string{"GIVE_UP_AFTER=2h"}, "GIVE_UP_AFTER is given without DEAD_LETTER: set DEAD_LETTER, where such an event is stored"},
		{"give_up_after: 2h" + none, nil, "DAGTRIGGER_CONFIG has give_up_after without a store: add dead_letter, where such an event is stored"},
		{"dead_letter: gs://a-b/c" + none, []string{"DEAD_LETTER=gs://acme/d"},
			"DEAD_LETTER is given, and DAGTRIGGER_CONFIG has dead_letter: leave one of them out"},
		{"dead_letter: gs://a-b/c\ngive_up_after: 1h" + none, []string{"GIVE_UP_AFTER=2h"},
			"GIVE_UP_AFTER is given, and DAGTRIGGER_CONFIG has give_up_after: leave one of them out"},
		{"dead_letter: s3://a-b" + none, nil, `DAGTRIGGER_CONFIG:1:14: dead_letter: "s3://a-b" has the scheme "s3": write ` +
			`pubsub://projects/PROJECT/topics/TOPIC, gs://BUCKET/PREFIX or file:///FOLDER`},
		{"\nroutes: [{name: r, on: '*', dag: d, dead_letter: x}]", nil,
			`DAGTRIGGER_CONFIG:2:50: dead_letter: "x" names no scheme: write pubsub://projects/PROJECT/topics/TOPIC, gs://BUCKET/PREFIX or ` +
				`file:///FOLDER`},
		{none, []string{"AIRFLOW_MAX_IN_FLIGHT=0"}, `AIRFLOW_MAX_IN_FLIGHT is "0": use a whole number of one or more`},
		{none, []string{"AIRFLOW_MAX_IN_FLIGHT=many"}, `AIRFLOW_MAX_IN_FLIGHT is "many": use a whole number of one or more`},
	} {
		_, err := config.FromEnv(set(append(row.env, airflowHere, "DAGTRIGGER_CONFIG="+row.file)...))
		if err == nil || err.Error() != row.want {
			t.Errorf("%s %s\ngot  %v\nwant %s", row.file, strings.Join(row.env, " "), err, row.want)
		}
	}
}

func TestConcurrencyLimits(t *testing.T) {
	t.Parallel()
	c, err := config.FromEnv(set(airflowHere, "DAG_ID=d", "AIRFLOW_MAX_IN_FLIGHT=4"))
	if err != nil || c.Environments[config.DefaultEnvironment].MaxInFlight != 4 {
		t.Errorf("got %+v, %v", c.Environments, err)
	}
	f, err := config.Parse("f", []byte("environments: {lab: {url: 'http://127.0.0.1', max_in_flight: 3}}\nroutes: [{name: r, on: "+
		"'*', dag: d}]"))
	if err != nil || f.Environments["lab"].MaxInFlight != 3 {
		t.Errorf("got %+v, %v", f.Environments, err)
	}
}
