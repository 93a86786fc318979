// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"slices"
	"strings"
)

// Step is one command of the deployment. The order matters: each step needs
// what those before it have made.
type Step struct {
	What string // what it does, in one line
	// Sets is the variable that takes the command's output; empty for a command
	// that makes something.
	Sets string
	Do   Command
	// Else is what the variable is set to where Do fails, if it has no value
	// already; empty where neither may be.
	Else string
	// Unless prints something where the thing is there already, so that making it
	// would fail. Nil where Do may be repeated.
	Unless Command
	// Where Do prints nothing, the script ends with Missing, and Create to be run by
	// hand. Empty where that does not matter.
	Missing string
	Create  []Command
	Retry   Retry
}

// Retry is how often a step is tried: it fails until Google's systems know
// everywhere what an earlier step has made.
type Retry byte

// The retries. Once is for what takes minutes itself.
const (
	NoRetry Retry = iota
	RetryOnce
	RetryForMinutes
)

// Steps are the commands in their order.
func (p *Plan) Steps() []Step {
	var all []Step
	for _, part := range [][]Step{
		p.prepare(), p.require(), p.makeAccounts(), p.makeTopics(), p.makeNotified(), p.subscriptions(), p.grant(false), p.Deploy(),
		p.grant(true), p.adjustOwn(), p.trigger(), p.notifications(), p.address(), p.push(), p.schedules(), p.watch(),
	} {
		all = append(all, part...)
	}
	return all
}

// project is the flag that says where.
func (p *Plan) project() string { return "--project=" + p.Settings.Project }
func (p *Plan) region() string  { return "--region=" + p.Settings.Region }

// label marks what can carry a label with the function's name, so that it is
// known again.
const label = "dagtrigger"

// versionVariable holds the version of the source.
const versionVariable = "VERSION"

// quiet keeps a command from printing all that it has met: a policy, or
// settings that may hold a secret.
const quiet = "--format=none"

// configVariable holds the text of the routes, and shadowVariable that of the shadow file.
const (
	configVariable = "CONFIG"
	shadowVariable = "SHADOW"
)

func (p *Plan) prepare() []Step {
	names := gcloud("services", "enable")
	for _, api := range p.APIs {
		names = append(names, api.Name)
	}
	steps := []Step{
		{What: "Turn on the APIs that are used. They stay on.", Do: append(names, p.project())},
		{What: "The project's number, which Google's own accounts are named by.", Sets: numberVariable,
			Do: gcloud("projects", "describe", p.Settings.Project, "--format=value(projectNumber)")},
		{What: "Make sure of the account that Pub/Sub acts by.",
			Do: gcloud("beta", "services", "identity", "create", "--service=pubsub.googleapis.com", p.project())},
	}
	if p.watchesStorage() || len(p.Notifications) > 0 {
		steps = append(steps,
			Step{What: "Make sure of the account that Cloud Storage acts by.", Do: gcloud("storage", "service-agent", p.project())})
	}
	if p.usesEventarc() {
		steps = append(steps,
			Step{What: "Make sure of the account that Eventarc acts by.",
				Do: gcloud("beta", "services", "identity", "create", "--service=eventarc.googleapis.com", p.project())})
	}
	return steps
}

func (p *Plan) makeAccounts() (steps []Step) {
	for _, a := range p.Accounts {
		steps = append(steps, p.CreateAccount(a))
	}
	return steps
}

// CreateAccount creates an account of the plan.
func (p *Plan) CreateAccount(a Account) Step {
	return Step{
		What:   "The account " + a.ID + ": " + lower(a.Does) + ".",
		Unless: p.describe(a),
		Do: gcloud("iam", "service-accounts", "create", a.ID, p.project(),
			"--display-name="+a.ID, "--description="+a.Does),
	}
}

// describe prints an account's description, by which it is recognised.
func (p *Plan) describe(a Account) Command {
	return gcloud("iam", "service-accounts", "describe", a.Email, p.project(), "--format=value(description)")
}

