// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/route/nearest"
)

// The prefixes of the variables that a misspelt setting can have.
const (
	ownPrefix     = "DAGTRIGGER_"
	airflowPrefix = "AIRFLOW_"
)

// airflowsOwn matches the variables with this prefix that others set and read:
// Airflow and its images, Composer, Astronomer, and Kubernetes for a service whose
// name begins with "airflow".
//   - https://airflow.apache.org/docs/apache-airflow/stable/cli-and-env-variables-ref.html
//   - https://airflow.apache.org/docs/docker-stack/entrypoint.html
//   - https://airflow.apache.org/docs/apache-airflow/stable/howto/docker-compose/index.html
//   - https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var airflowsOwn = regexp.MustCompile(`^AIRFLOW_(` +
	`_.*|(CONN|VAR|CTX|BUILD|PIP|UV|IMAGE|INSTALL|INSTALLATION|CONSTRAINTS|SUPERVISOR|RUNNER|DATABASE|DB)_.*|` +
	`HOME|CONFIG|UID|GID|VERSION|PROJ_DIR|USER_HOME_DIR|SOURCES.*|EXTRAS|ENABLED.*|CORE|WEBSERVER|` +
	`DAGS?_.*FOLDER|PLUGINS_FOLDER|LOGS?_FOLDER|.*_SERVICE_(HOST|PORT).*|.*PORT_[0-9]+_(TCP|UDP).*|.*_PORT|PORT)$`)

// Unknown are warnings about variables that look like settings, and are none: the
// function does not read them. names are those of the process, as NAME or as
// NAME=value; no value is read.
func Unknown(names []string) document.Problems {
	known := map[string]bool{}
	for _, s := range settings() {
		known[s.name] = true
	}
	set := map[string]bool{}
	for _, name := range names {
		name, _, _ = strings.Cut(name, "=")
		set[name] = true
	}
	var problems document.Problems
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if known[name] || !resembles(name) {
			continue
		}
		fix := `"dagtrigger help settings" lists them all`
		meant := meantBy(name)
		if meant != "" {
			fix = "did you mean " + meant + "?"
		}
		isPrefixed := strings.HasPrefix(name, ownPrefix) || strings.HasPrefix(name, airflowPrefix)
		if isPrefixed || meant != "" && !set[meant] {
			problems = append(problems, document.Problem{What: name + " is set, and no setting has this name", Fix: fix})
		}
	}
	return problems
}

// resembles reports whether a variable can be a misspelt setting. Names that other
// programs use, such as those of OpenTelemetry and of the platform, are not.
func resembles(name string) bool {
	switch {
	case strings.HasPrefix(name, ownPrefix):
		return true
	case strings.HasPrefix(name, airflowPrefix):
		return !airflowsOwn.MatchString(name)
	}
	return slices.Contains(unprefixed(), nearest.Of(name, unprefixed()...))
}

// unprefixed are the settings without a prefix whose names no other program uses.
func unprefixed() []string {
	return []string{"DAG_ID", "COMPOSER_ENVIRONMENT", "DEAD_LETTER", "GIVE_UP_AFTER", "ALLOW_CALLERS", "ALLOW_AUDIENCE"}
}

// guesses are names that people give to settings, and that no spelling explains.
func guesses() map[string]string {
	return map[string]string{
		"DAGTRIGGER_ROUTES": FileVariable, "DAGTRIGGER_ROUTES_FILE": FileVariable, "DAGTRIGGER_FILE": FileVariable,
		"DAGTRIGGER_DAG": "DAG_ID", "AIRFLOW_DAG": "DAG_ID",
		"AIRFLOW_USER": Variable(environment.FieldUsername), "AIRFLOW_PASS": Variable(environment.FieldPassword),
		"AIRFLOW_HOST": Variable(environment.FieldURL), "AIRFLOW_WEBSERVER_URL": Variable(environment.FieldURL),
		"AIRFLOW_WEB_SERVER_URL": Variable(environment.FieldURL), "AIRFLOW_BASE_URL": Variable(environment.FieldURL),
		"AIRFLOW_COMPOSER": "COMPOSER_ENVIRONMENT", "AIRFLOW_ENVIRONMENT": "COMPOSER_ENVIRONMENT",
	}
}

// meantBy is the setting that a name stands for, or the nearest; empty where none is
// near. A setting may have been given a prefix that it lacks.
func meantBy(name string) string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
	}
	if meant := guesses()[name]; meant != "" {
		return meant
	}
	for _, prefix := range []string{ownPrefix, airflowPrefix} {
		bare, ok := strings.CutPrefix(name, prefix)
		if ok && slices.Contains(names, bare) {
			return bare
		}
	}
	if near := nearest.Of(name, names...); near != "" {
		return near
	}
	return nearest.Of(strings.TrimPrefix(strings.TrimPrefix(name, ownPrefix), airflowPrefix), names...)
}
