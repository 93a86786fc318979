// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"example.com/dagtrigger/internal/operator/pull"
)

// refused are a client's options that refuse to look at a subscription, and to pull from it.
func refused(name string, code codes.Code, words string) []option.ClientOption {
	concerns := func(ctx context.Context) bool {
		sent, _ := metadata.FromOutgoingContext(ctx)
		return slices.Contains(sent.Get("x-goog-request-params"), "subscription="+url.QueryEscape(name))
	}
	stream := func(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, do grpc.Streamer, o ...grpc.CallOption) (
		grpc.ClientStream, error,
	) {
		if concerns(ctx) {
			return nil, grpcstatus.Error(code, words)
		}
		return do(ctx, d, c, method, o...)
	}
	single := func(ctx context.Context, method string, in, out any, c *grpc.ClientConn, do grpc.UnaryInvoker, o ...grpc.CallOption) error {
		if concerns(ctx) {
			return grpcstatus.Error(codes.PermissionDenied, "not allowed to look")
		}
		return do(ctx, method, in, out, c, o...)
	}
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithStreamInterceptor(stream)), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(single)),
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, subscription string
		options            []option.ClientOption
		err, fix           string
	}{
		{
			"unknown", "projects/acme-prod/subscriptions/missing", nil,
			`projects/acme-prod/subscriptions/missing: it does not exist: subscription projects/acme-prod/subscriptions/missing`,
			"is the name right? One is created with: gcloud pubsub subscriptions create missing --project=acme-prod --topic=TOPIC",
		},
		{
			"push", "projects/acme-prod/subscriptions/pushed", nil,
			"projects/acme-prod/subscriptions/pushed: Pub/Sub pushes its messages to https://run.example.com",
			"have them pulled instead: gcloud pubsub subscriptions modify-push-config projects/acme-prod/subscriptions/pushed --push-endpoint=''",
		},
		{
			"no permission", subscription, refused(subscription, codes.PermissionDenied, "User not authorized to perform this action."),
			subscription + ": no permission to pull from it (403): User not authorized to perform this action.",
			"grant the role: gcloud pubsub subscriptions add-iam-policy-binding orders --project=acme-prod --member=serviceAccount:ACCOUNT " +
				"--role=roles/pubsub.subscriber",
		},
		{
			"no credentials", subscription, refused(subscription, codes.Unauthenticated, "Invalid credentials."),
			subscription + ": the credentials are not accepted (401): Invalid credentials.",
			"run as a service account, or sign in: gcloud auth application-default login",
		},
		{
			"push, where it may not be looked at", subscription, refused(subscription, codes.FailedPrecondition, "This method is not supported."),
			subscription + ": it cannot be pulled from: This method is not supported.",
			"if Pub/Sub pushes its messages, have them pulled: gcloud pubsub subscriptions modify-push-config orders --project=acme-prod " +
				"--push-endpoint=''",
		},
		{
			"another", subscription, refused(subscription, codes.DataLoss, "no words"), subscription + ": pulling failed: no words",
			"what Pub/Sub says may pass: start it again",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t, row.options...)
			q.subscribe(t, &pubsubpb.Subscription{
				Name: "projects/acme-prod/subscriptions/pushed", PushConfig: &pubsubpb.PushConfig{PushEndpoint: "https://run.example.com"},
			})
			p := q.puller(status(200), func(p *pull.Puller) { p.Subscriptions = []string{row.subscription} })
			err := p.Run(t.Context())
			if err == nil || err.Error() != row.err || pull.Fix(err) != row.fix {
				t.Errorf("%v\nwant %s\nfix %s\nwant %s", err, row.err, pull.Fix(err), row.fix)
			}
		})
	}
}

