// SPDX-License-Identifier: Apache-2.0

// Package deployment implements the plan of what must exist in Google Cloud for a
// routes file: one function, a trigger for each source that the routes name, two
// service accounts with the least roles, the topics that keep what could not be
// delivered, and the alerts. It returns all of that as data ([Plan]), as steps in
// their order with reasons ([Plan.Steps]), as text, as commands and as scripts.
//
//	plan := deployment.New(deployment.Settings{Project: "acme", Region: "europe-west1"}, file.Routes)
//	if len(plan.Gaps) > 0 {
//		…
//	}
//	fmt.Print(plan.Text())
//
// Every value in it has its reason beside it, for a person; the commands, the
// scripts and the Terraform module follow this data.
//
// The package never runs a command, reads a file or sends a request: what only
// Google knows, such as a project's number, is a look-up among the steps.
package deployment

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dagtrigger/internal/route"
)

// Settings are what the operator decides. A zero field stands for a placeholder
// in capitals, such as PROJECT, or for the default that its comment names.
type Settings struct {
	Project  string
	Region   string
	Function string // the function's name, and the beginning of all other names; "dagtrigger"
	// Runtime and Invoker are the e-mails of accounts that there are already: the
	// one that the function runs as, and the one by which events are delivered.
	// Where they are empty, accounts are made.
	Runtime, Invoker string
	// Call is the longest that a call to Airflow may take, where that is not the
	// default.
	Call time.Duration
	// Composer are the environments that the function calls,
	// projects/P/locations/L/environments/E. Connected says that the file of routes
	// or Variables name the Airflow, so that none is needed.
	Composer  []string
	Connected bool
	// Outboxes are the topics that runs are published to, projects/P/topics/T.
	Outboxes []string
	// Proxied says that Identity-Aware Proxy is in front of Airflow.
	Proxied bool
	// Variables are further settings of the function, by name.
	Variables map[string]string
	// Secrets are settings, by name or by the path of a file, whose value is a
	// secret of Secret Manager.
	Secrets map[string]string
	// Routes is the path of the file of routes, and Digest the SHA-256 of its
	// text, in hex.
	Routes, Digest string
	// Shadow is the path of the routes file that is tried beside Routes; empty for none.
	Shadow string
	// Source is the folder of a clone of the repository; "." is this one.
	Source string
	// DeadLetter and GiveUpAfter say whether the file or Variables say where dead
	// letters go and when an event becomes one, and Stores are all addresses of dead
	// letters in them.
	DeadLetter, GiveUpAfter bool
	Stores                  []string
	// Listed are the buckets that routes with complete list: [New] finds them.
	Listed []string
	// Image is a container of the function, to deploy in place of the source; empty
	// for a function that the platform builds.
	Image string
	// Pull plans a worker pool that pulls from Pub/Sub, in place of the function that
	// triggers push to. It runs Image.
	Pull bool
	// Buckets and Topics are those that exist, for routes that have a pattern.
	Buckets, Topics []string
	// Locations are the locations of buckets, in lower case. That of any other
	// bucket is looked up.
	Locations map[string]string
	// TypeLocations are the locations of the triggers for event types, in lower case. A
	// type that is not in it has those of its family: see deploy/sources.md.
	TypeLocations map[string]string
	// Channels are the channels of event types that are not Google's, each
	// projects/P/locations/L/channels/C.
	Channels map[string]string
	// Schedules are those of jobs of Cloud Scheduler by their names, in cron's format, and
	// TimeZone is the zone of all of them; "Etc/UTC".
	Schedules map[string]string
	TimeZone  string
	// Elsewhere are routes whose events are sent by something that is not planned here.
	Elsewhere []string
	// Channel is the notification channel of the alerts; empty for none.
	Channel string
}

// Plan is what must exist, and why.
type Plan struct {
	Settings Settings `json:"-"`

	APIs          []API          `json:"apis"`
	Accounts      []Account      `json:"accounts"`
	Grants        []Grant        `json:"grants"`
	Preconditions []Precondition `json:"preconditions"`
	Topics        []Topic        `json:"topics"`
	Function      Function       `json:"function"`
	Sources       []Source       `json:"sources"`
	Notifications []Notification `json:"notifications"`
	Subscriptions []Subscription `json:"subscriptions"`
	Jobs          []Job          `json:"jobs"`
	Delivery      []Value        `json:"delivery"` // of every subscription that pushes to the function
	Alerts        []Alert        `json:"alerts"`
	Notes         []Note         `json:"notes"`
	// Gaps are the routes that get no events, or cannot list their files. A plan with
	// one must not be carried out.
	Gaps []Gap `json:"gaps"`
}

// API is an API of Google Cloud that is used.
type API struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Value is a setting of a resource as a flag of gcloud without its dashes, and
// why it has that value.
type Value struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

