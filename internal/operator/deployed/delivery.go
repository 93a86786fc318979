// SPDX-License-Identifier: Apache-2.0

package deployed

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dagtrigger/internal/operator/deployment"
	"example.com/dagtrigger/internal/operator/gcp"
)

// triggers compares what each trigger watches, where it delivers and as whom.
func (c *comparison) triggers() {
	own, further := c.plan.Triggers()
	c.ownTrigger(own)
	c.resource = "triggers"
	found, err := c.Cloud.Triggers(c.ctx, c.plan.Settings.Project)
	if err != nil && len(c.plan.Sources) == 0 {
		return // Eventarc is not used, and its API may be off
	}
	if !c.reads(err, "all triggers", "", eventarcViewer) {
		return
	}
	for _, s := range further {
		c.trigger(s, found)
	}
	for i := range found {
		t := &found[i]
		isOwn := c.deployed.EventTrigger != nil && c.deployed.EventTrigger.Trigger == t.Name
		planned := slices.ContainsFunc(further, func(s deployment.Source) bool { return s.Trigger == path.Base(t.Name) })
		if !isOwn && !planned && !t.Delivers(c.plan.Settings.Function) {
			continue
		}
		if hidden := t.Transport.PubSub.Subscription; !slices.Contains(c.hidden, hidden) {
			c.hidden = append(c.hidden, hidden)
		}
		if c.resource = "trigger " + path.Base(t.Name); !isOwn && !planned && c.knowsOwn() {
			c.add("the trigger", watched(t.EventFilters, t.Transport.PubSub.Topic), "", Unplanned, c.plan.DeleteTrigger(t.Name).String())
		}
	}
}

// knowsOwn reports whether it is known which trigger came with the function.
func (c *comparison) knowsOwn() bool { return c.plan.Settings.Image != "" || c.deployed.Name != "" }

// ownTrigger compares the trigger that came with the function.
func (c *comparison) ownTrigger(own []deployment.Source) {
	if c.deployed.Name == "" {
		return // it has a row already
	}
	c.resource = "function " + c.plan.Settings.Function
	fix := c.shell(c.plan.Deploy()...)
	t := c.deployed.EventTrigger
	switch {
	case t == nil && len(own) == 0:
	case t == nil:
		c.add("trigger", "", own[0].String(), Missing, fix...)
	case len(own) == 0:
		c.add("trigger", watched(t.EventFilters, t.PubSubTopic), "", Unplanned, fix...)
	default:
		filters := append(slices.Clone(t.EventFilters), gcp.EventFilter{Attribute: "type", Value: t.EventType})
		c.watches(own[0], filters, t.PubSubTopic, fix)
		c.compare("trigger retries", map[string]string{"RETRY_POLICY_RETRY": "yes"}[t.RetryPolicy], "yes", fix...)
		c.compare("trigger account", t.ServiceAccountEmail, c.plan.Settings.InvokerEmail(), fix...)
	}
}

// trigger compares the trigger of a further source.
func (c *comparison) trigger(s deployment.Source, found []gcp.Trigger) {
	c.resource = "trigger " + s.Trigger
	create := c.shell(c.plan.CreateTrigger(s)...)
	at := slices.IndexFunc(found, func(t gcp.Trigger) bool { return path.Base(t.Name) == s.Trigger })
	if at < 0 {
		c.add("the trigger", "", s.String(), Missing, create...)
		return
	}
	t, settings := &found[at], c.plan.Settings
	// What a trigger watches is set when it is created.
	again := append([]string{c.plan.DeleteTrigger(t.Name).String()}, create...)
	c.watches(s, t.EventFilters, t.Transport.PubSub.Topic, again)
	if s.ContentType() != "" {
		c.compare("event-data-content-type", t.EventDataContentType, s.ContentType(), again...)
	}
	if s.Channel != "" {
		c.compare("channel", t.Channel, s.Channel, again...)
	}
	point := c.plan.Point(t.Name).String()
	run := t.Destination.CloudRun
	c.compare("delivers to", strings.Trim(run.Service+" in "+run.Region, " in"), settings.Function+" in "+settings.Region, point)
	c.compare("account", t.ServiceAccount, settings.InvokerEmail(), point)
}

