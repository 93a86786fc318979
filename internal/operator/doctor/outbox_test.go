// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
	"example.com/dagtrigger/internal/operator/doctor"
)

// topicAPI answers what the doctor asks about a topic.
type topicAPI struct {
	t                          *testing.T
	permissions, subscriptions string // of a 200, or else a status
}

func (a topicAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/projects/acme-data/topics/runs:testIamPermissions":
		body = a.permissions
	case "GET /v1/projects/acme-data/topics/runs/subscriptions":
		body = a.subscriptions
	default:
		a.t.Errorf("unknown request: %s %s", r.Method, r.URL)
	}
	status := http.StatusOK
	switch body {
	case "403":
		status = http.StatusForbidden
	case "404":
		status = http.StatusNotFound
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// publisher is the account that the function runs as.
type publisher struct{}

func (publisher) AccessToken(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: "x"}, nil
}

func (publisher) IDToken(context.Context, string) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: "x"}, nil
}

func (publisher) Account(context.Context) (identity.Account, error) {
	return identity.Account{Type: identity.Attached, Email: robot}, nil
}

func TestOutboxIsExamined(t *testing.T) {
	t.Parallel()
	const (
		may, one  = `{"permissions":["pubsub.topics.publish"]}`, `{"subscriptions":["projects/acme-data/subscriptions/runs"]}`
		published = "ok: projects/acme-data/topics/runs"
		pulled    = "ok: projects/acme-data/subscriptions/runs"
	)
	for _, row := range []struct {
		name, permissions, subscriptions, publish, pull string
	}{
		{"all is there", may, one, published, pulled},
		{"no topic", "404", "404", "failed: there is no projects/acme-data/topics/runs\ngcloud pubsub topics create runs --project=acme-data",
			`skipped: it needs what the check "outbox" did not find`},
		{"no permission", "{}", one, "failed: this caller lacks pubsub.topics.publish on projects/acme-data/topics/runs\n" +
			"gcloud pubsub topics add-iam-policy-binding runs --project=acme-data --member=serviceAccount:" + robot +
			" --role=roles/pubsub.publisher",
			`skipped: it needs what the check "outbox" did not find`},
		{"no subscription", may, "{}", published, "failed: projects/acme-data/topics/runs has no subscription: " +
			"the runs that are published are lost\n" +
			"gcloud pubsub subscriptions create runs --project=acme-data --topic=runs --ack-deadline=120 --message-retention-duration=7d " +
			"--expiration-period=never; see deploy/outbox.md"},
		{"subscriptions that this caller may not list", may, "403", published,
			"skipped: this caller may not list its subscriptions: pubsub.googleapis.com answers 403; " +
				"gcloud pubsub topics list-subscriptions runs --project=acme-data"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			target := doctor.Target{
				Environments: map[string]environment.Spec{"private": {Outbox: "projects/acme-data/topics/runs"}},
				Name:         func(field string) string { return field },
				Routes:       []doctor.Route{{Name: "sales", Environment: "private", DAGs: []string{"load"}}},
				Google:       identity.NewGoogle(publisher{}),
				Transport:    topicAPI{t, row.permissions, row.subscriptions},
			}
			got := map[string]string{}
			doctor.Run(t.Context(), target, func(r doctor.Result) { got[r.Check] = text(r.Finding) })
			if got["outbox"] != row.publish || got["puller"] != row.pull {
				t.Errorf("outbox: %s\npuller: %s", got["outbox"], got["puller"])
			}
			if _, asked := got["web server"]; asked {
				t.Error("a web server was looked for")
			}
		})
	}
}
