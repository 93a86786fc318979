// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/operator/doctor"
)

const (
	hidden  = "eventarc-eu-uploads-sub-1"
	uploads = `{"name":"projects/acme/locations/eu/triggers/uploads",` +
		`"destination":{"cloudFunction":"projects/acme/locations/eu/functions/dagtrigger"},` +
		`"transport":{"pubsub":{"subscription":"projects/acme/subscriptions/` + hidden + `"}}`
	fix = "gcloud pubsub subscriptions update " + hidden + " --project=acme "
)

func TestEventsThatThePlatformDropsAreReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.google.Triggers = []string{uploads + `,"retryPolicy":{"maxAttempts":1}}`}
	w.google.Subscriptions = []string{`{"name":"projects/acme/subscriptions/` + hidden +
		`","ackDeadlineSeconds":10,"expirationPolicy":{"ttl":"2678400s"}}`}
	all, summary := w.examine()
	w.wants(all, "trigger", "failed: the trigger uploads delivers once: an event that is not acknowledged is dropped\n"+
		"if it was made with the function: gcloud functions deploy dagtrigger --project=acme --retry\n"+
		"if it was made by itself: delete the trigger, and create it without --max-retry-attempts")
	w.wants(all, "deadline", "warning: 10s, while one call to Airflow may take 1m30s: an event that takes longer is delivered again "+
		"while it is worked on\n"+fix+"--ack-deadline=600")
	w.wants(all, "backoff", "warning: it does not wait: while Airflow is down, every event is delivered again at once\n"+fix+
		"--min-retry-delay=10s --max-retry-delay=600s")
	w.wants(all, "dead letter", "warning: the subscription has no dead-letter topic: what is not delivered within its retention is lost\n"+
		fix+"--dead-letter-topic=TOPIC --max-delivery-attempts=100")
	w.wants(all, "expiry", "warning: it ends after 31 days without an event\n"+fix+"--expiration-period=never")
	if summary.Failed != 1 || summary.Warnings != 4 {
		t.Errorf("summary = %+v", summary)
	}
}

// A function that serves a bucket and a topic has two triggers, and the second
// may be the one that drops events.
func TestEveryTriggerIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.google.Triggers = append(w.google.Triggers,
		`{"name":"projects/acme/locations/eu/triggers/orders","destination":{"cloudRun":{"service":"dagtrigger"}},`+
			`"transport":{"pubsub":{"subscription":"projects/acme/subscriptions/orders-sub"}},"retryPolicy":{"maxAttempts":1}}`)
	w.google.Subscriptions = append(w.google.Subscriptions,
		`{"name":"projects/acme/subscriptions/orders-sub","ackDeadlineSeconds":10,"retryPolicy":{"minimumBackoff":"10s"},"expirationPolicy":{}}`)
	all, summary := w.examine()
	var got []string
	for _, r := range all {
		if r.Trigger != "" {
			got = append(got, r.Trigger+" "+r.Check+" "+string(r.Status))
		}
	}
	want := []string{
		"uploads trigger ok", "uploads deadline ok", "uploads backoff ok", "uploads dead letter ok", "uploads expiry ok",
		"orders trigger failed", "orders deadline warning", "orders backoff ok", "orders dead letter warning", "orders expiry ok",
	}
	if diff := cmp.Diff(want, got); diff != "" || summary.Healthy() {
		t.Errorf("summary %+v (-want +got):\n%s", summary, diff)
	}
}

// What is deployed without Eventarc has its own push subscriptions.
func TestOwnPushSubscriptionIsChecked(t *testing.T) {
	t.Parallel()
	for endpoint, found := range map[string]bool{
		"https://dagtrigger-123456789.europe-west1.run.app":                                      true,
		"https://dagtrigger-abc123xyz9-ew.a.run.app/?__GCP_CloudEventsMode=CUSTOM_PUBSUB_orders": true,
		"https://europe-west1-acme.cloudfunctions.net/dagtrigger":                                true,
		"https://dagtrigger-other-123456789.europe-west1.run.app":                                false,
		"https://other-123456789.europe-west1.run.app":                                           false,
		"https://dagtrigger-123456789.europe-west1.run.app.example.com":                          false,
		"": false,
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, composer33)
			w.google.Triggers = nil
			if found {
				w.google.Disabled = []string{"eventarc.googleapis.com"}
			}
			w.google.Subscriptions = append(w.google.Subscriptions,
				`{"name":"projects/acme/subscriptions/uploads","pushConfig":{"pushEndpoint":"`+endpoint+`"},"ackDeadlineSeconds":10}`)
			all, _ := w.examine()
			if !found {
				w.wants(all, "deadline", "skipped: there is no trigger and no push subscription")
				return
			}
			w.wants(all, "trigger", "ok: uploads pushes again what was not acknowledged")
			r := result(t, all, "deadline")
			if r.Trigger != "uploads" || r.Status != doctor.Warning || !strings.HasPrefix(r.Fixes[0].Do,
				"gcloud pubsub subscriptions update uploads --project=acme ") {
				t.Errorf("of %s: %s", r.Trigger, text(r.Finding))
			}
		})
	}
}

func TestDeadlineIsComparedWithTheLongestCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.target.Environments["default"] = environment.Spec{Composer: prod, Timeout: 15 * time.Minute}
	all, _ := w.examine()
	if r := result(t, all, "deadline"); r.Status != doctor.Warning || !strings.HasPrefix(r.Why,
		"10m0s, while one call to Airflow may take 15m0s") {
		t.Error(text(r.Finding))
	}
}

func TestUnreadablePlatformChecksAreSkipped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ill           func(*world)
		trigger, rest string
	}{
		"no role": {func(w *world) { w.google.Accounts[0].Roles = []string{"roles/composer.user"} },
			"skipped: Eventarc does not tell (eventarc.googleapis.com answers 403): roles/eventarc.viewer and roles/pubsub.viewer may read it",
			"skipped: Eventarc does not tell (eventarc.googleapis.com answers 403): roles/eventarc.viewer and roles/pubsub.viewer may read it"},
		"no role for Pub/Sub": {func(w *world) { w.google.Accounts[0].Roles = []string{"roles/composer.user", "roles/eventarc.viewer"} },
			"ok: uploads, with the subscription " + hidden,
			"skipped: Pub/Sub does not tell (pubsub.googleapis.com answers 403): roles/pubsub.viewer may read it"},
		"no trigger": {func(w *world) { w.google.Triggers = nil },
			"warning: no trigger and no push subscription of the project acme delivers to dagtrigger\ngcloud eventarc triggers list " +
				"--project=acme --location=-\nif jobs of Cloud Scheduler call it: gcloud scheduler jobs list --project=acme --location=LOCATION",
			"skipped: there is no trigger and no push subscription"},
		"neither given": {func(w *world) { w.target.Platform = doctor.Platform{} },
			"skipped: neither the project nor the service is known: give both to examine a function that is deployed",
			"skipped: neither the project nor the service is known: give both to examine a function that is deployed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, composer33)
			tt.ill(w)
			all, summary := w.examine()
			w.wants(all, "trigger", tt.trigger)
			for _, check := range []string{"deadline", "backoff", "dead letter", "expiry"} {
				w.wants(all, check, tt.rest)
			}
			if !summary.Healthy() {
				t.Errorf("summary = %+v", summary)
			}
		})
	}
}
