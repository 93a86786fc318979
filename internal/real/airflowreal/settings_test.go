// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"slices"
	"strings"
	"testing"
)

var somewhere = place{
	home: "/a/home", tmp: "/a/tmp", conf: "/a/conf", dags: "/c/dags", path: "/c/bin:/bin",
	database: "postgresql+psycopg2://airflow:pw@127.0.0.1:20001/postgres", port: 20002,
}

func TestEnvironmentLeavesOutTheUsers(t *testing.T) {
	t.Parallel()
	for _, major := range []int{2, 3} {
		for name := range environment(major, somewhere) {
			known := slices.Contains([]string{"PATH", "HOME", "TMPDIR", "LANG", "AIRFLOW_HOME", "DAGTRIGGER_CONF_FOLDER"}, name)
			if !known && !strings.HasPrefix(name, "AIRFLOW__") {
				t.Errorf("Airflow %d finds %s", major, name)
			}
		}
	}
}

func TestEnvironmentName(t *testing.T) {
	t.Parallel()
	onSQLite := somewhere
	onSQLite.database = "sqlite:////a/database/airflow.db"
	for _, row := range []struct {
		what  string
		major int
		place place
		name  string
		want  string
	}{
		{"2: tasks at once", 2, somewhere, "CORE__EXECUTOR", "LocalExecutor"},
		{"2 on SQLite: one after the other", 2, onSQLite, "CORE__EXECUTOR", "SequentialExecutor"},
		{"3 on SQLite: tasks at once", 3, onSQLite, "CORE__EXECUTOR", "LocalExecutor"},
		{"2: names and passwords", 2, somewhere, "API__AUTH_BACKENDS", "airflow.api.auth.backend.basic_auth"},
		{"2: its own address", 2, somewhere, "WEBSERVER__BASE_URL", "http://127.0.0.1:20002"},
		{"3: its own address", 3, somewhere, "API__BASE_URL", "http://127.0.0.1:20002"},
		{"3: how long they wait for it", 3, somewhere, "WORKERS__EXECUTION_API_TIMEOUT", "60"},
		{"3: where tasks report", 3, somewhere, "CORE__EXECUTION_API_SERVER_URL", "http://127.0.0.1:20002/execution/"},
		{"3: users", 3, somewhere, "CORE__SIMPLE_AUTH_MANAGER_USERS", "admin:admin,viewer:viewer"},
		{"2: no call to the internet", 2, somewhere, "USAGE_DATA_COLLECTION__ENABLED", "False"},
		{"3: no call to the internet", 3, somewhere, "USAGE_DATA_COLLECTION__ENABLED", "False"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			if got := environment(row.major, row.place)["AIRFLOW__"+row.name]; got != row.want {
				t.Errorf("%s is %q, want %q", row.name, got, row.want)
			}
		})
	}
}

func TestSecretsDifferEachTime(t *testing.T) {
	t.Parallel()
	one, other := environment(3, somewhere), environment(3, somewhere)
	for _, name := range []string{"CORE__FERNET_KEY", "API__SECRET_KEY", "API_AUTH__JWT_SECRET"} {
		if one["AIRFLOW__"+name] == "" || one["AIRFLOW__"+name] == other["AIRFLOW__"+name] {
			t.Errorf("%s is %q twice", name, one["AIRFLOW__"+name])
		}
	}
}

func TestConfigOverridesTheBase(t *testing.T) {
	t.Parallel()
	s := settings{
		installed: installed{list: list{version: "2.11.2", major: 2}, folder: "/c"}, place: somewhere,
		base: environment(2, somewhere), config: map[string]string{"API__AUTH_BACKENDS": "airflow.api.auth.backend.deny_all"},
	}
	c := s.webServer(false)
	if !slices.Contains(c.env, "AIRFLOW__API__AUTH_BACKENDS=airflow.api.auth.backend.deny_all") {
		t.Errorf("the web server's environment is %q", c.env)
	}
	if got, want := strings.Join(c.args, " "), "/c/venv/bin/airflow webserver -H 127.0.0.1 -p 20002"; got != want {
		t.Errorf("the web server is started by %q, want %q", got, want)
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	for major, want := range map[int][]string{
		2: {"webserver -H 127.0.0.1 -p 20002", "scheduler --skip-serve-logs"},
		3: {"api-server -H 127.0.0.1 -p 20002", "scheduler --skip-serve-logs", "dag-processor"},
	} {
		s := settings{installed: installed{list: list{major: major}}, place: somewhere}
		var got []string
		for _, c := range append([]command{s.webServer(true)}, s.schedulers()...) {
			got = append(got, strings.Join(c.args[1:], " "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("Airflow %d runs %q, want %q", major, got, want)
		}
	}
}

func TestCheckConfigListsEveryInvalidName(t *testing.T) {
	t.Parallel()
	if err := checkConfig(map[string]string{"API__AUTH_BACKENDS": "x", "SCHEDULER__ALLOW_TRIGGER_IN_FUTURE": "True"}); err != nil {
		t.Error(err)
	}
	err := checkConfig(map[string]string{"AIRFLOW__API__AUTH_BACKENDS": "x", "api.auth_backends": "x"})
	want := `"AIRFLOW__API__AUTH_BACKENDS" is not a valid Airflow setting: write SECTION__KEY, such as API__AUTH_BACKENDS
"api.auth_backends" is not a valid Airflow setting: write SECTION__KEY, such as API__AUTH_BACKENDS`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
