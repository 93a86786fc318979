// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/pattern"
)

// Source is one thing that a trigger can watch: the changes of one kind in one
// bucket, the messages of one topic, or the events of one type that a set of filters
// lets through. Several routes may live on it.
type Source struct {
	// Trigger is the trigger's name, empty for the function's own: the platform
	// chooses that.
	Trigger string `json:"trigger,omitempty"`
	// Subscription is the name of the one that is pulled from, in place of a trigger.
	Subscription string   `json:"subscription,omitempty"`
	Type         string   `json:"type"`             // of its events
	Bucket       string   `json:"bucket,omitempty"` // without gs://; or
	Topic        string   `json:"topic,omitempty"`  // the topic's own name, in the function's project; or
	Filters      []Filter `json:"filters,omitempty"`
	Channel      string   `json:"channel,omitempty"` // of a provider that is not Google
	Routes       []string `json:"routes"`
}

// String is the source for a person.
func (s Source) String() string {
	switch {
	case s.Topic != "":
		return "every message on the topic " + s.Topic
	case s.Bucket != "":
		return "every object " + s.verb() + " in gs://" + s.Bucket
	}
	words := make([]string, len(s.Filters))
	for i, f := range s.Filters {
		words[i] = f.String()
	}
	return strings.TrimSuffix("every event "+s.Type+" with "+strings.Join(words, ", "), " with ")
}

// verb is the end of the type's name, in words.
func (s Source) verb() string {
	return map[string]string{
		"finalized": "written", "deleted": "deleted", "archived": "archived", "metadataUpdated": "of new metadata",
	}[s.kind()]
}

// Subscription is a subscription that the operator made, and by whose name routes pick
// their messages.
type Subscription struct {
	Name   string   `json:"name"`
	Routes []string `json:"routes"`
}

// found is what routes need to get their events.
type found struct {
	settings      Settings
	sources       []Source
	subscriptions []Subscription
	gaps          []Gap
	notifications []Notification
	scheduledJobs []Job
	listed        []string // buckets whose files routes with complete list
	holding       []string // routes that hold events back
	objects       []string // routes for objects that name no topic or subscription
}

func find(s Settings, routes []route.Spec) found {
	f := found{settings: s}
	for i := range routes {
		r := &routes[i]
		if r.Enabled.Off {
			continue
		}
		f.lists(r)
		if slices.Contains(s.Elsewhere, r.Name.Value) {
			continue
		}
		if r.IsLive() && (r.MaxActive.Value > 0 || r.WhenPaused.Value == "defer") {
			f.holding = append(f.holding, r.Name.Value)
		}
		for _, eventType := range f.types(r) {
			family := familyOf(eventType)
			carried := len(r.Topic)+len(r.Subscription) > 0 // in messages
			switch {
			case carried:
				f.messages(r, eventType)
			case eventType != messagePublished && f.pushed(r, eventType):
				continue
			default:
				family.find(&f, r, eventType)
			}
			switch {
			case family.place != inBucket:
			case carried:
				f.notify(r, eventType)
			default:
				f.objects = with(f.objects, r.Name.Value)
			}
		}
	}
	slices.Sort(f.listed)
	return f
}

// lists finds the buckets of a route with complete, wherever its events come from.
func (f *found) lists(r *route.Spec) {
	if !r.Complete.IsSet() {
		return
	}
	of := buckets
	switch elsewhere := slices.Contains(f.settings.Elsewhere, r.Name.Value); {
	case !elsewhere && len(f.newTopics(r)) > 0:
		of = notified
	case elsewhere || len(r.Topic)+len(r.Subscription) > 0:
		of.reason = "and the role to list its files is given on one" // no trigger watches it
	}
	for _, bucket := range f.names(r, r.Bucket, f.settings.Buckets, of) {
		f.listed = with(f.listed, bucket)
	}
}

// types are the event types that a route takes, as far as a trigger can watch them.
func (f *found) types(r *route.Spec) (types []string) {
	for _, on := range r.On {
		if strings.HasPrefix(on.Value, "!") {
			continue // it excludes
		}
		matched := matching(on.Value)
		if len(matched) == 0 {
			f.gap(r, "no trigger is planned for events of the types "+on.Value,
				"name each type whole, or make what sends them to the function yourself, and say so with --elsewhere="+r.Name.Value)
		}
		for _, eventType := range matched {
			types = with(types, eventType)
		}
	}
	return types
}

// changes finds the buckets that a route watches.
func (f *found) changes(r *route.Spec, eventType string) {
	for _, bucket := range f.names(r, r.Bucket, f.settings.Buckets, buckets) {
		f.add(Source{Type: eventType, Bucket: bucket}, r)
	}
}

// messages finds the topics or the subscriptions that a route's messages come by.
func (f *found) messages(r *route.Spec, _ string) {
	switch {
	case len(r.Subscription) > 0 && len(r.Topic) > 0:
		f.gap(r, "it picks messages by topic and by subscription, but a push does not name its topic, "+
			"and the name of a trigger's subscription is unknown until it is made",
			"leave one of the two out")
	case len(r.Subscription) > 0:
		for _, name := range f.names(r, r.Subscription, nil, subscriptions) {
			f.subscribe(name, r)
		}
	default:
		of := topicNames
		if f.settings.Pull {
			of.reason = "and a subscription is made of one"
		}
		for _, name := range f.names(r, r.Topic, f.settings.Topics, of) {
			f.add(Source{Type: messagePublished, Topic: name}, r)
		}
	}
}

