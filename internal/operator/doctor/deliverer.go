// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"path"
	"slices"

	"example.com/dagtrigger/internal/operator/gcp"
)

// deliverer is what delivers events to the function: one of Eventarc's
// triggers, which has a subscription of Eventarc's, or a push subscription of
// the operator's own.
type deliverer struct {
	trigger *gcp.Trigger
	own     gcp.Subscription
}

// nameOf is the trigger's name, empty for none.
func nameOf(t *gcp.Trigger) string {
	if t == nil {
		return ""
	}
	return path.Base(t.Name)
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
	triggers, refused := p.google().Triggers(ctx, of.Project)
	var found []deliverer
	var hidden []string // the subscriptions of triggers
	for i := range triggers {
		if triggers[i].Delivers(of.Service) {
			found = append(found, deliverer{trigger: &triggers[i]})
		}
		hidden = append(hidden, triggers[i].Transport.PubSub.Subscription)
	}
	subscriptions, err := p.google().Subscriptions(ctx, of.Project)
	for i := range subscriptions {
		if s := subscriptions[i]; s.Delivers(of.Service) && !slices.Contains(hidden, s.Name) {
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
	return nameOf(p.trigger)
}

func (p *subject) readSubscription(ctx context.Context, name string) {
	if err := p.google().PubSub(ctx, name, &p.subscription); err != nil {
		p.subscription, p.unread = gcp.Subscription{}, unreadSubscription(err)
	}
}

func unreadSubscription(err error) string {
	return fmt.Sprintf("Pub/Sub does not tell (%v): roles/pubsub.viewer may read it", err)
}

// get asks one of Google's APIs.
func (p *subject) get(ctx context.Context, address string, answer any) error {
	return p.google().Get(ctx, address, answer)
}

// google reads with the account that is examined.
func (p *subject) google() *gcp.Reader {
	return &gcp.Reader{HTTP: p.target.Google.Client(p.target.Transport), UserAgent: "dagtrigger doctor", Once: true}
}
