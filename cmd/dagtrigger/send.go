// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/plainjson"
	"example.com/dagtrigger/internal/trigger"
)

const sendHelp = `Build the HTTP request that Google's platform would send for an event, post it to the
function, and print the outcome.

` + eventArgs + `
An object is not uploaded, and a message not published: the event comes straight to the
function.

--as selects how the event is delivered:

  eventarc        a CloudEvent, its attributes in headers: Eventarc triggers and
                  functions of the second generation
  structured      a CloudEvent as one JSON document
  push            a Pub/Sub push subscription. A change of an object is the
                  notification that its bucket publishes, any other CloudEvent
                  a message that contains it
  push-unwrapped  the same, from a subscription with payload unwrapping that
                  writes metadata
  notification    a bucket's notification, pushed (the same as push)
  background      a function of the first generation

Each call makes a new event. To see a redelivery, send an event again with the same
--id, and for storage the same --generation: its run exists, so it is a duplicate.

--count sends many events, numbered from 1: {n} in the object's name, the data, an
attribute, the file or --id becomes the number. With an id and generation without {n},
they are all the same event.

--wait follows each run that the event started, or has already, to its end: the states go
to standard error, and the exit status is 1 where a run fails, or none was started. The
Airflow is that of the settings, with --config or without, as for "dagtrigger serve". It is
asked to wait from Airflow 3.1 on, and else every two seconds. Ctrl-C ends the wait, and
not the run.`

const sendExample = `  dagtrigger send storage gs://acme-landing/sales/eu.csv
  dagtrigger send storage gs://acme-landing/sales/eu.csv --change deleted
  dagtrigger send storage gs://acme-landing/sales/eu.csv --as notification --print
  dagtrigger send storage gs://acme-landing/in/{n}.csv --count 500 --as push-unwrapped
  dagtrigger send pubsub --data '{"order": 4711}' --attribute region=eu --as push
  dagtrigger send pubsub --data @order.json --topic orders
  dagtrigger send pubsub --data '{"order": {n}}' --count 1000 --concurrency 80 --duplicates 20
  dagtrigger send storage gs://acme-landing/sales/eu.csv --wait -f routes.yaml
  dagtrigger send event.json --to https://trigger-abc123-ew.a.run.app \
    --header "Authorization: Bearer $(gcloud auth print-identity-token)"`

// defaultFunction is where "dagtrigger serve" listens by default.
const defaultFunction = "http://127.0.0.1:8080"

// sendFlags are where to send, and how often.
type sendFlags struct {
	to      string
	as      string
	headers []string
	timeout time.Duration
	print   bool
	json    bool
	load    load
	follow  followFlags
}

func (p *program) send() *cobra.Command {
	s := &sendFlags{}
	var f eventFlags
	cmd := &cobra.Command{
		Use:     "send [EVENT]",
		Short:   "Send an event to the function, as the platform would",
		Long:    sendHelp,
		Example: sendExample,
		GroupID: groupTry,
		Annotations: exits("every delivery was acknowledged, or --print printed the request; with --wait: each run succeeded",
			"a delivery was not acknowledged, or had no response; with --wait also: a run failed or was not awaited, or none was started"),
		RunE: func(cmd *cobra.Command, args []string) error {
			events, err := p.events(cmd, &f, s.as, args)
			return p.deliver(cmd.Context(), s, events, err)
		},
	}
	s.register(cmd)
	f.register(cmd)
	return cmd
}

func (s *sendFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.to, "to", defaultFunction, "the `URL` of the function")
	flags.Var(&choice{&s.as, texts(delivery.Envelopes())}, "as", "how the event is delivered, see above "+defaultAs)
	flags.StringArrayVar(&s.headers, "header", nil, "a `HEADER` to add, \"NAME: VALUE\"; may be repeated")
	spanFlag(flags, &s.timeout, "timeout", 10*time.Minute, "the `DURATION` to wait for a response")
	flags.BoolVar(&s.print, "print", false, "print the request as a curl command instead of sending it")
	jsonFlag(flags, &s.json, "the result as one JSON object")
	flags.IntVar(&s.load.count, "count", 1, "send `N` events")
	flags.Float64Var(&s.load.rate, "rate", 0, "start `N` deliveries per second (default: no limit)")
	flags.IntVar(&s.load.concurrency, "concurrency", 10, "run `N` deliveries at the same time")
	flags.IntVar(&s.load.duplicates, "duplicates", 0, "deliver `N` percent of the events twice, at the same time")
	completes(cmd, "as", texts(delivery.Envelopes()))
	s.follow.register(flags)
}