// watches compares what a trigger watches.
func (c *comparison) watches(s deployment.Source, filters []gcp.EventFilter, topic string, fix []string) {
	is := map[string]string{}
	for _, f := range filters {
		is[f.Attribute] = shown(f.Value, f.Operator != "")
	}
	planned := slices.Concat([]deployment.Filter{{Attribute: "type", Value: s.Type}}, s.Criteria())
	for _, f := range planned {
		c.compare(f.Attribute, is[f.Attribute], shown(f.Value, f.Pattern), fix...)
		delete(is, f.Attribute)
	}
	for _, more := range slices.Sorted(maps.Keys(is)) {
		c.compare(more, is[more], "", fix...)
	}
	if s.Topic != "" {
		c.compare("topic", topic, "projects/"+c.plan.Settings.Project+"/topics/"+s.Topic, fix...)
	}
}

// shown is what an attribute must be, for a person: a path pattern is another filter
// than a value of the same text.
func shown(value string, isPattern bool) string {
	if isPattern {
		return "the pattern " + value
	}
	return value
}

// watched is what a trigger watches, for a person.
func watched(filters []gcp.EventFilter, topic string) string {
	var words []string
	for _, f := range filters {
		if f.Attribute == "bucket" {
			return "gs://" + f.Value
		}
		words = append(words, f.Attribute+"="+f.Value)
	}
	return cmp.Or(topic, strings.Join(words, ", "), "it is there")
}

// subscriptions compares how each subscription delivers that pushes to the function.
func (c *comparison) subscriptions() {
	s := c.plan.Settings
	for _, name := range c.hidden {
		var found gcp.Subscription
		c.resource = "subscription " + path.Base(name)
		if c.reads(c.Cloud.PubSub(c.ctx, name, &found), "the subscription", "of a trigger", pubsubViewer) {
			c.holds(&found, path.Base(name))
		}
	}
	for _, own := range c.plan.Subscriptions {
		var found gcp.Subscription
		c.resource = "subscription " + own.Name
		create := append([]string{c.plan.CreateSubscription(own).String()},
			c.shell(append([]deployment.Step{c.plan.Push(own, c.service.URI)}, c.plan.Hold(own.Name)...)...)...)
		err := c.Cloud.PubSub(c.ctx, "projects/"+s.Project+"/subscriptions/"+own.Name, &found)
		if c.reads(err, "the subscription", own.Name, pubsubViewer, create...) {
			c.pushes(&found, own)
			c.holds(&found, own.Name)
		}
	}
	c.resource = "subscriptions"
	all, err := c.Cloud.Subscriptions(c.ctx, s.Project)
	if !c.reads(err, "all subscriptions", "", pubsubViewer) {
		return
	}
	for i := range all {
		name := path.Base(all[i].Name)
		planned := slices.ContainsFunc(c.plan.Subscriptions, func(own deployment.Subscription) bool { return own.Name == name })
		if !all[i].Delivers(s.Function) || planned || strings.HasPrefix(name, "eventarc-") {
			continue
		}
		c.resource = "subscription " + name
		if len(s.Elsewhere) > 0 {
			c.info("pushes", "to the function")
			continue
		}
		c.add("pushes", "to the function", "", Unplanned, c.plan.StopPush(name).String())
	}
}

// pushes compares where a subscription of the operator's pushes, and as whom.
func (c *comparison) pushes(found *gcp.Subscription, own deployment.Subscription) {
	to := cmp.Or(c.service.URI, "the function")
	push := c.shell(c.plan.Push(own, to))
	c.judge("pushes to", found.PushConfig.Endpoint, to, found.Delivers(c.plan.Settings.Function) ||
		slices.Contains(append(c.service.URLs, c.service.URI), found.PushConfig.Endpoint), push...)
	c.compare("account", found.PushConfig.OIDCToken.ServiceAccountEmail, c.plan.Settings.InvokerEmail(), push...)
}

