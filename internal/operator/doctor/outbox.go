// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"example.com/dagtrigger/internal/operator/gcp"
	"example.com/dagtrigger/internal/pubsub"
)

// mayPublishRuns asks Pub/Sub whether this caller may publish to the outbox's topic.
func mayPublishRuns(ctx context.Context, p *subject) Finding {
	const permission = "pubsub.topics.publish"
	topic, err := pubsub.ParseTopic(p.spec.Outbox)
	if err != nil {
		return failed(err.Error()) // the settings are checked before
	}
	granted, err := p.google().TopicPermissions(ctx, topic.String(), permission)
	if refused, ok := errors.AsType[*gcp.RefusedError](err); ok && refused.Code == http.StatusNotFound {
		return failed("there is no "+topic.String(), Fix{Do: "gcloud pubsub topics create " + topic.ID + " --project=" + topic.Project})
	}
	if err != nil {
		return p.because(err)
	}
	if !slices.Contains(granted, permission) {
		return failed("this caller lacks "+permission+" on "+topic.String(), Fix{
			Do: "gcloud pubsub topics add-iam-policy-binding " + topic.ID + " --project=" + topic.Project +
				" --member=serviceAccount:" + p.member(ctx) + " --role=roles/pubsub.publisher",
		})
	}
	return ok("%s", topic)
}

// member is the account that is examined, if that is known.
func (p *subject) member(ctx context.Context) string {
	if account, err := p.target.Google.Account(ctx); err == nil && account.Email != "" {
		return account.Email
	}
	return "ACCOUNT"
}

// pulled looks for a subscription: without one, Pub/Sub drops what is published.
func pulled(ctx context.Context, p *subject) Finding {
	topic, err := pubsub.ParseTopic(p.spec.Outbox)
	if err != nil {
		return failed(err.Error())
	}
	var answer struct{ Subscriptions []string }
	if err := p.google().PubSub(ctx, topic.String()+"/subscriptions", &answer); err != nil {
		return skipped("this caller may not list its subscriptions: %v; gcloud pubsub topics list-subscriptions %s --project=%s",
			err, topic.ID, topic.Project)
	}
	if len(answer.Subscriptions) == 0 {
		return failed(topic.String()+" has no subscription: the runs that are published are lost", Fix{
			Do: "gcloud pubsub subscriptions create " + topic.ID + " --project=" + topic.Project + " --topic=" + topic.ID +
				" --ack-deadline=120 --message-retention-duration=7d --expiration-period=never; see deploy/outbox.md",
		})
	}
	return ok("%s", answer.Subscriptions[0])
}
