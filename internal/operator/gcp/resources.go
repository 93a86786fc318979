// SPDX-License-Identifier: Apache-2.0

package gcp

import (
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

// Delivers reports whether the subscription pushes to a service, by either form
// of a service's address, or a function's:
// https://cloud.google.com/run/docs/triggering/https-request#urls.
func (s *Subscription) Delivers(service string) bool {
	u, err := url.Parse(s.PushConfig.Endpoint)
	if err != nil {
		return false
	}
	run := regexp.MustCompile(`^` + regexp.QuoteMeta(service) + `-([0-9]+\.[a-z0-9-]+|[a-z0-9]+-[a-z]+\.a)\.run\.app$`)
	return run.MatchString(u.Hostname()) || strings.HasSuffix(u.Hostname(), ".cloudfunctions.net") && path.Base(u.Path) == service
}
