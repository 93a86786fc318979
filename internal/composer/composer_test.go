// SPDX-License-Identifier: Apache-2.0

package composer_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/composer"
)

const prod = "projects/acme/locations/europe-west1/environments/prod"

// api answers the request for prod, and fails the test at any other.
func api(t *testing.T, status int, body string) *composer.Client {
	t.Helper()
	return &composer.Client{
		Member: func(context.Context) string { return "serviceAccount:robot@acme.iam.gserviceaccount.com" },
		HTTP: &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.Method != http.MethodGet || req.URL.Scheme+"://"+req.URL.Host+req.URL.Path != "https://composer.googleapis.com/v1/"+prod {
				t.Errorf("got %s %s", req.Method, req.URL)
			}
			return &http.Response{
				StatusCode: status, Request: req, Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(strings.NewReader(body)),
			}, nil
		})},
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func ask(t *testing.T, c *composer.Client) (composer.Environment, error) {
	t.Helper()
	name, err := composer.ParseName(prod)
	if err != nil {
		t.Fatal(err)
	}
	return c.Environment(t.Context(), name)
}

func TestEnvironmentIsDecoded(t *testing.T) {
	t.Parallel()
	got, err := ask(t, api(t, 200, `{"state":"UPDATING","config":{
		"airflowUri":"https://1a2b-dot-europe-west1.composer.googleusercontent.com",
		"softwareConfig":{"imageVersion":"composer-2.9.7-airflow-2.10.2","airflowConfigOverrides":{"api-auth_backend":"x"}},
		"webServerNetworkAccessControl":{"allowedIpRanges":[
			{"value":"192.0.2.0/24"},{"value":"2001:db8::1"},{"value":"::0/0"},{"value":"?"}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := composer.Environment{
		Name:       composer.Name{Project: "acme", Location: "europe-west1", Environment: "prod"},
		State:      "UPDATING",
		URL:        "https://1a2b-dot-europe-west1.composer.googleusercontent.com",
		Image:      composer.Image{Text: "composer-2.9.7-airflow-2.10.2", Composer: 2, Airflow: "2.10.2"},
		Overrides:  map[string]string{"api-auth_backend": "x"},
		Controlled: true,
		Allowed: []netip.Prefix{
			netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("::/0"),
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryFailureNamesItsFix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"no such environment", 404, `{"error":{"code":404,"status":"NOT_FOUND","message":"Resource not found"}}`,
			"there is no environment prod in europe-west1 of the project acme: gcloud composer environments list --project=acme " +
				"--locations=europe-west1"},
		{"no permission", 403, `{"error":{"code":403,"status":"PERMISSION_DENIED",` +
			`"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED"}]}}`,
			"serviceAccount:robot@acme.iam.gserviceaccount.com may not read the environment prod: it lacks composer.environments.get, which " +
				"roles/composer.user has: " +
				"gcloud projects add-iam-policy-binding acme --member=serviceAccount:robot@acme.iam.gserviceaccount.com --role=roles/composer.user"},
		{"API not enabled", 403, `{"error":{"code":403,"status":"PERMISSION_DENIED",` +
			`"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED",` +
			`"metadata":{"consumer":"projects/123456"}}]}}`,
			"the Composer API is not enabled in the project 123456: gcloud services enable composer.googleapis.com --project=123456"},
		{"API not enabled, in the older form", 403, `{"error":{"code":403,"errors":[{"reason":"accessNotConfigured"}]}}`,
			"the Composer API is not enabled in the project acme: gcloud services enable composer.googleapis.com --project=acme"},
		{"a project that would run in a shell", 403, `{"error":{"code":403,"details":[{"reason":"SERVICE_DISABLED",` +
			`"metadata":{"consumer":"projects/$(id)"}}]}}`,
			"the Composer API is not enabled in the project acme: gcloud services enable composer.googleapis.com --project=acme"},
		{"not running", 200, `{"state":"CREATING"}`,
			"the environment prod is not running but CREATING: gcloud composer environments describe prod --project=acme --location=europe-west1"},
		{"in error", 200, `{"state":"ERROR","config":{"airflowUri":"https://x"}}`,
			"the environment prod is not running but ERROR: gcloud composer environments describe prod --project=acme --location=europe-west1"},
		{"no address", 200, `{"state":"RUNNING","config":{}}`,
			`the environment prod has no web server's address: gcloud composer environments describe prod --project=acme ` +
				`--location=europe-west1 --format="value(config.airflowUri)"`},
		{"token refused", 401, `{"error":{"code":401,"status":"UNAUTHENTICATED"}}`,
			"the Composer API refuses the access token (it answers 401): see that serviceAccount:robot@acme.iam.gserviceaccount.com is " +
				"enabled, and that its token has the scope cloud-platform"},
		{"down", 503, `<html>`,
			"the Composer API does not describe the environment prod (it answers 503): try again; or set AIRFLOW_URL in place of " +
				"COMPOSER_ENVIRONMENT, which asks nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := ask(t, api(t, tt.status, tt.body))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if composer.IsTransient(err) != (tt.status == 503) {
				t.Errorf("IsTransient = %v", composer.IsTransient(err))
			}
		})
	}
}

