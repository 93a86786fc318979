// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"strings"

	"example.com/dagtrigger/internal/route"
)

// With [Settings.Pull], a worker pool of Cloud Run stands in the place of the function. It
// runs "dagtrigger pull" on a subscription for each topic, and on those of the operator's
// that routes name. What Pub/Sub does not carry cannot be pulled: Eventarc pushes, and
// Cloud Scheduler calls.

// imagePlaceholder is what to fill in where no image is named.
func (s Settings) imagePlaceholder() string {
	return s.Region + "-docker.pkg.dev/" + s.Project + "/REPOSITORY/dagtrigger:VERSION"
}

// pushed reports whether a route's events are pushed or called, which a worker pool cannot
// take, and adds the gap.
func (f *found) pushed(r *route.Spec, eventType string) bool {
	if !f.settings.Pull {
		return false
	}
	what := "events of the type " + eventType + " are pushed by Eventarc, and nothing can push to a worker pool"
	fix := "have them published to a topic, and add topic: NAME to the route, or plan it apart, without --pull"
	switch place := familyOf(eventType).place; {
	case place == inBucket:
		fix = "add topic: NAME to the route: the plan then creates the topic, and the bucket's notifications to it"
	case strings.HasPrefix(eventType, schedulerTypes):
		what = "its job of Cloud Scheduler calls an address, and a worker pool has none"
		fix = "have the job publish to a topic, and write the route on: message.published, topic: NAME"
	}
	f.gap(r, what, fix)
	return true
}

// pooled is how the worker pool runs.
func (p *Plan) pooled() []Value {
	s := p.Settings
	args := "pull"
	for _, source := range p.Sources {
		args += "," + s.subscription(source.Subscription) + "=projects/" + s.Project + "/topics/" + source.Topic
	}
	for _, own := range p.Subscriptions {
		args += "," + s.subscription(own.Name)
	}
	return []Value{
		{"image", s.Image, "a container that is built already, with the whole command line"},
		{"command", "/dagtrigger", "in place of the image's own, which serves"},
		{"args", args, "each subscription, with the topic by which routes pick its messages"},
		{"service-account", s.RuntimeEmail(), "a separate account, so that it has no role but those below"},
		{"scaling", "1", "it runs all the time; more may pull from the same subscriptions, and Airflow then gets as many times the calls"},
		{"cpu", "1", "it waits for Airflow nearly all its time"},
		{"memory", "512Mi", "it holds at most 32 MiB of messages"},
	}
}

func (s Settings) subscription(name string) string {
	return "projects/" + s.Project + "/subscriptions/" + name
}

// subscriptions are made before anything is published to their topics, and before what
// pulls from them: it ends where one is missing, or is pushed.
func (p *Plan) subscriptions() (steps []Step) {
	if !p.Settings.Pull {
		return nil
	}
	for _, s := range p.Sources {
		steps = append(steps, Step{
			What:   "A subscription to pull from: " + s.String() + ".",
			Unless: gcloud("pubsub", "subscriptions", "describe", s.Subscription, p.project(), "--format=value(name)"),
			Do: gcloud("pubsub", "subscriptions", "create", s.Subscription, p.project(), "--topic="+s.Topic,
				"--labels="+label+"="+p.Settings.Function),
		}, p.deliver(s.Subscription))
	}
	for _, own := range p.Subscriptions {
		steps = append(steps, Step{What: "Have your subscription " + own.Name + " keep its messages until they are pulled.",
			Do: p.StopPush(own.Name)}, p.deliver(own.Name))
	}
	return steps
}

// deliver sets what a subscription leaves unset, whether it pushes or is pulled from.
func (p *Plan) deliver(subscription string) Step {
	return Step{What: "Set how it delivers: deadline, delays, retention, expiration and dead-letter topic.",
		Do: append(gcloud("pubsub", "subscriptions", "update", subscription, p.project(),
			"--dead-letter-topic=projects/"+p.Settings.Project+"/topics/"+p.Settings.Undelivered()), flags(p.Delivery)...)}
}

