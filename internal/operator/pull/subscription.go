// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/dagtrigger/internal/pubsub"
)

// Error is why a subscription cannot be pulled from.
type Error struct {
	Subscription string
	Reason       string
	Fix          string // what to do, empty where waiting may help
	Err          error  // what Pub/Sub said, nil where that is the reason
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Subscription + ": " + e.Reason
	}
	return fmt.Sprintf("%s: %s: %s", e.Subscription, e.Reason, said(e.Err))
}

func (e *Error) Unwrap() error { return e.Err }

// maxSaid is the most characters of Pub/Sub's own words in an error.
const maxSaid = 300

func said(err error) string {
	text := []rune(strings.Join(strings.Fields(status.Convert(err).Message()), " "))
	return string(text[:min(len(text), maxSaid)])
}

// Names are the full names of subscriptions, and of the topics that some are given with:
// each is S or S=T, where S is projects/P/subscriptions/S, or S of a project, and T is
// projects/P/topics/T, or T of the subscription's project. None may be named twice.
func Names(args []string, project string) (names []string, topics map[string]string, err error) {
	topics = map[string]string{}
	for _, arg := range args {
		name, topic, named := strings.Cut(arg, "=")
		if name, err = fullName(name, project); err != nil {
			return nil, nil, err
		}
		if slices.Contains(names, name) {
			return nil, nil, fmt.Errorf("%q is given twice", name)
		}
		names = append(names, name)
		if !named {
			continue
		}
		if topics[name], err = topicOf(name, topic); err != nil {
			return nil, nil, err
		}
	}
	return names, topics, nil
}

func fullName(name, project string) (string, error) {
	if !strings.Contains(name, "/") {
		if project == "" {
			return "", fmt.Errorf("%q names no project: write projects/PROJECT/subscriptions/%s, or give --project", name, name)
		}
		name = "projects/" + project + "/subscriptions/" + name
	}
	of, _, err := pubsub.ParseSubscription(name)
	if err != nil {
		return "", fmt.Errorf("%q %w: write projects/PROJECT/subscriptions/NAME", name, err)
	}
	return name, byID(name, of)
}

// topicOf is the full name of a subscription's topic.
func topicOf(subscription, topic string) (string, error) {
	if !strings.Contains(topic, "/") {
		project, _, _ := strings.Cut(subscription, "/subscriptions/")
		topic = project + "/topics/" + topic
	}
	of, err := pubsub.ParseTopic(topic)
	if err != nil {
		return "", fmt.Errorf("%q %w: write projects/PROJECT/topics/NAME", topic, err)
	}
	return topic, byID(topic, of.Project)
}

// byID refuses a project's number, by which a push names nothing.
func byID(name, project string) error {
	if strings.Trim(project, "0123456789") == "" {
		return fmt.Errorf("%q has the project's number: give its id, as a push does, or run ids would differ from a push's", name)
	}
	return nil
}

// lookTime bounds the look at a subscription, which need not be allowed.
const lookTime = 10 * time.Second

// check finds, before any message is pulled, the subscriptions that cannot be pulled from
// and those whose messages no route could match. Only some roles may look at one; where
// that is not allowed, pulling tells.
func (p *Puller) check(ctx context.Context) error {
	look, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var problems []error
	for _, name := range p.Subscriptions {
		found, err := p.client.SubscriptionAdminClient.GetSubscription(look, &pubsubpb.GetSubscriptionRequest{Subscription: name})
		problems = append(problems, p.unmatched(name, cmp.Or(found.GetTopic(), "projects/PROJECT/topics/TOPIC")))
		switch {
		case err == nil:
			problems = append(problems, delivers(found), p.mistaken(found))
		case status.Code(err) == codes.NotFound:
			problems = append(problems, explain(name, err))
		case look.Err() != nil && ctx.Err() == nil:
			p.Log.Warn("Pub/Sub does not answer: it is tried again until it does",
				slog.String("subscription", name), slog.String("reason", said(err)))
		}
	}
	return errors.Join(problems...)
}

