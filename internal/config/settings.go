// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
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
		setting{"GIVE_UP_AFTER", "`20h` with `DEAD_LETTER`", "an event that is deferred and older than this becomes a dead letter, before the platform drops it after its 24 hours",
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

// connector is a setting that says which Airflow the function works for, and
// how: an environment variable, see [Variable], and a key of an environment in a
// file of routes.
type connector struct {
	field   string
	preset  string
	meaning string
	example string
	words   []string // what it may be; nil for anything
	secret  bool
	to      func(*environment.Spec) any // a *string, *bool, *int64 or *time.Duration
}

func connection() []connector {
	return []connector{
		{field: environment.FieldComposer, meaning: "`projects/P/locations/L/environments/E`: web server, Airflow version and auth are looked up on first need; or",
			example: "projects/acme/locations/europe-west1/environments/prod", to: func(s *environment.Spec) any { return &s.Composer }},
		{field: environment.FieldURL, meaning: "the web server's address; it may end in a slash or carry a path",
			example: "https://airflow.example.com", to: func(s *environment.Spec) any { return &s.URL }},
		{field: environment.FieldAPI, preset: "`auto`", meaning: "`auto` asks the web server once; `v2` (Airflow 3), `v1` (Airflow 2) and `experimental` (Airflow 1.10) ask nothing",
			example: "v2", words: []string{string(airflow.Auto), string(airflow.V2), string(airflow.V1), string(airflow.Experimental)},
			to: func(s *environment.Spec) any { return &s.API }},
		{field: environment.FieldAuth, preset: "`google` for Composer hosts, `none` for loopback", meaning: "`google` (access token of the runtime service account), `iap` (its ID token, for Composer 1 and any Airflow behind Identity-Aware Proxy), `basic`, `password` (Airflow 3's own token), `bearer`, `none`; any other host needs a choice",
			example: "basic", words: []string{identity.KindGoogle, identity.KindIAP, identity.KindBasic, identity.KindPassword, identity.KindBearer, identity.KindNone},
			to: func(s *environment.Spec) any { return &s.Auth }},
		{field: environment.FieldIAPClientID, preset: "discovered", meaning: "for `iap`: the OAuth client id of Identity-Aware Proxy",
			example: "4711-abc.apps.googleusercontent.com", to: func(s *environment.Spec) any { return &s.IAPClientID }},
		{field: environment.FieldUsername, meaning: "for `basic` and `password`",
			example: "robot", to: func(s *environment.Spec) any { return &s.Username }},
		{field: environment.FieldPassword, meaning: "for `basic` and `password`",
			example: "not-this-one", secret: true, to: func(s *environment.Spec) any { return &s.Password }},
		{field: environment.FieldPasswordFile, meaning: "a file with the password instead, read again when it changes",
			example: "/secrets/airflow", to: func(s *environment.Spec) any { return &s.PasswordFile }},
		{field: environment.FieldToken, meaning: "for `bearer`",
			example: "not-this-one", secret: true, to: func(s *environment.Spec) any { return &s.Token }},
		{field: environment.FieldTokenFile, meaning: "a file with the token instead, read again when it changes",
			example: "/secrets/token", to: func(s *environment.Spec) any { return &s.TokenFile }},
		{field: environment.FieldInsecure, preset: "`false`", meaning: "`true` allows http to other than loopback: credentials and conf then travel in plain text",
			example: "true", to: func(s *environment.Spec) any { return &s.Insecure }},
		{field: environment.FieldTimeout, preset: "`90s`", meaning: "for one call to Airflow, always within the request's own deadline (300 s where the platform sets none)",
			example: "30s", to: func(s *environment.Spec) any { return &s.Timeout }},
		{field: environment.FieldMaxInFlight, preset: "`16`", meaning: "how many calls to Airflow one instance may have under way: it finds out by itself how many serve best, and goes no higher than this",
			example: "8", to: func(s *environment.Spec) any { return &s.MaxInFlight }},
	}
}

// Variable is the environment variable that sets a field of [environment.Spec].
func Variable(field string) string {
	if field == environment.FieldComposer {
		return "COMPOSER_ENVIRONMENT"
	}
	return "AIRFLOW_" + strings.ToUpper(field)
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