func TestUnansweredCallIsTransient(t *testing.T) {
	t.Parallel()
	silent := func(err error) *composer.Client {
		return &composer.Client{HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })}}
	}
	_, err := ask(t, silent(errors.New("connection refused")))
	want := "the Composer API does not describe the environment prod (it does not answer): try again; or set AIRFLOW_URL in place of " +
		"COMPOSER_ENVIRONMENT, which asks nothing"
	if err == nil || err.Error() != want || !composer.IsTransient(err) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	noToken := &cause.Error{Cause: cause.Cause{Name: "google-account-missing", Means: "the metadata server knows no service account",
		Fix: "give it one"}}
	if _, err := ask(t, silent(noToken)); !errors.Is(err, noToken) || composer.IsTransient(err) {
		t.Errorf("without a token: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := silent(errors.New("x")).Environment(ended, composer.Name{Project: "p", Location: "l", Environment: "e"}); !errors.Is(err,
		context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

func TestParseNameRejectsExtraParts(t *testing.T) {
	t.Parallel()
	for _, good := range []string{prod, "projects/example.com:acme/locations/us-central1/environments/e1",
		"projects/123/locations/l/environments/e"} {
		if name, err := composer.ParseName(good); err != nil || name.String() != good {
			t.Errorf("%s: %v, %v", good, name, err)
		}
	}
	for _, bad := range []string{
		"", "prod", "/" + prod, prod + "/", prod + "?x", prod + "\n", "projects//locations/l/environments/e",
		"projects/../locations/l/environments/e", "projects/p/locations/l/environments/..", "projects/p/locations/l/environments/e:delete",
		"projects/$(id)/locations/l/environments/e", "projects/p/locations/l/environments/E E",
	} {
		if name, err := composer.ParseName(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, name)
		}
	}
}

func TestVersionsOfImages(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]composer.Image{
		"composer-3-airflow-3.1.7-build.12":       {Composer: 3, Airflow: "3.1.7"},
		"composer-3-airflow-2.10.5-build.26":      {Composer: 3, Airflow: "2.10.5"},
		"composer-2.9.7-airflow-2.9.3":            {Composer: 2, Airflow: "2.9.3"},
		"composer-2.0.0-preview.3-airflow-2.1.2":  {Composer: 2, Airflow: "2.1.2"},
		"composer-1.20.12-airflow-1.10.15":        {Composer: 1, Airflow: "1.10.15"},
		"composer-latest-airflow-2":               {},
		"":                                        {},
		"composer-3-airflow-3.1.7-build.12; x":    {},
		"composer-33-airflow-3.1.7-build.12":      {},
		"xcomposer-1.20.12-airflow-1.10.15":       {},
		"composer-1.20.12-airflow-1.10.15\nEvil":  {},
		"composer-1.20-airflow-1.10.15":           {},
		"composer-2.9.7-airflow-2.9.3-build.1.2":  {},
		"composer-2.9.7-airflow-2.9.3-preview.11": {},
	} {
		want.Text = text
		if got := composer.ParseImage(text); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func TestAccessControlMatchesAddresses(t *testing.T) {
	t.Parallel()
	v4, v6, mapped := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("::ffff:192.0.2.7")
	tests := []struct {
		name       string
		env        composer.Environment
		v4, v6, mp bool
	}{
		{"none", composer.Environment{}, true, true, true},
		{"nobody", composer.Environment{Controlled: true}, false, false, false},
		{"everybody", composer.Environment{Controlled: true,
			Allowed: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}, true, true, true},
		{"IPv4 alone", composer.Environment{Controlled: true, Allowed: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, true, false, true},
	}
	for _, tt := range tests {
		if got := [3]bool{tt.env.Allows(v4), tt.env.Allows(v6), tt.env.Allows(mapped)}; got != [3]bool{tt.v4, tt.v6, tt.mp} {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
