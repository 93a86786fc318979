// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/environment"
)

// set is an environment of the given variables, as NAME=VALUE.
func set(pairs ...string) func(string) string {
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		m[name] = value
	}
	return func(name string) string { return m[name] }
}

func TestTwoVariablesSuffice(t *testing.T) {
	t.Parallel()
	got, err := config.FromEnv(set("DAG_ID=load", "AIRFLOW_URL=https://1a2b-dot-europe-west1.composer.googleusercontent.com"))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		DAGID: "load",
		Environments: map[string]environment.Spec{
			"default": {URL: "https://1a2b-dot-europe-west1.composer.googleusercontent.com"},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(config.Config{}, "Table")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	got, err := config.FromEnv(set(
		"DAG_ID= load ", "AIRFLOW_URL=http://airflow.internal:8080/base/", "AIRFLOW_API=v1", "AIRFLOW_AUTH=basic",
		"AIRFLOW_USERNAME=robot", "AIRFLOW_PASSWORD= blanks stay \n", "AIRFLOW_INSECURE=true", "AIRFLOW_TIMEOUT=15s",
		"LOG_LEVEL=DEBUG", "GOOGLE_CLOUD_PROJECT=acme",
		"ALLOW_CALLERS=invoker@acme.iam.gserviceaccount.com, ann@acme.example,", "ALLOW_AUDIENCE= https://a.example/,b",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318/",
		"K_SERVICE=triggers", "STORAGE_EMULATOR_HOST=localhost:9023", "PUBSUB_EMULATOR_HOST=localhost:8085"))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		DAGID: "load", LogLevel: slog.LevelDebug, Project: "acme",
		AllowCallers: []string{"invoker@acme.iam.gserviceaccount.com", "ann@acme.example"}, AllowAudience: []string{"https://a.example/", "b"},
		TracesTo: "http://localhost:4318/",
		Service:  "triggers", StorageEmulator: "localhost:9023", PubSubEmulator: "localhost:8085",
		Environments: map[string]environment.Spec{"default": {
			URL: "http://airflow.internal:8080/base/", API: "v1", Auth: "basic",
			Username: "robot", Password: " blanks stay ", Insecure: true, Timeout: 15 * time.Second,
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(config.Config{}, "Table")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFromEnvReportsEveryErrorWithItsFix(t *testing.T) {
	t.Parallel()
	const composer = "AIRFLOW_URL=https://1a2b-dot-europe-west1.composer.googleusercontent.com"
	tests := []struct {
		name string
		env  []string
		want []string
	}{
		{"nothing set", nil, []string{
			"DAG_ID is missing: name the DAG that every event starts, or give a routes file in DAGTRIGGER_CONFIG",
			"AIRFLOW_URL is missing: give the web server's address, such as https://<id>-dot-<region>.composer.googleusercontent.com, or name " +
				"the environment in COMPOSER_ENVIRONMENT",
		}},
		{"every value wrong",
			[]string{"DAG_ID=d", composer, "AIRFLOW_API=v3", "AIRFLOW_AUTH=kerberos", "AIRFLOW_INSECURE=maybe", "AIRFLOW_TIMEOUT=90",
				"LOG_LEVEL=loud"},
			[]string{
				`AIRFLOW_INSECURE is "maybe": use true or false`,
				`AIRFLOW_TIMEOUT is "90": use a duration such as 90s, 5m, 12h or 2d`,
				`LOG_LEVEL is "loud": use debug, info, warn or error`,
				`AIRFLOW_API is "v3": use one of auto, v2, v1, experimental`,
				`AIRFLOW_AUTH is "kerberos": use one of google, iap, basic, password, bearer, oauth2, id_token, none`,
			}},
		{"a DAG id that Airflow refuses", []string{"DAG_ID=load sales", composer}, []string{
			`DAG_ID is "load sales", which is not a valid DAG id: use letters, digits, _, - and ., at most 250`,
		}},
		{"no default for another host", []string{"DAG_ID=d", "AIRFLOW_URL=https://airflow.example.com"}, []string{
			"AIRFLOW_AUTH is missing, and airflow.example.com tells no default: say how to sign in, one of google, iap, basic, password, " +
				"bearer, oauth2, id_token, none",
		}},
		{"anyone may host on appspot.com", []string{"DAG_ID=d", "AIRFLOW_URL=https://x-tp.appspot.com", "AIRFLOW_AUTH=google"}, []string{
			"AIRFLOW_AUTH is google, but a Google access token is not sent to x-tp.appspot.com, where anyone may host: use iap, whose token " +
				"is useless elsewhere",
		}},
		{"plain text", []string{"DAG_ID=d", "AIRFLOW_URL=http://airflow.example.com", "AIRFLOW_AUTH=none"}, []string{
			"AIRFLOW_URL is http to airflow.example.com, which sends credentials and conf in plain text: use https, or allow plain text with " +
				"AIRFLOW_INSECURE=true",
		}},
		{"basic without its parts", []string{"DAG_ID=d", composer, "AIRFLOW_AUTH=basic"}, []string{
			"AIRFLOW_USERNAME is missing: AIRFLOW_AUTH=basic needs it",
			"AIRFLOW_PASSWORD is missing: AIRFLOW_AUTH=basic needs it, or AIRFLOW_PASSWORD_FILE",
		}},
		{"a token twice", []string{"DAG_ID=d", composer, "AIRFLOW_AUTH=bearer", "AIRFLOW_TOKEN=x", "AIRFLOW_TOKEN_FILE=/x"}, []string{
			"AIRFLOW_TOKEN and AIRFLOW_TOKEN_FILE are both given: leave one of them out",
		}},
		{"what is not used is not ignored", []string{"DAG_ID=d", composer, "AIRFLOW_PASSWORD=hush"}, []string{
			"AIRFLOW_PASSWORD is given, but AIRFLOW_AUTH=google does not use it: leave it out, or choose another AIRFLOW_AUTH",
		}},
		{"credentials in the address", []string{"DAG_ID=d", "AIRFLOW_URL=https://a:hush@airflow.example.com/?x=1", "AIRFLOW_AUTH=none"}, []string{
			"AIRFLOW_URL carries a user or a password: take them out, and set AIRFLOW_USERNAME and AIRFLOW_PASSWORD",
			"AIRFLOW_URL carries a query or a fragment: end it with the web server's path",
		}},
		{"no address", []string{"DAG_ID=d", "AIRFLOW_URL=airflow.example.com", "AIRFLOW_AUTH=none"}, []string{
			"AIRFLOW_URL is no web address: write it as https://HOST or https://HOST/PATH",
		}},
		{"callers of any audience", []string{"DAG_ID=d", composer, "ALLOW_CALLERS=a@acme.example"}, []string{
			"ALLOW_CALLERS is given without ALLOW_AUDIENCE: set the audience of their tokens: that of the push subscription (its endpoint " +
				"where none is set), or the service's URL for Eventarc",
		}},
		{"an audience of no callers", []string{"DAG_ID=d", composer, "ALLOW_AUDIENCE=https://a.example"}, []string{
			"ALLOW_AUDIENCE is given without ALLOW_CALLERS: set ALLOW_CALLERS to the accounts whose tokens are accepted",
		}},
		{"callers that are no accounts", []string{"DAG_ID=d", composer, "ALLOW_CALLERS=allUsers, serviceAccount:a@b.c,Ann <ann@acme.example>",
			"ALLOW_AUDIENCE=a"}, []string{
			`ALLOW_CALLERS names "allUsers": write e-mail addresses separated by commas, such as invoker@PROJECT.iam.gserviceaccount.com`,
			`ALLOW_CALLERS names "serviceAccount:a@b.c": write e-mail addresses separated by commas, such as ` +
				`invoker@PROJECT.iam.gserviceaccount.com`,
			`ALLOW_CALLERS names "Ann <ann@acme.example>": write e-mail addresses separated by commas, such as ` +
				`invoker@PROJECT.iam.gserviceaccount.com`,
		}},
		{"a collector with a secret", []string{"DAG_ID=d", composer, "OTEL_EXPORTER_OTLP_ENDPOINT=https://a:hush@collector.example"}, []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT is not a valid collector URL: write it as http://localhost:4318 or https://HOST; credentials belong " +
				"into OTEL_EXPORTER_OTLP_HEADERS",
		}},
		{"a collector without a scheme", []string{"DAG_ID=d", composer, "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318"}, []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT is not a valid collector URL: write it as http://localhost:4318 or https://HOST; credentials belong " +
				"into OTEL_EXPORTER_OTLP_HEADERS",
		}},
		{"out of bounds", []string{"DAG_ID=d", composer, "AIRFLOW_TIMEOUT=2h"}, []string{
			"AIRFLOW_TIMEOUT is 2h0m0s: use a duration from 1s to 1h0m0s, such as 90s",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.FromEnv(set(tt.env...))
			if err == nil {
				t.Fatal("there was no error")
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("a secret is in %q", err)
			}
		})
	}
}

func TestSettingsPageHasTheGeneratedTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../deploy/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), config.Reference()) {
		t.Errorf("deploy/settings.md does not have this table; put it in:\n%s", config.Reference())
	}
}
