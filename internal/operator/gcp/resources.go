// SPDX-License-Identifier: Apache-2.0

package gcp

import (
	"context"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Trigger is one of Eventarc's triggers:
// https://cloud.google.com/eventarc/docs/reference/rest/v1/projects.locations.triggers.
type Trigger struct {
	Name           string            `json:"name"`
	EventFilters   []EventFilter     `json:"eventFilters"`
	ServiceAccount string            `json:"serviceAccount"`
	Labels         map[string]string `json:"labels"`
	Channel        string            `json:"channel"`
	// EventDataContentType is that of the events' data, empty for application/json.
	EventDataContentType string `json:"eventDataContentType"`
	Destination          struct {
		CloudFunction string `json:"cloudFunction"`
		CloudRun      struct {
			Service string `json:"service"`
			Region  string `json:"region"`
		} `json:"cloudRun"`
	} `json:"destination"`
	Transport struct {
		PubSub struct {
			Topic        string `json:"topic"`
			Subscription string `json:"subscription"`
		} `json:"pubsub"`
	} `json:"transport"`
	RetryPolicy struct {
		MaxAttempts int `json:"maxAttempts"`
	} `json:"retryPolicy"`
}

// EventFilter is what an attribute of an event must be.
type EventFilter struct {
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
	Operator  string `json:"operator"` // empty for equality, else match-path-pattern
}

// Delivers reports whether the trigger's events go to a service.
func (t *Trigger) Delivers(service string) bool {
	return t.Destination.CloudRun.Service == service || path.Base(t.Destination.CloudFunction) == service
}

// Job is one of Cloud Scheduler's that calls an address:
// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs.
type Job struct {
	State           string `json:"state"`
	Schedule        string `json:"schedule"`
	TimeZone        string `json:"timeZone"`
	AttemptDeadline string `json:"attemptDeadline"`
	RetryConfig     struct {
		RetryCount         int    `json:"retryCount"`
		MaxRetryDuration   string `json:"maxRetryDuration"`
		MinBackoffDuration string `json:"minBackoffDuration"`
		MaxBackoffDuration string `json:"maxBackoffDuration"`
	} `json:"retryConfig"`
	HTTPTarget struct {
		URI       string `json:"uri"`
		OIDCToken struct {
			ServiceAccountEmail string `json:"serviceAccountEmail"`
			Audience            string `json:"audience"`
		} `json:"oidcToken"`
	} `json:"httpTarget"`
}

// Job reads a job of Cloud Scheduler.
func (r *Reader) Job(ctx context.Context, project, region, name string) (j Job, err error) {
	err = r.Get(ctx, "https://cloudscheduler.googleapis.com/v1/projects/"+project+"/locations/"+region+"/jobs/"+name, &j)
	return j, err
}

// Subscription is one of Pub/Sub's subscriptions:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions.
type Subscription struct {
	Name       string `json:"name"`
	Topic      string `json:"topic"`
	PushConfig struct {
		Endpoint  string `json:"pushEndpoint"`
		OIDCToken struct {
			ServiceAccountEmail string `json:"serviceAccountEmail"`
		} `json:"oidcToken"`
	} `json:"pushConfig"`
	AckDeadlineSeconds       int    `json:"ackDeadlineSeconds"`
	MessageRetentionDuration string `json:"messageRetentionDuration"`
	RetryPolicy              *struct {
		MinimumBackoff string `json:"minimumBackoff"`
		MaximumBackoff string `json:"maximumBackoff"`
	} `json:"retryPolicy"`
	DeadLetterPolicy *struct {
		DeadLetterTopic     string `json:"deadLetterTopic"`
		MaxDeliveryAttempts int    `json:"maxDeliveryAttempts"`
	} `json:"deadLetterPolicy"`
	// ExpirationPolicy without a TTL never ends; nil stands for the default of 31 days.
	ExpirationPolicy *struct {
		TTL string `json:"ttl"`
	} `json:"expirationPolicy"`
}

// Delivers reports whether the subscription pushes to a service.
func (s *Subscription) Delivers(service string) bool {
	return isAddress(s.PushConfig.Endpoint, service)
}

// Calls reports whether the job calls a service.
func (j *Job) Calls(service string) bool { return isAddress(j.HTTPTarget.URI, service) }

// isAddress reports whether an address is a service's, in either form, or a function's:
// https://cloud.google.com/run/docs/triggering/https-request#urls.
func isAddress(address, service string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	run := regexp.MustCompile(`^` + regexp.QuoteMeta(service) + `-([0-9]+\.[a-z0-9-]+|[a-z0-9]+-[a-z]+\.a)\.run\.app$`)
	return run.MatchString(u.Hostname()) || strings.HasSuffix(u.Hostname(), ".cloudfunctions.net") && path.Base(u.Path) == service
}
