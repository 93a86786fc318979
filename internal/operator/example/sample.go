// SPDX-License-Identifier: Apache-2.0

package example

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/route"
)

// Sample is an event that a route is made for, to try it with.
type Sample struct {
	Event delivery.Event
	As    delivery.Envelope
	// Sends are the arguments of "dagtrigger send" that make the event. Of a route with
	// complete they make all objects of its set, by one call for each name or one for a
	// count, unless a manifest names them. They are nil for an event that is neither an
	// object's change nor a message.
	Sends [][]string
	// Plan is what the route starts for it; nil where none of the events that were
	// tried meets its conditions.
	Plan *route.Plan
}

// fillers are what a wildcard, or a member of data, is tried with.
func fillers() []string { return []string{"a", "1", "2026-11-22", "20261122"} }

// SampleOf makes an event for a route, from its patterns and the constants that its
// expressions compare with. table decides whether the route matches it, and must
// have that route alone.
func SampleOf(ctx context.Context, s *route.Spec, table *route.Table) Sample {
	var first *Sample
	for _, filler := range fillers() {
		for _, c := range candidates(s, filler) {
			if c.Plan = planOf(ctx, c, table); c.Plan != nil {
				return c.withSet()
			}
			if first == nil {
				first = &c
			}
		}
	}
	return *first
}

// planOf is what the route of table starts for an event; nil for nothing.
func planOf(ctx context.Context, c Sample, table *route.Table) *route.Plan {
	request, err := c.Event.Request(c.As)
	if err != nil {
		return nil
	}
	ev, err := ReceiveOne(ctx, request)
	if err != nil {
		return nil
	}
	for _, x := range table.Explain(ctx, ev) {
		if x.Plan != nil {
			return x.Plan
		}
	}
	return nil
}

// candidates are events of the kind that the route is made for.
func candidates(s *route.Spec, filler string) []Sample {
	eventType := fill(s.On, filler, "message.published")
	change, isObject := strings.CutPrefix(strings.TrimPrefix(eventType, "google.cloud.storage."), "object.")
	change = strings.TrimPrefix(change, "v1.")
	switch {
	case isObject || len(s.Bucket)+len(s.Object) > 0:
		return objects(s, filler, change)
	case strings.HasSuffix(strings.ToLower(eventType), "published") || len(s.Topic)+len(s.Subscription) > 0:
		return messages(s, filler)
	default:
		return cloudEvents(s, filler, eventType)
	}
}

// objects are changes of an object, of every size that an expression names.
func objects(s *route.Spec, filler, change string) (all []Sample) {
	if !slices.Contains(delivery.Changes(), delivery.Change(change)) {
		change = string(delivery.Finalized)
	}
	facts := factsOf(s)
	for _, size := range append([]int64{1024}, facts.numbers()...) {
		o := delivery.Object{
			Change: delivery.Change(change), Bucket: fill(s.Bucket, filler, "acme-landing"), Name: fill(s.Object, filler, "sales/eu.csv"),
			Generation: number, MessageID: "1", Size: size, Time: moment(), Metadata: facts.members("object.metadata", filler),
			ContentType:  facts.text("object.contentType"),
			Subscription: subscriptionOf(s, filler),
		}
		args := []string{"storage", "gs://" + o.Bucket + "/" + o.Name}
		args = appendUnless(args, "--change", change, string(delivery.Finalized))
		args = appendUnless(args, "--size", strconv.FormatInt(size, 10), "1024")
		args = appendUnless(args, "--content-type", o.ContentType, "")
		args = append(args, pairsOf("--metadata", o.Metadata)...)
		as := delivery.Eventarc
		if len(s.Topic)+len(s.Subscription) > 0 {
			as = delivery.Notification
			args = appendUnless(append(args, "--as", string(as)), "--subscription", fill(s.Subscription, filler, ""), "")
		}
		all = append(all, Sample{Event: o, As: as, Sends: [][]string{args}})
	}
	return all
}