// holds compares how a subscription delivers, and where it puts what it cannot.
func (c *comparison) holds(found *gcp.Subscription, name string) {
	steps := c.shell(c.plan.Hold(name)...)
	allow, set := steps[0], steps[1]
	is := delivers(found)
	for _, v := range c.plan.Delivery {
		c.compare(v.Name, is[v.Name], v.Value, set)
	}
	s := c.plan.Settings
	c.compare("dead-letter-topic", is["dead-letter-topic"], "projects/"+s.Project+"/topics/"+s.Undelivered(), set)
	for _, g := range c.plan.Grants {
		if g.On == deployment.EverySubscription {
			g.On.Name = found.Name
			c.role(g, allow)
		}
	}
}

// delivers is how a subscription delivers, in the words of gcloud's flags.
func delivers(s *gcp.Subscription) map[string]string {
	is := map[string]string{
		"ack-deadline": strconv.Itoa(s.AckDeadlineSeconds), "message-retention-duration": days(s.MessageRetentionDuration),
		"expiration-period": "31d", // what Pub/Sub presets
	}
	if s.ExpirationPolicy != nil {
		is["expiration-period"] = cmp.Or(days(s.ExpirationPolicy.TTL), "never")
	}
	if p := s.RetryPolicy; p != nil {
		is["min-retry-delay"], is["max-retry-delay"] = p.MinimumBackoff, p.MaximumBackoff
	}
	if p := s.DeadLetterPolicy; p != nil {
		is["dead-letter-topic"], is["max-delivery-attempts"] = p.DeadLetterTopic, strconv.Itoa(p.MaxDeliveryAttempts)
	}
	return is
}

// days is a duration of Google's, such as 604800s, in whole days where it is that.
func days(text string) string {
	const day = 24 * time.Hour
	if d, err := time.ParseDuration(text); err == nil && d > 0 && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return text
}

// notifications compares what buckets publish to the topics of routes.
func (c *comparison) notifications() {
	for _, n := range c.plan.Notifications {
		c.resource = "bucket " + n.Bucket
		what, planned := "notifications of "+n.Change(), "to the topic "+n.Topic
		create := c.shell(c.plan.Notify(n))
		found, err := c.Cloud.Notifications(c.ctx, n.Bucket)
		if !c.reads(err, what, planned, bucketViewer) {
			continue
		}
		deployed := ""
		for _, one := range found {
			all := len(one.EventTypes) == 0 || slices.Contains(one.EventTypes, n.Change())
			if strings.TrimPrefix(one.Topic, "//pubsub.googleapis.com/") != "projects/"+c.plan.Settings.Project+"/topics/"+n.Topic || !all {
				continue
			}
			if deployed = planned; one.Prefix == "" {
				break
			}
			deployed += ", only below " + one.Prefix
		}
		c.compare(what, deployed, planned, create...)
	}
}

// topics compares those that keep what could not be delivered, and those of
// notifications.
func (c *comparison) topics() {
	in := "projects/" + c.plan.Settings.Project
	for _, t := range c.plan.Topics {
		c.resource = "topic " + t.Name
		create := c.shell(c.plan.CreateTopic(t)...)
		var topic struct{}
		if c.reads(c.Cloud.PubSub(c.ctx, in+"/topics/"+t.Name, &topic), "the topic", t.Name, pubsubViewer, create[0]) {
			c.compare("the topic", t.Name, t.Name)
		}
		var s gcp.Subscription
		if !c.reads(c.Cloud.PubSub(c.ctx, in+"/subscriptions/"+t.Name, &s), "its subscription", t.Name, pubsubViewer, create[1]) {
			continue
		}
		is := delivers(&s)
		for _, v := range deployment.Kept() {
			c.compare("its "+v.Name, is[v.Name], v.Value, c.plan.KeepMessages(t).String())
		}
	}
	for _, name := range c.plan.NotifiedTopics() {
		c.resource = "topic " + name
		var topic struct{}
		create := c.shell(c.plan.CreateNotified(name))
		if c.reads(c.Cloud.PubSub(c.ctx, in+"/topics/"+name, &topic), "the topic", name, pubsubViewer, create...) {
			c.compare("the topic", name, name)
		}
	}
}
