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
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cause"
)

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

// subscription is what is asked about one of Pub/Sub's subscriptions:
// https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions.
type subscription struct {
	Name               string `json:"name"`
	AckDeadlineSeconds int    `json:"ackDeadlineSeconds"`
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

// name is the trigger's own, empty for none.
func (t *eventarcTrigger) name() string {
	if t == nil {
		return ""
	}
	return path.Base(t.Name)
}

// triggers are those that deliver to the function. Where there are none, unread
// says why.
func (p *patient) triggers(ctx context.Context) []eventarcTrigger {
	of := p.target.Platform
	if of.Project == "" || of.Service == "" {
		p.unread = "neither the project nor the service is known: give both to examine a function that is deployed"
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.target.Patience)
	defer cancel()
	found, err := p.listTriggers(ctx)
	switch {
	case err != nil:
		p.unread = fmt.Sprintf("Eventarc does not tell (%v): roles/eventarc.viewer and roles/pubsub.viewer may read it", err)
	case len(found) == 0:
		p.unread = noTrigger
	}
	return found
}

const noTrigger = "there is no trigger"

// listTriggers reads all pages of the project's triggers.
func (p *patient) listTriggers(ctx context.Context) ([]eventarcTrigger, error) {
	var found []eventarcTrigger
	for token := ""; ; {
		var page struct {
			Triggers []eventarcTrigger `json:"triggers"`
			Next     string            `json:"nextPageToken"`
		}
		at := "https://eventarc.googleapis.com/v1/projects/" + p.target.Platform.Project + "/locations/-/triggers?pageToken=" + url.QueryEscape(token)
		if err := p.get(ctx, at, &page); err != nil {
			return nil, err
		}
		for _, t := range page.Triggers {
			if t.delivers(p.target.Platform.Service) {
				found = append(found, t)
			}
		}
		if token = page.Next; token == "" {
			return found, nil
		}
	}
}

// retry looks at a trigger that delivers to the function, and reads its
// subscription for the checks after it.
func retry(ctx context.Context, p *patient) Finding {
	of, t := p.target.Platform, p.trigger
	switch {
	case t == nil && p.unread == noTrigger:
		return warning("no trigger of the project "+of.Project+" delivers to "+of.Service,
			Fix{Do: "gcloud eventarc triggers list --project=" + of.Project + " --location=-"})
	case t == nil:
		return skipped("%s", p.unread)
	}
	p.readSubscription(ctx, t.Transport.PubSub.Subscription)
	if t.RetryPolicy.MaxAttempts == 1 {
		return failed("the trigger "+t.name()+" delivers once: an event that is not acknowledged is dropped",
			Fix{If: "it was made with the function", Do: "gcloud functions deploy " + of.Service + " --project=" + of.Project + " --retry"},
			Fix{If: "it was made by itself", Do: "delete the trigger, and create it without --max-retry-attempts"})
	}
	return ok("%s, with the subscription %s", t.name(), path.Base(t.Transport.PubSub.Subscription))
}

func (p *patient) readSubscription(ctx context.Context, name string) {
	if err := p.get(ctx, "https://pubsub.googleapis.com/v1/"+name, &p.subscription); err != nil {
		p.subscription, p.unread = subscription{}, fmt.Sprintf("Pub/Sub does not tell (%v): roles/pubsub.viewer may read it", err)
	}
}

// get asks one of Google's APIs.
func (p *patient) get(ctx context.Context, url string, answer any) error {
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

// subscribed is the finding of a check that has no subscription to look at.
func (p *patient) subscribed() (Finding, bool) {
	if p.subscription.Name != "" {
		return Finding{}, true
	}
	return skipped("%s", p.unread), false
}

// update is the command that changes the subscription.
func (p *patient) update(flags string) Fix {
	return Fix{Do: "gcloud pubsub subscriptions update " + path.Base(p.subscription.Name) + " --project=" + p.target.Platform.Project + " " + flags}
}

func deadline(_ context.Context, p *patient) Finding {
	if f, read := p.subscribed(); !read {
		return f
	}
	longest := airflow.DefaultTimeout
	for _, spec := range p.target.Environments {
		longest = max(longest, spec.Timeout)
	}
	given := time.Duration(p.subscription.AckDeadlineSeconds) * time.Second
	if given < longest {
		return warning(fmt.Sprintf("%s, while one call to Airflow may take %s: an event that takes longer is delivered again while it is worked on", given, longest),
			p.update("--ack-deadline=600"))
	}
	return ok("%s", given)
}

func backoff(_ context.Context, p *patient) Finding {
	if f, read := p.subscribed(); !read {
		return f
	}
	if p.subscription.RetryPolicy == nil {
		return warning("it does not wait: while Airflow is down, every event is delivered again at once", p.update("--min-retry-delay=10s --max-retry-delay=600s"))
	}
	return ok("from %s", p.subscription.RetryPolicy.MinimumBackoff)
}

func deadLetter(_ context.Context, p *patient) Finding {
	if f, read := p.subscribed(); !read {
		return f
	}
	if p.subscription.DeadLetterPolicy == nil || p.subscription.DeadLetterPolicy.DeadLetterTopic == "" {
		return warning("the subscription has no dead-letter topic: what is not delivered within its retention is lost",
			p.update("--dead-letter-topic=TOPIC --max-delivery-attempts=100"))
	}
	return ok("it is kept in the topic %s", path.Base(p.subscription.DeadLetterPolicy.DeadLetterTopic))
}

func expiry(_ context.Context, p *patient) Finding {
	if f, read := p.subscribed(); !read {
		return f
	}
	if policy := p.subscription.ExpirationPolicy; policy != nil && policy.TTL != "" {
		after := policy.TTL
		if ttl, err := time.ParseDuration(after); err == nil {
			after = count(int(ttl.Hours()/24), "day")
		}
		return warning("it ends after "+after+" without an event", p.update("--expiration-period=never"))
	}
	return ok("it never ends")
}
