// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"path"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// retry looks at what delivers to the function, and reads the subscription of a
// trigger for the checks after it.
func retry(ctx context.Context, p *subject) Finding {
	of, t := p.target.Platform, p.trigger
	switch {
	case p.subscription.Name != "":
		return ok("%s pushes again what was not acknowledged", path.Base(p.subscription.Name))
	case t == nil && p.unread == nothingDelivers:
		return warning("no trigger and no push subscription of the project "+of.Project+" delivers to "+of.Service,
			Fix{Do: "gcloud eventarc triggers list --project=" + of.Project + " --location=-"},
			Fix{If: "jobs of Cloud Scheduler call it", Do: "gcloud scheduler jobs list --project=" + of.Project + " --location=LOCATION"})
	case t == nil:
		return skipped("%s", p.unread)
	}
	p.readSubscription(ctx, t.Transport.PubSub.Subscription)
	if t.RetryPolicy.MaxAttempts == 1 {
		return failed("the trigger "+nameOf(t)+" delivers once: an event that is not acknowledged is dropped",
			Fix{If: "it was made with the function", Do: "gcloud functions deploy " + of.Service + " --project=" + of.Project + " --retry"},
			Fix{If: "it was made by itself", Do: "delete the trigger, and create it without --max-retry-attempts"})
	}
	return ok("%s, with the subscription %s", nameOf(t), path.Base(t.Transport.PubSub.Subscription))
}

// subscribed is the finding of a check that has no subscription to look at.
func (p *subject) subscribed() (Finding, bool) {
	if p.subscription.Name != "" {
		return Finding{}, true
	}
	return skipped("%s", p.unread), false
}

// update is the command that changes the subscription.
func (p *subject) update(flags string) Fix {
	return Fix{Do: "gcloud pubsub subscriptions update " + path.Base(p.subscription.Name) + " --project=" + p.target.Platform.Project + " " +
		flags}
}

func deadline(_ context.Context, p *subject) Finding {
	if f, read := p.subscribed(); !read {
		return f
	}
	longest := airflow.DefaultTimeout
	for _, spec := range p.target.Environments {
		longest = max(longest, spec.Timeout)
	}
	given := time.Duration(p.subscription.AckDeadlineSeconds) * time.Second
	if given < longest {
		return warning(fmt.Sprintf("%s, while one call to Airflow may take %s: an event that takes longer is delivered again while it "+
			"is worked on", given, longest),
			p.update("--ack-deadline=600"))
	}
	return ok("%s", given)
}

func backoff(_ context.Context, p *subject) Finding {
	if f, read := p.subscribed(); !read {
		return f
	}
	if p.subscription.RetryPolicy == nil {
		return warning("it does not wait: while Airflow is down, every event is delivered again at once",
			p.update("--min-retry-delay=10s --max-retry-delay=600s"))
	}
	return ok("from %s", p.subscription.RetryPolicy.MinimumBackoff)
}

func deadLetter(_ context.Context, p *subject) Finding {
	if f, read := p.subscribed(); !read {
		return f
	}
	if p.subscription.DeadLetterPolicy == nil || p.subscription.DeadLetterPolicy.DeadLetterTopic == "" {
		return warning("the subscription has no dead-letter topic: what is not delivered within its retention is lost",
			p.update("--dead-letter-topic=TOPIC --max-delivery-attempts=100"))
	}
	return ok("it is kept in the topic %s", path.Base(p.subscription.DeadLetterPolicy.DeadLetterTopic))
}

func expiry(_ context.Context, p *subject) Finding {
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