// A message that no route can match would be acknowledged, and nobody would know.
func TestTopicsThatRoutesPickByAreNamed(t *testing.T) {
	t.Parallel()
	const unnamed = ": its messages do not name their topic, and no message matches a, b without one"
	for _, row := range []struct {
		name   string
		change func(*pull.Puller)
		hidden bool   // the account may not look at the subscription
		err    string // empty where it is pulled from
		fix    string
		log    string
	}{
		{"every route picks by topic", func(p *pull.Puller) { p.OnlyByTopic = true }, false,
			subscription + unnamed, "write " + subscription + "=" + topic, ""},
		{"every route does, of a topic that is not known", func(p *pull.Puller) { p.OnlyByTopic = true }, true,
			subscription + unnamed, "write " + subscription + "=projects/PROJECT/topics/TOPIC", ""},
		{"some do", func(*pull.Puller) {}, false, "", "", "no message matches a, b without one: write " + subscription + "=" + topic},
		{"none does", func(p *pull.Puller) { p.ByTopic = nil }, false, "", "", ""},
		{"it is named", func(p *pull.Puller) { p.Topics, p.OnlyByTopic = text{subscription: topic}, true }, false, "", "", ""},
		{"another is", func(p *pull.Puller) { p.Topics = text{subscription: topic + "-2"} }, false,
			subscription + ": it is of the topic " + topic + ", not of " + topic + "-2", "write " + subscription + "=" + topic, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var options []option.ClientOption
			if row.hidden {
				options = refused(subscription, codes.PermissionDenied, "no")
			}
			var log bytes.Buffer
			q := newQueue(t, options...)
			p := q.puller(status(200), func(p *pull.Puller) {
				p.ByTopic, p.Log = []string{"a", "b"}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
				row.change(p)
			})
			run := func() error { return p.Run(t.Context()) }
			if row.err == "" {
				run = start(t, p)
				q.publish(1, "x")
				eventually(t, "a message is acknowledged", func() bool { n, _ := q.count(1); return n == 1 })
			}
			if err := run(); errorText(err) != row.err || pull.Fix(err) != row.fix {
				t.Errorf("%v\nwant %s\nfix %s\nwant %s", err, row.err, pull.Fix(err), row.fix)
			}
			if !strings.Contains(log.String(), row.log) || row.log == "" && log.Len() > 0 {
				t.Errorf("it logs %s", &log)
			}
		})
	}
}

// One that cannot be pulled from ends the others: a platform then restarts the process.
func TestFailureOfOneSubscriptionEndsAll(t *testing.T) {
	t.Parallel()
	second := subscription + "-2"
	q := newQueue(t, refused(second, codes.PermissionDenied, "no")...)
	p := q.puller(status(200), func(p *pull.Puller) { p.Subscriptions = append(p.Subscriptions, second) })
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	select {
	case err := <-ended:
		if e, ok := errors.AsType[*pull.Error](err); !ok || e.Subscription != second {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(hang):
		t.Error("it goes on")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		names, project string
		want           string // the names, or the error
	}{
		{subscription, "", subscription},
		{"orders", "acme-prod", subscription},
		{subscription + " other", "acme-prod", subscription + " projects/acme-prod/subscriptions/other"},
		{"projects/example.com:acme/subscriptions/orders", "", "projects/example.com:acme/subscriptions/orders"},
		{"projects/acme/subscriptions/orders", "", `"projects/acme/subscriptions/orders" names a project that cannot be: ` +
			`"acme" has to have 6 to 100 of a-z 0-9 : . -: write projects/PROJECT/subscriptions/NAME`},
		{"orders", "", `"orders" names no project: write projects/PROJECT/subscriptions/orders, or give --project`},
		{"or", "acme-prod", `"projects/acme-prod/subscriptions/or" names a subscription that cannot be: ` +
			`"or" has to have 3 to 255 of A-Z a-z 0-9 . _ ~ + % -, a letter first, not goog: write projects/PROJECT/subscriptions/NAME`},
		{topic, "", `"projects/acme-prod/topics/orders" names no subscription: write projects/PROJECT/subscriptions/NAME`},
		{"orders " + subscription, "acme-prod", `"projects/acme-prod/subscriptions/orders" is given twice`},
		{
			"projects/471112345678/subscriptions/orders", "",
			`"projects/471112345678/subscriptions/orders" has the project's number: give its id, as a push does, ` +
				`or run ids would differ from a push's`,
		},
		{"orders=orders", "acme-prod", subscription + " of " + topic},
		{subscription + "=projects/other-1/topics/orders", "", subscription + " of projects/other-1/topics/orders"},
		{"orders=", "acme-prod", `"projects/acme-prod/topics/" names a topic that cannot be: ` +
			`"" has to have 3 to 255 of A-Z a-z 0-9 . _ ~ + % -, a letter first, not goog: write projects/PROJECT/topics/NAME`},
		{"orders=acme/orders", "acme-prod", `"acme/orders" names no topic: write projects/PROJECT/topics/NAME`},
		{"orders=projects/471112345678/topics/orders", "acme-prod",
			`"projects/471112345678/topics/orders" has the project's number: give its id, as a push does, or run ids would differ from a push's`},
	} {
		names, topics, err := pull.Names(strings.Fields(row.names), row.project)
		got := strings.Join(names, " ")
		for _, name := range slices.Sorted(maps.Keys(topics)) {
			got += " of " + topics[name]
		}
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.names, got, row.want)
		}
	}
}