// kind is what patterns name, why the plan needs each name, and how to give it.
type kind struct {
	what, reason, fix string
	valid             func(string) bool
}

var (
	buckets  = kind{"bucket", "and a trigger watches one", "name those that exist, with --bucket=NAME for each", isBucket}
	notified = kind{"bucket", "and its notifications are created on one", "name those that exist, with --bucket=NAME for each, or with " +
		"--topic=NAME a topic that has their notifications already", isBucket}
	topicNames    = kind{"topic", "and a trigger watches one", "name those that exist, with --topic=NAME for each", isTopic}
	subscriptions = kind{"subscription", "and the plan has to know its name", "write its whole name in the route", isTopic}
)

// names are those that patterns mean: one without a wildcard itself, any other
// those of known that it covers. None at all means all that are known.
func (f *found) names(r *route.Spec, patterns []route.Text, known []string, of kind) (names []string) {
	patterns = slices.DeleteFunc(slices.Clone(patterns), func(t route.Text) bool { return strings.HasPrefix(t.Value, "!") }) // they exclude
	if len(patterns) == 0 {
		if len(known) == 0 {
			f.gap(r, "it takes any "+of.what+", "+of.reason, of.fix)
		}
		return known
	}
	for _, text := range patterns {
		p, err := pattern.Parse(text.Value)
		switch {
		case err != nil:
			continue // invalid: config reports it
		case p.Exact():
			if name, ok := f.local(r, text.Value, of.what); ok {
				names = append(names, f.valid(r, name, of)...)
			}
			continue
		}
		covered := f.covered(p, known)
		if len(covered) == 0 {
			f.gap(r, "the "+of.what+" "+text.Value+" is a pattern, "+of.reason, of.fix)
		}
		names = append(names, covered...)
	}
	return names
}

// covered are the known names that p covers, be it with their project.
func (f *found) covered(p *pattern.Pattern, known []string) (names []string) {
	for _, name := range known {
		_, short := p.Match(name)
		_, long := p.Match("projects/" + f.settings.Project + "/topics/" + name)
		if short || long {
			names = append(names, name)
		}
	}
	return names
}

// valid is the name, unless there can be none such.
func (f *found) valid(r *route.Spec, name string, of kind) []string {
	if !of.valid(name) {
		f.gap(r, "invalid "+of.what+" name "+name, "write the name that it has")
		return nil
	}
	return []string{name}
}

// local is the own name of a topic or a subscription in the function's project.
func (f *found) local(r *route.Spec, name, what string) (string, bool) {
	parts := strings.Split(name, "/")
	if what == "bucket" || len(parts) == 1 {
		return name, true
	}
	if len(parts) == 4 && parts[0] == "projects" && parts[2] == what+"s" && parts[1] == f.settings.Project {
		return parts[3], true
	}
	if !isProject(f.settings.Project) {
		f.gap(r, "the "+what+" "+name+" names a project, and the function's is not known", "give --project")
		return "", false
	}
	f.gap(r, "the "+what+" "+name+" is not in the project "+f.settings.Project+", where the trigger is",
		"subscribe to it in the function's project, and pick its messages by subscription")
	return "", false
}

func (f *found) gap(r *route.Spec, what, fix string) {
	if g := (Gap{r.Name.Value, what, fix}); !slices.Contains(f.gaps, g) {
		f.gaps = append(f.gaps, g)
	}
}

// add notes that a route lives on a source.
func (f *found) add(s Source, r *route.Spec) {
	at := slices.IndexFunc(f.sources, func(other Source) bool {
		return other.Type == s.Type && other.Bucket == s.Bucket && other.Topic == s.Topic && slices.Equal(other.Filters, s.Filters)
	})
	if at < 0 {
		at, f.sources = len(f.sources), append(f.sources, s)
	}
	f.sources[at].Routes = with(f.sources[at].Routes, r.Name.Value)
}

func (f *found) subscribe(name string, r *route.Spec) {
	at := slices.IndexFunc(f.subscriptions, func(s Subscription) bool { return s.Name == name })
	if at < 0 {
		at, f.subscriptions = len(f.subscriptions), append(f.subscriptions, Subscription{Name: name})
	}
	f.subscriptions[at].Routes = with(f.subscriptions[at].Routes, r.Name.Value)
}

func with(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// Google's rules for names, as far as they keep a name from being taken for
// something else in a command:
// https://cloud.google.com/storage/docs/buckets#naming,
// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
func isBucket(name string) bool {
	return regexp.MustCompile(`^[a-z0-9][-a-z0-9_.]{1,220}[a-z0-9]$`).MatchString(name)
}

func isTopic(name string) bool {
	return regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9._~+%]{2,254}$`).MatchString(name)
}

func isProject(name string) bool {
	return regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$`).MatchString(name)
}
