// SPDX-License-Identifier: Apache-2.0

package composer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/cause"
)

const (
	causeNotFound    = "composer-not-found"
	causeForbidden   = "composer-forbidden"
	causeAPIDisabled = "composer-api-disabled"
	causeNotRunning  = "composer-not-running"
	causeNoAddress   = "composer-no-address"
	causeToken       = "composer-token"
	causeUnavailable = "composer-unavailable"
)

// Causes is the table of what keeps an environment from being looked up, and
// its fix.
//
// Sources: https://cloud.google.com/composer/docs/reference/rest/v1/projects.locations.environments,
// https://cloud.google.com/composer/docs/composer-3/access-control,
// https://cloud.google.com/apis/design/errors.
func Causes() []cause.Cause {
	return []cause.Cause{
		{
			Name: causeNotFound, Means: "there is no environment ENVIRONMENT in LOCATION of the project PROJECT",
			Fix: "gcloud composer environments list --project=PROJECT --locations=LOCATION",
		}, {
			Name: causeForbidden, Means: "MEMBER may not read the environment ENVIRONMENT: it lacks composer.environments.get, which " +
				"roles/composer.user has",
			Fix: "gcloud projects add-iam-policy-binding PROJECT --member=MEMBER --role=roles/composer.user",
		}, {
			Name: causeAPIDisabled, Means: "the Composer API is not enabled in the project PROJECT",
			Fix: "gcloud services enable composer.googleapis.com --project=PROJECT",
		}, {
			Name: causeNotRunning, Means: "the environment ENVIRONMENT is not running but STATE",
			Fix: "gcloud composer environments describe ENVIRONMENT --project=PROJECT --location=LOCATION",
		}, {
			Name: causeNoAddress, Means: "the environment ENVIRONMENT has no web server's address",
			Fix: "gcloud composer environments describe ENVIRONMENT --project=PROJECT --location=LOCATION --format=\"value(config.airflowUri)\"",
		}, {
			Name: causeToken, Means: "the Composer API refuses the access token",
			Fix: "see that MEMBER is enabled, and that its token has the scope cloud-platform",
		}, {
			Name: causeUnavailable, Means: "the Composer API does not describe the environment ENVIRONMENT",
			Fix: "try again; or set AIRFLOW_URL in place of COMPOSER_ENVIRONMENT, which asks nothing",
		},
	}
}

// IsTransient reports whether err may pass by itself.
func IsTransient(err error) bool {
	met, ok := errors.AsType[*cause.Error](err)
	return ok && met.Cause.Name == causeUnavailable || errors.Is(err, context.DeadlineExceeded)
}

// explain makes one of our causes of what the API's client says.
func (c *Client) explain(ctx context.Context, name Name, err error) error {
	refused, ok := errors.AsType[*googleapi.Error](err)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("asking the Composer API: %w", ctx.Err())
	case !ok:
		if token, isToken := errors.AsType[*cause.Error](err); isToken {
			return token // the caller has none, and that error says why
		}
		return c.met(ctx, causeUnavailable, name, errors.New("it does not answer"))
	}
	answers := fmt.Errorf("it answers %d", refused.Code)
	reason, consumer := reasonOf(refused)
	switch {
	case reason == "SERVICE_DISABLED" || reason == "accessNotConfigured":
		if consumer == "" {
			consumer = name.Project
		}
		return c.met(ctx, causeAPIDisabled, name, nil, "PROJECT", consumer)
	case refused.Code == http.StatusUnauthorized:
		return c.met(ctx, causeToken, name, answers)
	case refused.Code == http.StatusForbidden:
		return c.met(ctx, causeForbidden, name, nil)
	case refused.Code == http.StatusNotFound:
		return c.met(ctx, causeNotFound, name, nil)
	}
	return c.met(ctx, causeUnavailable, name, answers)
}

// met is the error of a cause. What known says wins over what the name says.
func (c *Client) met(ctx context.Context, row string, name Name, err error, known ...string) *cause.Error {
	member := ""
	if c.Member != nil {
		member = c.Member(ctx)
	}
	known = append(known, "PROJECT", name.Project, "LOCATION", name.Location, "ENVIRONMENT", name.Environment, "MEMBER", member)
	return cause.Met(Causes(), row, err, known...)
}

// reasonOf finds the reason of a refusal and the project that it is about:
// https://cloud.google.com/apis/design/errors#error_info.
func reasonOf(refused *googleapi.Error) (reason, project string) {
	for _, detail := range refused.Details {
		info, _ := detail.(map[string]any)
		if text, ok := info["reason"].(string); ok {
			metadata, _ := info["metadata"].(map[string]any)
			consumer, _ := metadata["consumer"].(string)
			return text, projectIn(consumer)
		}
	}
	for _, item := range refused.Errors {
		return item.Reason, ""
	}
	return "", ""
}

// projectIn is the project in projects/P, empty for anything that would not be
// safe to paste into a shell.
func projectIn(consumer string) string {
	parts := regexp.MustCompile(`^projects/([A-Za-z0-9.:-]+)$`).FindStringSubmatch(consumer)
	if parts == nil {
		return ""
	}
	return parts[1]
}