func (p *Plan) makeTopics() (steps []Step) {
	for _, t := range p.Topics {
		steps = append(steps, p.CreateTopic(t)...)
	}
	return steps
}

// CreateTopic creates a topic of the plan, and then the subscription that keeps its
// messages.
func (p *Plan) CreateTopic(t Topic) []Step {
	labels := "--labels=" + label + "=" + p.Settings.Function
	return []Step{{
		What:   "The topic " + t.Name + ": " + t.Why + ".",
		Unless: gcloud("pubsub", "topics", "describe", t.Name, p.project(), "--format=value(name)"),
		Do:     gcloud("pubsub", "topics", "create", t.Name, p.project(), labels),
	}, {
		What:   "Its subscription, which keeps what is published there.",
		Unless: gcloud("pubsub", "subscriptions", "describe", t.Name, p.project(), "--format=value(name)"),
		Do:     append(gcloud("pubsub", "subscriptions", "create", t.Name, p.project(), "--topic="+t.Name, labels), flags(Kept())...),
	}}
}

// Deploy deploys the function with all its settings, and the first source as its own
// trigger.
func (p *Plan) Deploy() []Step {
	f, s := p.Function, p.Settings
	routes := []Step{{What: "The routes, which are a setting of the function.", Sets: configVariable, Do: Command{"cat", s.Routes}}}
	if s.Shadow != "" {
		routes = append(routes, Step{
			What: "The shadow file, which is another: it starts nothing.", Sets: shadowVariable, Do: Command{"cat", s.Shadow},
		})
	}
	if s.Pull {
		return append(routes, Step{What: "The worker pool, which pulls from the subscriptions.", Retry: RetryOnce,
			Do: append(gcloud("beta", "run", "worker-pools", "deploy", f.Name), p.settings()...)})
	}
	if s.Image != "" {
		words := append(gcloud("run", "deploy", f.Name), p.settings()...)
		words = append(words, "--no-allow-unauthenticated")
		return append(routes, Step{What: "The function, as a service of Cloud Run.", Do: words, Retry: RetryOnce})
	}
	version := Step{What: "The version, as the repository has it.", Sets: versionVariable, Else: "unknown",
		Do: Command{"git", "-C", s.Source, "describe", "--tags", "--always", "--dirty"}}
	words := append(gcloud("functions", "deploy", f.Name, "--gen2"), p.settings()...)
	own, _ := p.Triggers()
	if len(own) == 0 {
		words = append(words, "--trigger-http", "--no-allow-unauthenticated")
		return append(routes, version, Step{What: "The function, which is called by what is made below alone.", Do: words, Retry: RetryOnce})
	}
	words = append(words, "--retry", "--trigger-service-account="+s.InvokerEmail(), "--trigger-location="+p.location(own[0]))
	words = append(words, own[0].filters("--trigger-event-filters", "--trigger-topic")...)
	return append(append(append(routes, version), p.locate(own[0])...),
		Step{What: "The function, with its first trigger: " + own[0].String() + ".", Do: words, Retry: RetryOnce})
}

// settings are the flags by which the function is what it is.
func (p *Plan) settings() []string {
	f := p.Function
	words := append([]string{p.project(), p.region()}, flags(f.Values)...)
	words = append(words, quiet, "--update-labels="+label+"="+f.Name, "--set-env-vars="+joined(f.Variables))
	if len(f.Secrets) > 0 {
		words = append(words, "--set-secrets="+joined(f.Secrets))
	}
	return words
}

// field is the query for a field of the function, which a function and a
// service of Cloud Run have by other names.
func (p *Plan) field(function, service string) Command {
	if p.Settings.Image != "" {
		return append(p.cloudRun("describe"), "--format=value("+service+")")
	}
	return gcloud("functions", "describe", p.Function.Name, "--gen2", p.project(), p.region(), "--format=value("+function+")")
}

