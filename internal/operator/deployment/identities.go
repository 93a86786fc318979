// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Account is a service account that is made.
type Account struct {
	ID    string `json:"id"` // before the @
	Email string `json:"email"`
	Does  string `json:"does"` // what it does, for its description
}

// Grant is a role that somebody is given.
type Grant struct {
	Member string   `json:"member"` // serviceAccount:EMAIL
	Role   string   `json:"role"`
	On     Resource `json:"on"`
	Why    string   `json:"why"`
	// Ours says that it serves this function alone, so that it may be taken away
	// again: not where its member was there before.
	Ours bool `json:"ours,omitempty"`
}

// Resource is what a role is given on.
type Resource struct {
	Kind string `json:"kind"` // project, topic, bucket, subscription, service or secret
	Name string `json:"name"`
}

// RuntimeEmail is the account that the function runs as.
func (s Settings) RuntimeEmail() string { return cmp.Or(s.Runtime, s.email(s.Function+"-runtime")) }

// InvokerEmail is the account by which events are delivered.
func (s Settings) InvokerEmail() string { return cmp.Or(s.Invoker, s.email(s.Function+"-invoker")) }

func (s Settings) email(id string) string {
	return id + "@" + s.Project + ".iam.gserviceaccount.com"
}

// Google's own accounts in a project, which its number names:
// https://cloud.google.com/iam/docs/service-agents
const (
	numberVariable = "NUMBER"
	pubsubAgent    = "serviceAccount:service-$" + numberVariable + "@gcp-sa-pubsub.iam.gserviceaccount.com"
	storageAgent   = "serviceAccount:service-$" + numberVariable + "@gs-project-accounts.iam.gserviceaccount.com"
)

// accounts are two, so that the account that may call the function is not the
// one that may call Airflow; less those that exist.
func accounts(s Settings) (all []Account) {
	if s.Runtime == "" {
		all = append(all, Account{ID: s.Function + "-runtime", Email: s.RuntimeEmail(), Does: "Runs " + s.Function + ", and calls Airflow"})
	}
	if s.Invoker == "" && !s.Pull { // nobody calls a worker pool
		all = append(all, Account{ID: s.Function + "-invoker", Email: s.InvokerEmail(), Does: "Delivers events to " + s.Function})
	}
	return all
}

// grants are the least roles that the way of an event needs, each at the
// smallest resource that can carry it.
func (p *Plan) grants() []Grant {
	s := p.Settings
	runtime, invoker := "serviceAccount:"+s.RuntimeEmail(), "serviceAccount:"+s.InvokerEmail()
	var all []Grant
	for _, project := range s.composerProjects() {
		all = append(all, Grant{runtime, "roles/composer.user", Resource{"project", project},
			"to look up the environment and call its Airflow; an environment has no separate policy, so the project is the smallest scope",
			s.Runtime == ""})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		on := Resource{"secret", s.Secrets[name]}
		all = append(all, Grant{runtime, "roles/secretmanager.secretAccessor", on, "to read " + name, s.Runtime == ""})
	}
	for _, on := range s.stores() {
		role := "roles/pubsub.publisher"
		if on.Kind == "bucket" {
			role = "roles/storage.objectUser" // a record that is there already is read, and replaced
		}
		all = append(all, Grant{runtime, role, on, "to keep what failed permanently", s.Runtime == ""})
	}
	for _, topic := range s.Outboxes {
		all = append(all, Grant{runtime, "roles/pubsub.publisher", Resource{"topic", topic},
			"to publish the runs of an environment that no request can reach", s.Runtime == ""})
	}
	for _, name := range p.NotifiedTopics() {
		all = append(all, Grant{storageAgent, "roles/pubsub.publisher", Resource{"topic", "projects/" + s.Project + "/topics/" + name},
			"Cloud Storage publishes its notifications there", true})
	}
	for _, bucket := range s.Listed {
		all = append(all, Grant{runtime, "roles/storage.objectViewer", Resource{"bucket", bucket},
			"to list the files of a route with complete, and to read its manifest", s.Runtime == ""})
	}
	all = append(all,
		Grant{pubsubAgent, "roles/pubsub.publisher", Resource{"topic", "projects/" + s.Project + "/topics/" + s.Undelivered()},
			"Pub/Sub itself moves there what it could not deliver", true})
	if s.Pull {
		return append(all, p.subscribers()...)
	}
	all = append(all,
		Grant{invoker, "roles/run.invoker", Resource{"service", s.Function}, "to deliver events: nobody else may call the function", true},
	)
	if p.usesEventarc() {
		all = append(all, Grant{invoker, "roles/eventarc.eventReceiver", Resource{"project", s.Project},
			"to receive the events of its triggers; messages of a topic do not need it", s.Invoker == ""})
	}
	if p.watchesStorage() {
		all = append(all,
			Grant{storageAgent, "roles/pubsub.publisher", Resource{"project", s.Project},
				"Cloud Storage publishes its events to topics that Eventarc makes in the project", false},
		)
	}
	return append(all, Grant{pubsubAgent, subscriber, EverySubscription,
		"to acknowledge what it moves to " + s.Undelivered(), true})
}