// messages are messages whose data has the members that expressions name.
func messages(s *route.Spec, filler string) (all []Sample) {
	facts := factsOf(s)
	attributes := facts.members("message.attributes", filler)
	for _, a := range s.Attributes {
		attributes[a.Name.Value] = fill(a.Patterns, filler, "")
	}
	for _, data := range facts.data(filler) {
		m := delivery.Message{
			ID: "1", Topic: topicOf(s, filler), Subscription: subscriptionOf(s, filler), PublishTime: moment(), Attributes: attributes,
			Data: []byte(data),
		}
		as, args := delivery.Eventarc, []string{"pubsub", "--data", data}
		args = appendUnless(args, "--topic", fill(s.Topic, filler, ""), "")
		if len(s.Subscription) > 0 {
			as = delivery.Push
			args = append(args, "--as", string(as), "--subscription", fill(s.Subscription, filler, ""))
		}
		all = append(all, Sample{Event: m, As: as, Sends: [][]string{append(args, pairsOf("--attribute", attributes)...)}})
	}
	return all
}

// cloudEvents are any other events.
func cloudEvents(s *route.Spec, filler, eventType string) (all []Sample) {
	facts := factsOf(s)
	for _, data := range facts.data(filler) {
		e := delivery.CloudEvent{
			ID: "1", Type: eventType, Source: fill(s.Source, filler, "//example"), Subject: fill(s.Subject, filler, ""), Time: moment(),
			ContentType: "application/json", Data: []byte(data), Extensions: map[string]string{},
		}
		for _, a := range s.Attributes {
			e.Extensions[strings.ToLower(a.Name.Value)] = fill(a.Patterns, filler, "")
		}
		all = append(all, Sample{Event: e, As: delivery.Eventarc})
	}
	return all
}

// WithID is the event of a sample under another id, so that it is a new one.
func (s Sample) WithID(id string, at time.Time) Sample {
	if e, ok := s.Event.(delivery.CloudEvent); ok {
		e.ID, e.Time = id, at
		s.Event = e
	}
	return s
}

// fill is a text that the first pattern which includes matches; preset without one.
func fill(patterns []route.Text, filler, preset string) string {
	for _, p := range patterns {
		if !strings.HasPrefix(p.Value, "!") {
			return Matching(p.Value, filler)
		}
	}
	return preset
}

// Matching is a text that the pattern matches: each wildcard becomes filler, and so
// does each capture, whose pattern is a wildcard.
func Matching(pattern, filler string) string {
	var b strings.Builder
	for pattern != "" {
		switch end := strings.IndexByte(pattern, '}'); {
		case pattern[0] == '{' && end > 0:
			b.WriteString(filler)
			pattern = pattern[end+1:]
		case pattern[0] == '*':
			b.WriteString(filler)
			pattern = strings.TrimLeft(pattern, "*")
		default:
			b.WriteByte(pattern[0])
			pattern = pattern[1:]
		}
	}
	return b.String()
}

func topicOf(s *route.Spec, filler string) string {
	return fullName("topics", fill(s.Topic, filler, "example"))
}

func subscriptionOf(s *route.Spec, filler string) string {
	return fullName("subscriptions", fill(s.Subscription, filler, "example"))
}

// fullName takes a name alone for one in the project "example".
func fullName(kind, name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "projects/example/" + kind + "/" + name
}

// appendUnless appends a flag, unless its value is preset.
func appendUnless(args []string, flag, value, preset string) []string {
	if value == preset {
		return args
	}
	return append(args, flag, value)
}

// pairsOf are flags for the members of a map, sorted.
func pairsOf(flag string, values map[string]string) (args []string) {
	for name, value := range values {
		args = append(args, fmt.Sprintf("%s=%s", name, value))
	}
	slices.Sort(args)
	var flags []string
	for _, pair := range args {
		flags = append(flags, flag, pair)
	}
	return flags
}