// deliver sends or prints events; err is the error of making them.
func (p *program) deliver(ctx context.Context, s *sendFlags, events maker, err error) error {
	if err != nil {
		return err
	}
	if err := s.load.check(); err != nil {
		return err
	}
	if u, err := url.Parse(s.to); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &usageError{text: fmt.Sprintf("--to %q is not a valid URL", s.to), hint: "write it as http://HOST:PORT"}
	}
	headers, err := s.parseHeaders()
	if err != nil {
		return err
	}
	if s.follow.wait && (s.print || s.load.count > 1 || s.load.duplicates > 0) {
		return &usageError{text: "--wait follows the runs of one event that is sent", hint: "leave --print, --count and --duplicates out"}
	}
	post := newPoster(s.to, s.load.concurrency, s.timeout, headers)
	if s.load.count > 1 || s.load.duplicates > 0 {
		if s.print {
			return &usageError{text: "--print shows one request, and --count sends many", hint: "leave one of them out"}
		}
		return p.sendMany(ctx, s, post, events)
	}
	request, err := envelope(events, 0, s.as)
	if err != nil {
		return err
	}
	if s.print {
		request.Header = append(request.Header, headers...)
		_, err = fmt.Fprintln(p.stdout, request.Curl(s.to))
		return err
	}
	return p.sendOne(ctx, s, post, request)
}

// defaultAs says what --as is where it is left out.
const defaultAs = "(default eventarc; push for the body of a push)"

// envelope makes event n and puts it into its envelope: as, or the default where
// that is empty.
func envelope(events maker, n int, as string) (delivery.Request, error) {
	event, err := events(n)
	if err != nil {
		return delivery.Request{}, err
	}
	request, err := event.Request(cmp.Or(delivery.Envelope(as), delivery.DefaultEnvelope(event)))
	if err != nil {
		return delivery.Request{}, fmt.Errorf("building the request: %w", err)
	}
	return request, nil
}

func (s *sendFlags) parseHeaders() ([]delivery.Header, error) {
	list := make([]delivery.Header, len(s.headers))
	for i, h := range s.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, &usageError{text: "a --header has no name", hint: `write it as "NAME: VALUE"`} // it may hold a token
		}
		list[i] = delivery.Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)}
	}
	return list, nil
}

func (p *program) sendOne(ctx context.Context, s *sendFlags, post *poster, r delivery.Request) error {
	var airflows *environments
	if s.follow.wait { // before anything is sent
		var err error
		if airflows, err = p.airflowsToFollow(s.follow.config); err != nil {
			return err
		}
	}
	a, err := post.post(ctx, r)
	if err != nil {
		return err
	}
	if s.follow.wait {
		return p.followAll(ctx, s, &a, airflows)
	}
	if err := p.printAnswer(s, &a); err != nil || a.Acknowledged {
		return err
	}
	return errReported
}

// printAnswer prints what the function answered.
func (p *program) printAnswer(s *sendFlags, a *answer) error {
	if s.json {
		return plainjson.Encode(p.stdout, a)
	}
	_, err := fmt.Fprint(p.prose(p.stdout), a.text(p.painter(p.stdout)))
	return err
}

// text is an answer for a person.
func (a *answer) text(paint painter) string {
	var b strings.Builder
	status := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if a.Acknowledged {
		fmt.Fprintf(&b, "%s in %s: acknowledged\n", paint.good(status), took(a.took()))
	} else {
		fmt.Fprintf(&b, "%s in %s: not acknowledged, so the platform would send it again", paint.bad(status), took(a.took()))
		if a.RetryAfter != "" {
			fmt.Fprintf(&b, " (Retry-After: %s)", visible(a.RetryAfter))
		}
		b.WriteString("\n")
	}
	if a.Error != "" {
		fmt.Fprintf(&b, "  %s\n", visible(a.Error))
	}
	for _, o := range a.Outcomes {
		b.WriteString(strings.TrimRight("  "+paint.outcome(o.Kind, string(o.Kind))+"  "+destination(o), " ") + "\n")
		if o.Reason != "" {
			fmt.Fprintf(&b, "    %s\n", visible(o.Reason))
		}
	}
	return b.String()
}

// destination tells by which route an event led to which run.
func destination(o trigger.Outcome) string {
	var parts []string
	if o.Route != "" {
		parts = append(parts, "route "+o.Route)
	}
	if o.DAGID != "" {
		parts = append(parts, "DAG "+o.DAGID)
	}
	run := "run "
	if o.Asset != "" {
		parts = append(parts, "asset "+o.Asset)
		if o.DAGID == "" {
			run = "event "
		}
	}
	if o.RunID != "" {
		parts = append(parts, run+o.RunID)
	}
	return visible(strings.Join(parts, ", "))
}