// filters are the flags that say what a trigger watches.
func (s Source) filters(filter, topic string) []string {
	if s.Topic != "" {
		return []string{topic + "=" + s.Topic}
	}
	words := []string{filter + "=type=" + s.Type}
	for _, f := range s.Criteria() {
		flag := filter
		if f.Pattern {
			flag += "-path-pattern"
		}
		words = append(words, flag+"="+f.String())
	}
	return words
}

// locationVariable holds where the bucket or the database is whose trigger is made next.
const locationVariable = "LOCATION"

// location is where a source's trigger has to be.
func (p *Plan) location(s Source) string {
	place := familyOf(s.Type).place
	known := cmp.Or(p.Settings.Locations[s.Bucket], p.Settings.TypeLocations[s.Type])
	switch {
	case s.Topic != "":
		return p.Settings.Region
	case place == inChannel:
		return strings.Split(s.Channel, "/")[3]
	case known != "":
		return known
	case place == global:
		return "global"
	case place == inRegion:
		return p.Settings.Region
	default:
		return "$" + locationVariable
	}
}

// locate looks up where a bucket or a database is, where that is not known.
func (p *Plan) locate(s Source) []Step {
	if p.location(s) != "$"+locationVariable {
		return nil
	}
	what := "the bucket " + s.Bucket
	do := gcloud("storage", "buckets", "describe", "gs://"+s.Bucket, p.project(), "--format=value(location.lower())")
	if s.Bucket == "" {
		database := s.Filters[0].Value // a trigger for documents filters by it first
		what, do = "the database "+database, gcloud("firestore", "databases", "describe", "--database="+database, p.project(),
			"--format=value(locationId)")
	}
	return []Step{{What: "Where " + what + " is: its trigger has to be there.", Sets: locationVariable, Do: do}}
}

// trigger makes the triggers of the further sources, and sets how each delivers.
func (p *Plan) trigger() (steps []Step) {
	if p.Settings.Pull {
		return nil
	}
	_, further := p.Triggers()
	for _, s := range further {
		steps = append(steps, p.CreateTrigger(s)...)
	}
	return steps
}

// CreateTrigger creates the trigger of a further source, and sets how it delivers.
func (p *Plan) CreateTrigger(s Source) []Step {
	at := "--location=" + p.location(s)
	words := append(gcloud("eventarc", "triggers", "create", s.Trigger, p.project(), at), p.leads()...)
	words = append(words, "--labels="+label+"="+p.Settings.Function)
	if s.Topic != "" {
		words = append(words, "--event-filters=type="+messagePublished)
	}
	if s.Channel != "" {
		words = append(words, "--channel="+s.Channel)
	}
	if s.ContentType() != "" {
		words = append(words, "--event-data-content-type="+s.ContentType())
	}
	steps := append(p.locate(s), Step{
		What: "A trigger: " + s.String() + ".", Retry: RetryForMinutes,
		Unless: gcloud("eventarc", "triggers", "describe", s.Trigger, p.project(), at, "--format=value(name)"),
		Do:     append(words, s.filters("--event-filters", "--transport-topic")...),
	})
	return append(steps, p.adjust(s.Trigger, at)...)
}

// leads are the flags that say where a trigger delivers, and as whom.
func (p *Plan) leads() []string {
	return []string{"--destination-run-service=" + p.Settings.Function, "--destination-run-region=" + p.Settings.Region,
		"--service-account=" + p.Settings.InvokerEmail()}
}

// Triggers are the source of the function's own trigger, and those that have one
// apart from it.
func (p *Plan) Triggers() (own, further []Source) {
	for i, s := range p.Sources {
		if p.Settings.Image == "" && familyOf(s.Type).own && s.Trigger == "" {
			return p.Sources[i : i+1], slices.Concat(p.Sources[:i], p.Sources[i+1:])
		}
	}
	return nil, p.Sources
}

// The variables that hold a trigger's name, and that of the subscription which
// Eventarc has hidden behind it.
const (
	triggerVariable      = "TRIGGER"
	subscriptionVariable = "SUBSCRIPTION"
)

