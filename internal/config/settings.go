// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/environment"
)

// setting is one environment variable: what reads it is what documents it.
type setting struct {
	name    string
	preset  string // what holds where it is left out
	meaning string
	read    func(r *reader, name string, c *Config, s *environment.Spec)
}

// settings are all environment variables that the function reads, in the order
// in which a reader needs them.
func settings() []setting {
	return []setting{
		{"DAG_ID", "", "every event starts this DAG, with the default conf",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.DAGID = r.text(n) }},
		{"COMPOSER_ENVIRONMENT", "", "`projects/P/locations/L/environments/E`: web server, Airflow version and auth are looked up on first need; or",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.Composer = r.text(n) }},
		{"AIRFLOW_URL", "", "the web server's address; it may end in a slash or carry a path",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.URL = r.text(n) }},
		{"AIRFLOW_API", "`auto`", "`auto` asks the web server once; `v2` (Airflow 3), `v1` (Airflow 2) and `experimental` (Airflow 1.10) ask nothing",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.API = r.text(n) }},
		{"AIRFLOW_AUTH", "`google` for Composer hosts, `none` for loopback", "`google` (access token of the runtime service account), `iap` (ID token, for Identity-Aware Proxy), `basic`, `password` (Airflow 3 token), `bearer`, `none`; any other host needs a choice",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.Auth = r.text(n) }},
		{"AIRFLOW_IAP_CLIENT_ID", "discovered", "for `iap`",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.IAPClientID = r.text(n) }},
		{"AIRFLOW_USERNAME", "", "for `basic` and `password`",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.Username = r.text(n) }},
		{"AIRFLOW_PASSWORD", "", "for `basic` and `password`",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.Password = r.secret(n) }},
		{"AIRFLOW_PASSWORD_FILE", "", "a file with the password instead, read again when it changes",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.PasswordFile = r.text(n) }},
		{"AIRFLOW_TOKEN", "", "for `bearer`",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.Token = r.secret(n) }},
		{"AIRFLOW_TOKEN_FILE", "", "a file with the token instead, read again when it changes",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.TokenFile = r.text(n) }},
		{"AIRFLOW_INSECURE", "`false`", "`true` allows http to other than loopback: credentials and conf then travel in plain text",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.Insecure = r.flag(n) }},
		{"AIRFLOW_TIMEOUT", "`90s`", "for one call to Airflow, always within the request's own deadline (300 s where the platform sets none)",
			func(r *reader, n string, _ *Config, s *environment.Spec) { s.Timeout = r.duration(n) }},
		{"LOG_LEVEL", "`info`", "`debug`, `info`, `warn` or `error`",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.LogLevel = r.level(n) }},
		{"GOOGLE_CLOUD_PROJECT", "", "the project that log lines name their trace in; without it they carry the bare trace id",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.Project = r.text(n) }},
	}
}

// Reference is the table of the settings, in Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, s := range settings() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, s.preset, s.meaning)
	}
	return b.String()
}
