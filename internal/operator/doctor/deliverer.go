// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/cause"
)

// deliverer is what delivers events to the function: one of Eventarc's
// triggers, which has a subscription of Eventarc's, or a push subscription of
// the operator's own.
type deliverer struct {
	trigger *eventarcTrigger
	own     subscription
}

// eventarcTrigger is what is asked about one of Eventarc's triggers:
// https://cloud.google.com/eventarc/docs/reference/rest/v1/projects.locations.triggers.
type eventarcTrigger struct {
	Name        string `json:"name"`
	Destination struct {
		CloudFunction string `json:"cloudFunction"`
		CloudRun      struct {
			Service string `json:"service"`
		} `json:"cloudRun"`
	} `json:"destination"`
	Transport struct {
		PubSub struct {
			Subscription string `json:"subscription"`
		} `json:"pubsub"`
	} `json:"transport"`
	RetryPolicy struct {
		MaxAttempts int `json:"maxAttempts"`
	} `json:"retryPolicy"`
}

// delivers reports whether the trigger's events go to a service.
func (t *eventarcTrigger) delivers(service string) bool {
	return t.Destination.CloudRun.Service == service || path.Base(t.Destination.CloudFunction) == service
}

// name is the trigger's own, empty for none.
func (t *eventarcTrigger) name() string {
	if t == nil {
		return ""
	}
	return path.Base(t.Name)
}

// subscription is what is asked about one of Pub/Sub's subscriptions:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions.
type subscription struct {
	Name       string `json:"name"`
	PushConfig struct {
		Endpoint string `json:"pushEndpoint"`
	} `json:"pushConfig"`
	AckDeadlineSeconds int `json:"ackDeadlineSeconds"`
	RetryPolicy        *struct {
		MinimumBackoff string `json:"minimumBackoff"`
	} `json:"retryPolicy"`
	DeadLetterPolicy *struct {
		DeadLetterTopic string `json:"deadLetterTopic"`
	} `json:"deadLetterPolicy"`
	ExpirationPolicy *struct {
		TTL string `json:"ttl"`
	} `json:"expirationPolicy"`
}

// delivers reports whether the subscription pushes to a service, by either form
// of a service's address, or a function's:
// https://cloud.google.com/run/docs/triggering/https-request#urls.
func (s *subscription) delivers(service string) bool {
	u, err := url.Parse(s.PushConfig.Endpoint)
	if err != nil {
		return false
	}
	run := regexp.MustCompile(`^` + regexp.QuoteMeta(service) + `-([0-9]+\.[a-z0-9-]+|[a-z0-9]+-[a-z]+\.a)\.run\.app$`)
	return run.MatchString(u.Hostname()) || strings.HasSuffix(u.Hostname(), ".cloudfunctions.net") && path.Base(u.Path) == service
}

const nothingDelivers = "there is no trigger and no push subscription"

// deliverers are those of the function. Where there are none, unread says why.
func (p *subject) deliverers(ctx context.Context) []deliverer {
	of := p.target.Platform
	if of.Project == "" || of.Service == "" {
		p.unread = "neither the project nor the service is known: give both to examine a function that is deployed"
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.target.Patience)
	defer cancel()
	// Where Eventarc is not used its API may be off, and subscriptions tell enough.
	triggers, refused := listed[eventarcTrigger](ctx, p, "https://eventarc.googleapis.com/v1/projects/"+of.Project+"/locations/-/triggers",
		"triggers")
	var found []deliverer
	var hidden []string // the subscriptions of triggers
	for i := range triggers {
		if triggers[i].delivers(of.Service) {
			found = append(found, deliverer{trigger: &triggers[i]})
		}
		hidden = append(hidden, triggers[i].Transport.PubSub.Subscription)
	}
	subscriptions, err := listed[subscription](ctx, p, "https://pubsub.googleapis.com/v1/projects/"+of.Project+"/subscriptions",
		"subscriptions")
	for i := range subscriptions {
		if s := subscriptions[i]; s.delivers(of.Service) && !slices.Contains(hidden, s.Name) {
			found = append(found, deliverer{own: s})
		}
	}
	switch {
	case len(found) > 0:
	case refused != nil:
		p.unread = fmt.Sprintf("Eventarc does not tell (%v): roles/eventarc.viewer and roles/pubsub.viewer may read it", refused)
	case err != nil:
		p.unread = unreadSubscription(err)
	default:
		p.unread = nothingDelivers
	}
	return found
}

// deliverer is the name of what is examined, empty where there is none.
func (p *subject) deliverer() string {
	if p.trigger == nil && p.subscription.Name != "" {
		return path.Base(p.subscription.Name)
	}
	return p.trigger.name()
}

// listed reads all pages of a list.
func listed[T any](ctx context.Context, p *subject, at, name string) ([]T, error) {
	var all []T
	for token := ""; ; {
		var page map[string]json.RawMessage
		if err := p.get(ctx, at+"?pageToken="+url.QueryEscape(token), &page); err != nil {
			return nil, err
		}
		var some []T
		if err := json.Unmarshal(page[name], &some); err != nil && page[name] != nil {
			return nil, errors.New("its list cannot be read")
		}
		all = append(all, some...)
		token = ""
		if err := json.Unmarshal(page["nextPageToken"], &token); err != nil || token == "" {
			return all, nil // the last page names no next one
		}
	}
}

func (p *subject) readSubscription(ctx context.Context, name string) {
	if err := p.get(ctx, "https://pubsub.googleapis.com/v1/"+name, &p.subscription); err != nil {
		p.subscription, p.unread = subscription{}, unreadSubscription(err)
	}
}

func unreadSubscription(err error) string {
	return fmt.Sprintf("Pub/Sub does not tell (%v): roles/pubsub.viewer may read it", err)
}

// get asks one of Google's APIs.
func (p *subject) get(ctx context.Context, url string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.New("its address cannot be written")
	}
	resp, err := p.target.Google.Client(p.target.Transport).Do(req)
	if met, ok := errors.AsType[*cause.Error](err); ok {
		return met
	}
	if err != nil {
		return fmt.Errorf("%s does not answer", req.URL.Host)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", req.URL.Host, resp.StatusCode)
	}
	const most = 4 << 20
	if err := json.NewDecoder(io.LimitReader(resp.Body, most)).Decode(answer); err != nil {
		return fmt.Errorf("%s answers other than in its API's JSON", req.URL.Host)
	}
	return nil
}