// Note is what the operator should know, and a command where one belongs to it.
type Note struct {
	Text    string  `json:"text"`
	Command Command `json:"command,omitempty"`
}

// Gap is a route for which no trigger can be made, or whose bucket is not known.
type Gap struct {
	Route string `json:"route"`
	What  string `json:"what"`
	Fix   string `json:"fix"`
}

// String is the gap in one line.
func (g Gap) String() string { return "the route " + g.Route + ": " + g.What + ": " + g.Fix }

// New plans the deployment of valid routes.
func New(s Settings, routes []route.Spec) Plan {
	s = s.withDefaults()
	f := find(s, routes)
	s.Listed = f.listed
	return build(s, f)
}

// build plans what the routes were found to need. Nothing of it depends on what
// the names in s are, so that each may be a variable of a script.
func build(s Settings, f found) Plan {
	p := Plan{
		Settings: s, Sources: slices.Clone(f.sources), Notifications: f.notifications, Subscriptions: f.subscriptions, Gaps: f.gaps,
		Jobs:     f.scheduledJobs,
		Accounts: accounts(s), Topics: topics(s), Delivery: delivery(s),
	}
	if !s.Pull {
		p.Alerts = alerts(s.Source)
	}
	own, _ := p.Triggers()
	for i := range p.Sources {
		name := s.Function + "-" + p.Sources[i].name()
		switch isOwn := len(own) > 0 && &own[0] == &p.Sources[i]; {
		case s.Pull:
			p.Sources[i].Subscription = name
		case !isOwn:
			p.Sources[i].Trigger = name
		}
	}
	p.Grants = p.grants()
	p.APIs = p.apis()
	p.Preconditions = p.preconditions()
	p.Function = p.function()
	p.Notes = slices.Concat(p.notes(), p.published(f.objects), p.held(f.holding))
	return p
}

// DefaultFunction is the function's name where no other is given.
const DefaultFunction = "dagtrigger"

// withDefaults puts placeholders where something was left out.
func (s Settings) withDefaults() Settings {
	or := func(value *string, preset string) {
		if *value == "" {
			*value = preset
		}
	}
	or(&s.Project, "PROJECT")
	or(&s.Region, "REGION")
	or(&s.Function, DefaultFunction)
	or(&s.Routes, "routes.yaml")
	or(&s.Source, ".")
	or(&s.TimeZone, DefaultTimeZone)
	if s.Pull {
		or(&s.Image, s.imagePlaceholder())
	}
	if len(s.Composer) == 0 && !s.Connected {
		s.Composer = []string{"projects/" + s.Project + "/locations/" + s.Region + "/environments/ENVIRONMENT"}
	}
	return s
}

// variables are the settings of the function.
func (s Settings) variables() []Value {
	all := []Value{
		{"DAGTRIGGER_CONFIG", "$" + configVariable, "the text of " + s.Routes + ": a change of it needs no other build"},
		{"GOOGLE_CLOUD_PROJECT", s.Project, "log lines name their trace in it"},
	}
	if s.Shadow != "" {
		const why = ", which is tried beside the routes and starts nothing"
		all = append(all, Value{"DAGTRIGGER_SHADOW", "$" + shadowVariable, "the text of " + s.Shadow + why})
	}
	if !s.DeadLetter {
		address := "pubsub://projects/" + s.Project + "/topics/" + s.deadLetters()
		all = append(all, Value{"DEAD_LETTER", address, "events that fail permanently are kept there"})
	}
	if !s.GiveUpAfter {
		all = append(all, Value{"GIVE_UP_AFTER", strconv.Itoa(int(GiveUpAfter.Hours())) + "h",
			"so that the function's dead letter, which has the reason, comes before Pub/Sub's, which has none"})
	}
	if len(s.Composer) > 0 && !s.Connected {
		all = append(all, Value{"COMPOSER_ENVIRONMENT", s.Composer[0], "the environment whose Airflow is called"})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		all = append(all, Value{name, s.Variables[name], "asked for"})
	}
	return all
}

func (s Settings) deadLetters() string { return s.Function + "-dead-letters" }

// Undelivered is the topic of what Pub/Sub could not deliver.
func (s Settings) Undelivered() string { return s.Function + "-undelivered" }

// composerProjects are the projects of the environments.
func (s Settings) composerProjects() []string {
	var projects []string
	for _, name := range s.Composer {
		if name == "$"+composerVariable {
			return []string{"$" + composerProjectVariable}
		}
		project, _, _ := strings.Cut(strings.TrimPrefix(name, "projects/"), "/")
		projects = append(projects, project)
	}
	slices.Sort(projects)
	return slices.Compact(projects)
}
