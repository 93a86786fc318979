// SPDX-License-Identifier: Apache-2.0

package gcp_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/operator/gcp"
)

func TestFailureSaysWhatGoogleSaid(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"a refusal", &googleapi.Error{Code: 403, Message: "no\n  access"}, "reading it: 403 Forbidden: no access"},
		{"a long one", &googleapi.Error{Code: 404, Message: strings.Repeat("ü", 200)}, "reading it: 404 Not Found: " + strings.Repeat("ü", 150)},
		{"one cut within a character", &googleapi.Error{Code: 404, Message: "x" + strings.Repeat("ü", 200)},
			"reading it: 404 Not Found: x" + strings.Repeat("ü", 149)},
		{"no answer", &url.Error{Op: "Get", URL: "https://storage.googleapis.com/x", Err: down}, "reading it: connection refused"},
	} {
		failure := gcp.Failed("reading it", row.err)
		if got := failure.Error(); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
	failure := gcp.Failed("reading it", &url.Error{Err: down})
	failure.Fix = "start it"
	if got := failure.Error(); got != "reading it: connection refused; start it" || !errors.Is(&failure, down) {
		t.Errorf("got %s", got)
	}
}

func TestIsDisabled(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		err  error
		want bool
	}{
		{"a newer API", &googleapi.Error{Code: 403, Details: []any{map[string]any{"reason": "SERVICE_DISABLED"}}}, true},
		{"an older API", &googleapi.Error{Code: 403, Errors: []googleapi.ErrorItem{{Reason: "accessNotConfigured"}}}, true},
		{"a role that is missing", &googleapi.Error{Code: 403, Errors: []googleapi.ErrorItem{{Reason: "forbidden"}}}, false},
		{"no answer", errors.New("connection refused"), false},
	} {
		if got := gcp.IsDisabled(row.err); got != row.want {
			t.Errorf("%s: got %t, want %t", row.name, got, row.want)
		}
	}
}