// subscribers are the roles on the subscriptions that are pulled from.
func (p *Plan) subscribers() (all []Grant) {
	s := p.Settings
	add := func(name string, made bool) {
		on := Resource{"subscription", name}
		all = append(all, Grant{"serviceAccount:" + s.RuntimeEmail(), subscriber, on, "to pull its messages", s.Runtime == ""},
			Grant{pubsubAgent, subscriber, on, "to acknowledge what it moves to " + s.Undelivered(), made})
	}
	for _, source := range p.Sources {
		add(source.Subscription, true)
	}
	for _, own := range p.Subscriptions {
		add(own.Name, false) // it may have been moving messages before
	}
	return all
}

// unpull takes away the worker pool's subscriptions, and what was set on the operator's.
func (p *Plan) unpull() []Undo {
	s := p.Settings
	all := []Undo{{
		What: "the worker pool", Where: p.field("", "metadata.labels."+label), Is: s.Function, Do: p.delete(),
	}}
	for _, source := range p.Sources {
		all = append(all, Undo{
			What:  "the subscription " + source.Subscription + ", and the events that wait there",
			Where: gcloud("pubsub", "subscriptions", "describe", source.Subscription, p.project(), "--format=value(labels."+label+")"),
			Is:    s.Function,
			Do:    gcloud("pubsub", "subscriptions", "delete", source.Subscription, p.project()),
		})
	}
	for _, own := range p.Subscriptions {
		all = append(all, Undo{
			What:  "the dead-letter topic of your subscription " + own.Name + ", which keeps its messages",
			Where: gcloud("pubsub", "subscriptions", "describe", own.Name, p.project(), "--format=value(deadLetterPolicy.deadLetterTopic)"),
			Is:    "projects/" + s.Project + "/topics/" + s.Undelivered(),
			Do:    gcloud("pubsub", "subscriptions", "update", own.Name, p.project(), "--clear-dead-letter-policy"),
		})
		for _, g := range p.Grants {
			if g.Ours && g.On == (Resource{"subscription", own.Name}) {
				all = append(all, p.revoke(g))
			}
		}
	}
	return all
}

// pullNotes are what a worker pool leaves to the operator.
func (p *Plan) pullNotes() []Note {
	s := p.Settings
	return []Note{
		{"Airflow in a VPC is reached by the worker pool's own network, which stays when it is deployed again:",
			gcloud("beta", "run", "worker-pools", "update", s.Function, p.project(), p.region(),
				"--network=NETWORK", "--subnet=SUBNET", "--vpc-egress=private-ranges-only")},
		{"No alert is planned: those of deploy/monitoring look at a function, and at the subscriptions of triggers. Set one on " +
			"oldest_unacked_message_age of the subscriptions above; for the others write the resource type cloud_run_worker_pool in " +
			"place of cloud_run_revision, as deploy/monitoring/README.md says.", nil},
		{"A deployment with triggers for the same topics can stay until this one runs: a message that comes both ways has one run id. " +
			"Not so a message that your subscription and its topic both deliver.", nil},
	}
}

// labelled prints the full names of the subscriptions that carry the function's label.
func (p *Plan) labelled() Command {
	return gcloud("pubsub", "subscriptions", "list", p.project(), "--filter=labels."+label+"="+p.Settings.Function, "--format=value(name)")
}

// flagged is the flag of a plan for a worker pool, after a space.
func (p *Plan) flagged() string {
	if p.Settings.Pull {
		return " --pull"
	}
	return ""
}

// logLabel is the label by which the log names what wrote it.
func (p *Plan) logLabel() string {
	if p.Settings.Pull {
		return "worker_pool_name"
	}
	return "service_name"
}

// cloudRun is a command about the service of Cloud Run, or the worker pool.
func (p *Plan) cloudRun(verb string) Command {
	words := gcloud("run", "services")
	if p.Settings.Pull {
		words = gcloud("beta", "run", "worker-pools")
	}
	return append(words, verb, p.Function.Name, p.project(), p.region())
}

// platform is what the program runs as, in words.
func (s Settings) platform() string {
	if s.Pull {
		return "worker pool"
	}
	return "function"
}