// adjustOwn sets how the subscription behind the function's own trigger delivers.
func (p *Plan) adjustOwn() []Step {
	if own, _ := p.Triggers(); len(own) == 0 {
		return nil
	}
	return append([]Step{{What: "The trigger that came with the function.", Sets: triggerVariable,
		Do: p.field("eventTrigger.trigger", "")}},
		p.adjust("$"+triggerVariable)...)
}

// adjust sets on the subscription that Eventarc made for a trigger what Eventarc
// leaves unset.
func (p *Plan) adjust(trigger ...string) []Step {
	describe := append(gcloud("eventarc", "triggers", "describe"), trigger...)
	return append([]Step{{What: "The subscription that Eventarc has made for it.", Sets: subscriptionVariable,
		Do: append(describe, p.project(), "--format=value(transport.pubsub.subscription)")}}, p.Hold("$"+subscriptionVariable)...)
}

// Hold sets how a subscription delivers, and where it puts what it cannot.
func (p *Plan) Hold(subscription string) []Step {
	return []Step{
		{What: "Allow Pub/Sub to acknowledge what it moves to " + p.Settings.Undelivered() + ".",
			Do: gcloud("pubsub", "subscriptions", "add-iam-policy-binding", subscription, p.project(),
				"--member="+pubsubAgent, "--role="+subscriber, quiet)},
		p.deliver(subscription),
	}
}

// urlVariable holds the function's address.
const urlVariable = "URL"

// address looks up the function's address, for what calls it without a trigger.
func (p *Plan) address() []Step {
	if len(p.Subscriptions)+len(p.Jobs) == 0 || p.Settings.Pull {
		return nil
	}
	return []Step{{What: "The function's address.", Sets: urlVariable, Do: p.field("serviceConfig.uri", "status.url")}}
}

// push points the operator's own subscriptions at the function.
func (p *Plan) push() (steps []Step) {
	if p.Settings.Pull {
		return nil
	}
	for _, s := range p.Subscriptions {
		steps = append(steps, p.Push(s, "$"+urlVariable))
		steps = append(steps, p.Hold(s.Name)...)
	}
	return steps
}

// Push has a subscription of the operator's push to an address.
func (p *Plan) Push(s Subscription, address string) Step {
	return Step{
		What: "Have your subscription " + s.Name + " push to it.",
		Do: gcloud("pubsub", "subscriptions", "modify-push-config", s.Name, p.project(),
			"--push-endpoint="+address, "--push-auth-service-account="+p.Settings.InvokerEmail()),
	}
}

// watch makes the alerts, and the metrics that they look at.
func (p *Plan) watch() (steps []Step) {
	if len(p.Alerts) == 0 {
		return nil
	}
	for _, m := range metrics(p.Settings.Source) {
		steps = append(steps, Step{
			What:   "A metric of the log: " + m.Why + ".",
			Unless: gcloud("logging", "metrics", "describe", m.Name, p.project(), "--format=value(name)"),
			Do:     gcloud("logging", "metrics", "create", m.Name, p.project(), "--config-from-file="+m.File),
		})
	}
	for _, a := range p.Alerts {
		list := gcloud("alpha", "monitoring", "policies", "list", p.project(), "--format=value(name)",
			"--filter=userLabels.app=dagtrigger AND userLabels.alert="+a.Name)
		words := gcloud("alpha", "monitoring", "policies", "create", p.project(), "--policy-from-file="+a.File,
			"--user-labels=app=dagtrigger,alert="+a.Name+","+label+"="+p.Settings.Function)
		if p.Settings.Channel != "" {
			words = append(words, "--notification-channels="+p.Settings.Channel)
		}
		steps = append(steps, Step{What: "An alert: " + a.Why + ".", Unless: list, Do: words, Retry: RetryForMinutes})
	}
	return steps
}

func lower(text string) string { return strings.ToLower(text[:1]) + text[1:] }
