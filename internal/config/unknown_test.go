// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"

	"example.com/dagtrigger/internal/config"
)

func TestUnknownNamesTheNearestSetting(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"DAGTRIGGER_CONFG":       "DAGTRIGGER_CONFIG",
		"DAGTRIGGER_DAG_ID":      "DAG_ID",
		"DAGTRIGGER_AIRFLOW_URL": "AIRFLOW_URL",
		"DAGTRIGGER_ROUTES":      "DAGTRIGGER_CONFIG",
		"AIRFLOW_URI":            "AIRFLOW_URL",
		"AIRFLOW_USER":           "AIRFLOW_USERNAME",
		"AIRFLOW_PASSWD":         "AIRFLOW_PASSWORD",
		"AIRFLOW_PASSWORDFILE":   "AIRFLOW_PASSWORD_FILE",
		"AIRFLOW_AUHT":           "AIRFLOW_AUTH",
		"AIRFLOW_TOKENS":         "AIRFLOW_TOKEN",
		"AIRFLOW_MAX_INFLIGHT":   "AIRFLOW_MAX_IN_FLIGHT",
		"AIRFLOW_DAG_ID":         "DAG_ID",
		"AIRFLOW_BASE_URL":       "AIRFLOW_URL",
		"AIRFLOW_COMPOSER":       "COMPOSER_ENVIRONMENT",
		"COMPOSER_ENVIRONMEN":    "COMPOSER_ENVIRONMENT",
		"DAGID":                  "DAG_ID",
		"DEAD_LETTERS":           "DEAD_LETTER",
		"ALLOW_CALLER":           "ALLOW_CALLERS",
	} {
		want = name + " is set, and no setting has this name: did you mean " + want + "?"
		if got := config.Unknown([]string{"PATH=/bin", name + "=x"}).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	const want = `DAGTRIGGER_SOMETHING_ELSE is set, and no setting has this name: "dagtrigger help settings" lists them all`
	if got := config.Unknown([]string{"DAGTRIGGER_SOMETHING_ELSE"}).Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Airflow, its images, Composer and Kubernetes set variables of the same prefix.
func TestUnknownLeavesVariablesOfOthersAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__WEBSERVER__BASE_URL", "AIRFLOW_HOME", "AIRFLOW_CONFIG", "AIRFLOW_CONN_GOOGLE",
		"AIRFLOW_VAR_URL", "AIRFLOW_CTX_DAG_ID", "AIRFLOW_UID", "AIRFLOW_GID", "AIRFLOW_VERSION", "AIRFLOW_IMAGE_NAME", "AIRFLOW_PROJ_DIR",
		"AIRFLOW_WEBSERVER_SERVICE_HOST", "AIRFLOW_WEBSERVER_SERVICE_PORT_HTTP", "AIRFLOW_WEBSERVER_PORT",
		"AIRFLOW_API_SERVER_PORT_8080_TCP_ADDR",
		"AIRFLOW_WEBSERVER", "AIRFLOW_DATABASE_VERSION", "AIRFLOW_USER_HOME_DIR",
		"DAG", "PATH", "LOGLEVEL", "PROJECT_ID", "PORT", "HOME", "K_REVISION", "OTEL_EXPORTER_OTLP_ENDPOIN", "ID",
		"AIRFLOW_URL", "DAGTRIGGER_CONFIG", "DAG_ID",
	} {
		if got := config.Unknown([]string{name + "=x"}); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := config.Unknown([]string{"DAG_IDS=x", "DAG_ID=y"}); len(got) > 0 {
		t.Errorf("DAG_IDS beside DAG_ID: %v", got)
	}
}