// unmatched is the error of a subscription whose messages match no route, since no topic is
// named for them: they would all be acknowledged. Where only some routes pick by topic it
// is a warning, for others may want the messages.
func (p *Puller) unmatched(name, topic string) error {
	if p.Topics[name] != "" || len(p.ByTopic) == 0 {
		return nil
	}
	e := &Error{
		Subscription: name,
		Reason:       "its messages do not name their topic, and no message matches " + strings.Join(p.ByTopic, ", ") + " without one",
		Fix:          fmt.Sprintf("write %s=%s", name, topic),
	}
	if p.OnlyByTopic {
		return e
	}
	p.Log.Warn("routes pick by topic", slog.String("subscription", name),
		slog.String("reason", e.Reason+": "+e.Fix+", if its messages are for them"))
	return nil
}

// mistaken is the error of a topic that is named for a subscription of another. A topic
// that was deleted has no name any more, and a project may stand there by its number.
func (p *Puller) mistaken(s *pubsubpb.Subscription) error {
	named := p.Topics[s.GetName()]
	if named == "" || s.GetTopic() == "_deleted-topic_" || path.Base(named) == path.Base(s.GetTopic()) {
		return nil
	}
	return &Error{
		Subscription: s.GetName(), Reason: "it is of the topic " + s.GetTopic() + ", not of " + named,
		Fix: fmt.Sprintf("write %s=%s", s.GetName(), s.GetTopic()),
	}
}

// delivers is why a subscription cannot be pulled from that delivers its messages itself;
// nil where it does not.
func delivers(s *pubsubpb.Subscription) error {
	reason := "it is detached from its topic, and gets no more messages"
	fix := "create a subscription of its topic to pull from: gcloud pubsub subscriptions create NAME --topic=" + s.GetTopic()
	switch {
	case s.GetPushConfig().GetPushEndpoint() != "":
		reason = "Pub/Sub pushes its messages to " + s.GetPushConfig().GetPushEndpoint()
		fix = "have them pulled instead: gcloud pubsub subscriptions modify-push-config " + s.GetName() + " --push-endpoint=''"
	case s.GetBigqueryConfig() != nil:
		reason = "Pub/Sub writes its messages to BigQuery"
	case s.GetCloudStorageConfig() != nil:
		reason = "Pub/Sub writes its messages to Cloud Storage"
	case !s.GetDetached():
		return nil
	}
	return &Error{Subscription: s.GetName(), Reason: reason, Fix: fix}
}

const signIn = "run as a service account, or sign in: gcloud auth application-default login"

// explain says what to do about an error of Pub/Sub's; nil for none.
func explain(name string, err error) error {
	if err == nil {
		return nil
	}
	_, rest, _ := strings.Cut(name, "projects/")
	project, id, _ := strings.Cut(rest, "/subscriptions/")
	e := &Error{Subscription: name, Err: err}
	switch status.Code(err) {
	case codes.NotFound:
		e.Reason = "it does not exist"
		e.Fix = fmt.Sprintf("is the name right? One is created with: gcloud pubsub subscriptions create %s --project=%s --topic=TOPIC",
			id, project)
	case codes.PermissionDenied:
		e.Reason = "no permission to pull from it (403)"
		e.Fix = fmt.Sprintf("grant the role: gcloud pubsub subscriptions add-iam-policy-binding %s --project=%s "+
			"--member=serviceAccount:ACCOUNT --role=roles/pubsub.subscriber", id, project)
	case codes.Unauthenticated:
		e.Reason = "the credentials are not accepted (401)"
		e.Fix = signIn
	case codes.FailedPrecondition, codes.InvalidArgument:
		e.Reason = "it cannot be pulled from"
		e.Fix = fmt.Sprintf("if Pub/Sub pushes its messages, have them pulled: gcloud pubsub subscriptions modify-push-config %s --project=%s "+
			"--push-endpoint=''", id, project)
	default:
		e.Reason = "pulling failed"
	}
	return e
}

// Fix is what to do about an error of [Puller.Run], empty for none.
func Fix(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
		return Fix(joined.Unwrap()[0])
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return cmp.Or(e.Fix, "what Pub/Sub says may pass: start it again")
	}
	if err != nil { // there is no client
		return signIn
	}
	return ""
}
