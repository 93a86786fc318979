// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Function is the Cloud Run function.
type Function struct {
	Name      string  `json:"name"`
	Values    []Value `json:"values"`
	Variables []Value `json:"variables"` // its settings
	Secrets   []Value `json:"secrets"`   // by name or path, the secret's version
}

// The times of a delivery, the longest last: a call to Airflow (AIRFLOW_TIMEOUT)
// ends before the request that makes it, and the request before Pub/Sub takes it
// for lost and delivers the event again.
const (
	// RequestTimeout is enough for three calls to Airflow of the default length.
	RequestTimeout = 300 * time.Second
	// AckDeadline is the longest that Pub/Sub grants:
	// https://cloud.google.com/pubsub/docs/lease-management
	AckDeadline = 600 * time.Second
)

// Between two deliveries of the same event Pub/Sub waits longer each time.
const (
	MinBackoff = 10 * time.Second
	MaxBackoff = 600 * time.Second
	// MaxAttempts is the most that Pub/Sub takes. With these delays they last 15
	// hours and a half.
	MaxAttempts = 100
	// Retention is longer than the attempts can last: 25 hours, where each takes as
	// long as a request may.
	Retention = 7 * 24 * time.Hour
	// GiveUpAfter is before that, see [Settings.variables].
	GiveUpAfter = 12 * time.Hour
)

// Instances times the requests that each lets through to Airflow at once
// (pressure.DefaultMaxInFlight) is the most that Airflow meets.
const instances = 3

func (p *Plan) function() Function {
	s := p.Settings
	f := Function{Name: s.Function, Variables: s.variables()}
	if f.Values = append(s.built(), s.served()...); s.Pull {
		f.Values = p.pooled()
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		f.Secrets = append(f.Secrets, Value{name, s.Secrets[name] + ":latest", "a secret, which no setting shows"})
	}
	return f
}

// built is what the function is made of, and who may reach it. The two commands
// that deploy call the latter by other names.
func (s Settings) built() []Value {
	const why = "events come from Google's own services, which count as internal; all else is refused before it costs anything"
	if s.Image != "" {
		return []Value{{"image", s.Image, "a container that is built already"}, {"ingress", "internal", why}}
	}
	return []Value{
		{"runtime", "go126", "the Go that go.mod asks for"},
		{"entry-point", "TriggerDAG", "the name under which the function is registered"},
		{"source", s.Source, "a clone of the repository, which the platform builds"},
		{"set-build-env-vars", "GOOGLE_GOLDFLAGS=-s -w -X=example.com/dagtrigger/internal/build.linked=$" + versionVariable,
			"the version, for the log and for Airflow: the build has no repository to read it from"},
		{"ingress-settings", "internal-only", why},
	}
}

// served is how it runs.
func (s Settings) served() []Value {
	return []Value{
		{"service-account", s.RuntimeEmail(), "a separate account, so that it has no role but those below"},
		{"cpu", "1", "the least that serves several requests at once"},
		{"memory", "512Mi", "twice what 80 requests of 1 MB at once were measured to need"},
		{"concurrency", "80", "a request waits for Airflow nearly all its time, so one instance carries many"},
		{"min-instances", "0", "a start takes milliseconds, and an event can wait for it"},
		{"max-instances", number(instances),
			"each makes at most 80 calls to Airflow at once, and a web server serves some 10 to 75 a second: more would not be faster"},
		{"timeout", seconds(RequestTimeout),
			"longer than a call to Airflow (AIRFLOW_TIMEOUT, 90s), shorter than Pub/Sub's deadline (600s)"},
	}
}

// delivery is what every subscription that delivers to the function is set to.
// Eventarc makes its own with a deadline of 10 seconds, no dead letters and an
// end after 31 days without an event.
func delivery(s Settings) []Value {
	deadline := "longer than a request may take, else an event in work is delivered again"
	if s.Pull {
		deadline = "the most there is; what pulls extends its leases itself, and ends them at its own end"
	}
	return []Value{
		{"ack-deadline", number(int(AckDeadline.Seconds())), deadline},
		{"min-retry-delay", seconds(MinBackoff), "an event that is refused comes again soon"},
		{"max-retry-delay", seconds(MaxBackoff), "and ever more seldom while Airflow is down"},
		{"message-retention-duration", number(int(Retention.Hours()/24)) + "d",
			"longer than all attempts can last, else an event is dropped before the last"},
		{"max-delivery-attempts", number(MaxAttempts), "the most there is: with these delays, 15 hours and more"},
		{"expiration-period", "never", "else a subscription without an event for 31 days ends, and what comes then is lost"},
	}
}

// Topic is a topic that is made, and a subscription of the same name that keeps
// its messages: what is published to a topic without one is gone.
type Topic struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// topics are two, for what is in them is not alike.
func topics(s Settings) []Topic {
	undelivered := Topic{s.Undelivered(), "what Pub/Sub could not deliver within its attempts, as it was"}
	if s.DeadLetter {
		return []Topic{undelivered}
	}
	const why = "what the function gave up, each with its reason and its event: \"dagtrigger dead-letters\" lists and replays them"
	return []Topic{{s.deadLetters(), why}, undelivered}
}

// Kept are the flags of the subscriptions that keep what would be lost.
func Kept() []Value {
	return []Value{
		{"message-retention-duration", "31d", "the longest there is"},
		{"expiration-period", "never", "else a subscription that nobody reads for 31 days ends, with all that it holds"},
	}
}

// Alert is a policy of Cloud Monitoring, or a metric made of the log.
type Alert struct {
	Name string `json:"name"`
	File string `json:"file"` // from the root of the repository
	Why  string `json:"why"`
}

// alerts are those of the project, one of each for all functions of this kind.
func alerts(source string) []Alert {
	folder := path.Join(source, "deploy/monitoring/alerts") + "/"
	return []Alert{
		{"oldest_unacknowledged", folder + "oldest_unacknowledged.json", "events wait, for Airflow or the function is down"},
		{"dead_letters", folder + "dead_letters.json", "events failed permanently"},
		{"airflow_refuses", folder + "airflow_refuses.json", "Airflow answers 401 or 403"},
		{"no_events", folder + "no_events.json", "nothing comes where something is expected"},
	}
}

// metrics are what the alerts look at, made of the log.
func metrics(source string) []Alert {
	folder := path.Join(source, "deploy/monitoring/metrics") + "/"
	return []Alert{
		{"dagtrigger_outcomes", folder + "dagtrigger_outcomes.json", "how events ended, by route"},
		{"dagtrigger_event_age", folder + "dagtrigger_event_age.json", "how old they were"},
		{"dagtrigger_deferrals", folder + "dagtrigger_deferrals.json", "what made them wait"},
	}
}

func seconds(d time.Duration) string { return number(int(d.Seconds())) + "s" }

// flags are values as flags of gcloud.
func flags(values []Value) (words []string) {
	for _, v := range values {
		words = append(words, "--"+v.Name+"="+v.Value)
	}
	return words
}

// delimiter stands between settings, where a comma may be in one of them. gcloud
// takes it from the beginning of the flag: gcloud topic escaping.
const delimiter = "@~@"

// joined are values for a flag that takes several, such as --set-env-vars.
func joined(values []Value) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.Name + "=" + v.Value
	}
	return "^" + delimiter + "^" + strings.Join(words, delimiter)
}
