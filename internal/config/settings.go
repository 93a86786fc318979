// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/environment"
)

// setting is one environment variable, with its documentation and its decoder.
type setting struct {
	name    string
	preset  string // the default, in words
	meaning string
	read    func(r *reader, name string, c *Config, s *environment.Spec)
}

// settings are all environment variables that the function reads, in the order of
// the documentation.
func settings() []setting {
	all := []setting{
		{"DAG_ID", "", "every event starts this DAG, with the default conf; or",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.DAGID = r.text(n) }},
		{FileVariable, "", "the routes file, which says which events start which DAG with which conf: its path, or the YAML itself (a text " +
			"with a line break or with `routes:` in it)",
			func(*reader, string, *Config, *environment.Spec) {}},
		{ShadowVariable, "", "another routes file, as for `DAGTRIGGER_CONFIG`, to try beside the routes: it decides and maps every " +
			"event, starts nothing, and its decisions are in the log: see deploy/shadow.md",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.Shadow = r.shadow(n) }},
	}
	for _, k := range connection() {
		all = append(all, setting{Variable(k.field), k.preset, k.meaning,
			func(r *reader, n string, _ *Config, s *environment.Spec) { r.connection(n, k, s) }})
	}
	return append(all,
		setting{"DEAD_LETTER", "none", "where an event that failed permanently is stored; it is then acknowledged: " +
			"`pubsub://projects/P/topics/T`, `gs://BUCKET/PREFIX` or `file:///FOLDER`",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.DeadLetter = r.deadLetter(n) }},
		setting{"GIVE_UP_AFTER", "`20h` with `DEAD_LETTER`",
			"an event that fails for longer than this, from its delivery on, becomes a dead letter, before the platform drops it after its 24 hours",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.GiveUpAfter = r.duration(n) }},
		setting{"ALLOW_CALLERS", "any caller that IAM allows",
			"for a function that can be reached without a check by IAM: the e-mail addresses of the accounts that may call, separated by " +
				"commas. A request then needs an ID token of one of them, which a push subscription with authentication sends. Not together with " +
				"Cloud Run's own check by IAM, which removes the token's signature",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.AllowCallers = r.accounts(n) }},
		setting{"ALLOW_AUDIENCE", "", "for `ALLOW_CALLERS`: the audiences of their tokens, exactly as the sender has them, separated by " +
			"commas; for a push subscription its audience, or its endpoint where it has none",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.AllowAudience = r.list(n) }},
		setting{"LOG_LEVEL", "`info`", "`debug` (a line for each unmatched event), `info`, `warn` or `error`",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.LogLevel = r.level(n) }},
		setting{"GOOGLE_CLOUD_PROJECT", "", "the project of the traces in log lines; without it they have the bare trace id",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.Project = r.text(n) }},
		setting{"OTEL_EXPORTER_OTLP_ENDPOINT", "nothing is traced",
			"an OpenTelemetry collector, such as `http://localhost:4318`: each request's trace continues in its requests to Airflow, and the " +
				"spans are sent over HTTP before the response. OpenTelemetry's own `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, " +
				"`OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are read as well",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.TracesTo = r.collector(n) }},
		setting{"K_SERVICE", "set by Cloud Run", "the service name in traces, unless `OTEL_SERVICE_NAME` is set",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.Service = r.text(n) }},
		setting{"STORAGE_EMULATOR_HOST", "", "where an emulator of Cloud Storage listens, such as `localhost:9023`: dead letters go there, " +
			"without credentials",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.StorageEmulator = r.text(n) }},
		setting{"PUBSUB_EMULATOR_HOST", "", "where an emulator of Pub/Sub listens, such as `localhost:8085`: dead letters and " +
			"the runs of an outbox go there, without credentials",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.PubSubEmulator = r.text(n) }},
	)
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
