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
	all := []setting{
		{"DAG_ID", "", "every event starts this DAG, with the default conf; or",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.DAGID = r.text(n) }},
		{FileVariable, "", "a file of routes, which say what events start which DAG with which conf: its path, or the YAML itself (a text with a line break, or with `routes:` in it, is no path)",
			func(*reader, string, *Config, *environment.Spec) {}},
	}
	for _, k := range connection() {
		all = append(all, setting{Variable(k.field), k.preset, k.meaning,
			func(r *reader, n string, _ *Config, s *environment.Spec) { r.connection(n, k, s) }})
	}
	return append(all,
		setting{"DEAD_LETTER", "none", "where an event is stored that failed for good, which is then acknowledged: `pubsub://projects/P/topics/T`, `gs://BUCKET/PREFIX` or `file:///FOLDER`",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.DeadLetter = r.deadLetter(n) }},
		setting{"GIVE_UP_AFTER", "`20h` with `DEAD_LETTER`", "an event that fails for longer than this, from its delivery on, becomes a dead letter, before the platform drops it after its 24 hours",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.GiveUpAfter = r.duration(n) }},
		setting{"ALLOW_CALLERS", "everyone whom IAM lets in", "where others than IAM lets in can reach the function: the e-mail addresses of the accounts that may call, with commas between them. A request then needs an ID token of one of them, as a push subscription with authentication sends it. Not behind Cloud Run's own check by IAM, which takes the token's signature away",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.AllowCallers = r.accounts(n) }},
		setting{"ALLOW_AUDIENCE", "", "for `ALLOW_CALLERS`: what their tokens are made for, exactly as the sender has it, several with commas between them; for a push subscription its audience, or its endpoint where it has none",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.AllowAudience = r.list(n) }},
		setting{"LOG_LEVEL", "`info`", "`debug`, `info`, `warn` or `error`",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.LogLevel = r.level(n) }},
		setting{"GOOGLE_CLOUD_PROJECT", "", "the project that log lines name their trace in; without it they carry the bare trace id",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.Project = r.text(n) }},
		setting{"OTEL_EXPORTER_OTLP_ENDPOINT", "nothing is traced", "an OpenTelemetry collector, such as `http://localhost:4318`: each request's trace goes on into its calls to Airflow, and the spans are sent there over HTTP before the answer. OpenTelemetry's own `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` hold",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.TracesTo = r.collector(n) }},
		setting{"K_SERVICE", "set by Cloud Run", "the name of the service, which traces carry unless `OTEL_SERVICE_NAME` gives another",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.Service = r.text(n) }},
		setting{"STORAGE_EMULATOR_HOST", "", "where an emulator of Cloud Storage listens, such as `localhost:9023`: dead letters go there, without credentials",
			func(r *reader, n string, c *Config, _ *environment.Spec) { c.StorageEmulator = r.text(n) }},
		setting{"PUBSUB_EMULATOR_HOST", "", "where an emulator of Pub/Sub listens, such as `localhost:8085`: dead letters go there, without credentials",
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