const subscriber = "roles/pubsub.subscriber"

// EverySubscription stands for each one that pushes to the function. Its name is
// known once its trigger is made.
var EverySubscription = Resource{"subscription", "behind each trigger"}

// stores are where the function keeps dead letters.
func (s Settings) stores() (all []Resource) {
	if !s.DeadLetter {
		all = append(all, Resource{"topic", "projects/" + s.Project + "/topics/" + s.deadLetters()})
	}
	return append(all, s.named()...)
}

// grant gives the roles that can be given before the function is there, or those
// that cannot.
func (p *Plan) grant(deployed bool) (steps []Step) {
	for _, g := range p.Grants {
		if g.On == EverySubscription || (g.On.Kind == "service") != deployed {
			continue
		}
		steps = append(steps, Step{
			What:  "Give " + p.Who(g.Member) + " " + g.Role + " on the " + g.On.Kind + " " + g.On.Name + ": " + g.Why + ".",
			Retry: RetryForMinutes,
			Do:    p.Bind(g.On, "add-iam-policy-binding", g.Member, g.Role),
		})
	}
	return steps
}

// Bind adds or removes (remove-iam-policy-binding) a role on a resource.
func (p *Plan) Bind(on Resource, verb, member, role string) Command {
	c := append(p.policy(on, verb), "--member="+member, "--role="+role, quiet)
	if on.Kind == "project" {
		c = append(c, "--condition=None")
	}
	return c
}

// policy is a command about the policy of a resource.
func (p *Plan) policy(on Resource, verb string) Command {
	switch on.Kind {
	case "project":
		return gcloud("projects", verb, on.Name)
	case "topic":
		return gcloud("pubsub", "topics", verb, on.Name, p.project())
	case "secret":
		return gcloud("secrets", verb, on.Name, p.project())
	case "subscription":
		return gcloud("pubsub", "subscriptions", verb, on.Name, p.project())
	case "bucket":
		return gcloud("storage", "buckets", verb, "gs://"+on.Name)
	default:
		return gcloud("run", "services", verb, on.Name, p.project(), p.region())
	}
}

// Who is a member for a person.
func (p *Plan) Who(member string) string {
	switch member {
	case pubsubAgent:
		return "Pub/Sub"
	case storageAgent:
		return "Cloud Storage"
	default:
		id, _, _ := strings.Cut(strings.TrimPrefix(member, "serviceAccount:"), "@")
		return id
	}
}

// watchesStorage reports whether a source is a bucket.
func (p *Plan) watchesStorage() bool {
	return slices.ContainsFunc(p.Sources, func(s Source) bool { return s.Bucket != "" })
}

// usesEventarc reports whether a source has events that Eventarc makes.
func (p *Plan) usesEventarc() bool {
	return slices.ContainsFunc(p.Sources, func(s Source) bool { return s.Topic == "" })
}

// apis are those whose resources are made, or that are asked on the way.
func (p *Plan) apis() []API {
	var all []API
	if p.Settings.Image == "" {
		all = []API{
			{"artifactregistry.googleapis.com", "keeps the function's image"},
			{"cloudbuild.googleapis.com", "builds it"},
			{"cloudfunctions.googleapis.com", "deploys the function"},
		}
	}
	all = append(all, []API{
		{"cloudresourcemanager.googleapis.com", "has the project's number and its policy"},
		{"eventarc.googleapis.com", "holds the triggers"},
		{"iam.googleapis.com", "holds the service accounts"},
		{"logging.googleapis.com", "keeps the log"},
		{"monitoring.googleapis.com", "holds the alerts"},
		{"pubsub.googleapis.com", "carries the events"},
		{"run.googleapis.com", "runs the " + p.Settings.platform()},
	}...)
	if p.Settings.Pull {
		all = slices.DeleteFunc(all, func(a API) bool {
			return a.Name == "eventarc.googleapis.com" || a.Name == "monitoring.googleapis.com"
		})
	}
	for _, s := range p.Sources {
		if api := familyOf(s.Type).api; api.Name != "" && !slices.Contains(all, api) {
			all = append(all, api)
		}
	}
	if !p.watchesStorage() && slices.ContainsFunc(p.Grants, func(g Grant) bool { return g.On.Kind == "bucket" || g.Member == storageAgent }) {
		all = append(all, API{"storage.googleapis.com", "holds the buckets of the routes"})
	}
	if len(p.Jobs) > 0 {
		all = append(all, API{"cloudscheduler.googleapis.com", "holds the jobs"})
	}
	if len(p.Settings.Secrets) > 0 {
		all = append(all, API{"secretmanager.googleapis.com", "keeps the secrets"})
	}
	return all
}
