// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/route/pattern"
)

// Filter is what an attribute of a trigger's events must be.
type Filter struct {
	Attribute string `json:"attribute"` // by the name that Eventarc gives it
	Value     string `json:"value"`
	Pattern   bool   `json:"pattern,omitempty"` // whether Value is a path pattern
}

// String is the filter for a person, and the value of its flag.
func (f Filter) String() string { return f.Attribute + "=" + f.Value }

// filtered finds the triggers of a route for a type whose events it picks by
// attributes: one for each combination of their values. What a trigger cannot filter
// by, the function still does.
func (f *found) filtered(r *route.Spec, eventType string) { f.combine(r, Source{Type: eventType}) }

// ofChannel finds those of a type of another provider, whose events a channel takes.
func (f *found) ofChannel(r *route.Spec, eventType string) {
	channel := f.settings.Channels[eventType]
	if channel == "" {
		f.gap(r, "no trigger is planned for events of the type "+eventType,
			"name the channel that takes them, with --event-channel="+eventType+"=projects/P/locations/L/channels/C, or "+
				"make what sends them to the function yourself, and say so with --elsewhere="+r.Name.Value)
		return
	}
	f.combine(r, Source{Type: eventType, Channel: channel})
}

// unknown reports a type that Eventarc does not have.
func (f *found) unknown(r *route.Spec, eventType string) {
	f.gap(r, "no trigger is planned for events of the type "+eventType,
		"make what sends them to the function yourself, and say so with --elsewhere="+r.Name.Value)
}

// maxTriggers is the most triggers that a route makes for one type. Eventarc allows as
// many in a location: https://cloud.google.com/eventarc/docs/quotas.
const maxTriggers = 100

func (f *found) combine(r *route.Spec, s Source) {
	all := []Source{s}
	for _, a := range attributesOf(r, s.Type) {
		choices, ok := f.choices(r, a, s.Type)
		if !ok {
			return
		}
		if len(all)*max(1, len(choices)) > maxTriggers {
			f.gap(r, fmt.Sprintf("its attributes make over %d triggers", maxTriggers),
				"write patterns, or split the route between several functions")
			return
		}
		if len(choices) == 0 {
			continue
		}
		var more []Source
		for _, one := range all {
			for _, choice := range choices {
				next := one
				next.Filters = append(slices.Clone(one.Filters), choice)
				more = append(more, next)
			}
		}
		all = more
	}
	for _, one := range all {
		f.add(one, r)
	}
}

// attributesOf are those that a trigger for a type can filter by. Where the type's are
// not known, they are all that the route names.
func attributesOf(r *route.Spec, eventType string) []attribute {
	family := familyOf(eventType)
	if family.attributes != nil {
		return family.attributes
	}
	all := make([]attribute, len(r.Attributes))
	for i, a := range r.Attributes {
		all[i] = attribute{name: a.Name.Value, patterns: true}
	}
	return all
}

// choices are the filters by an attribute, any of which an event may pass: none where
// the route takes any value. It returns false where there is a gap.
func (f *found) choices(r *route.Spec, a attribute, eventType string) (filters []Filter, ok bool) {
	lower := strings.ToLower(a.name)
	for _, text := range valuesOf(r, a.name) {
		p, err := pattern.Parse(text.Value)
		switch {
		case err != nil:
			continue // invalid: config reports it
		case !isAttribute(a.name):
			f.gap(r, "a trigger cannot filter by the attribute "+a.name, "no attribute of an event has such a name, so correct it")
			return nil, false
		case !isFilter(text.Value):
			f.gap(r, "a trigger cannot filter by the "+lower+" "+text.Value, "write * for its commas and dollar signs")
			return nil, false
		case p.Exact():
			filters = append(filters, Filter{Attribute: a.name, Value: text.Value})
		case a.patterns && wildcards(text.Value) != "**":
			filters = append(filters, Filter{Attribute: a.name, Value: wildcards(text.Value), Pattern: true})
		case a.required:
			f.gap(r, "the "+lower+" "+text.Value+" is a pattern, and a trigger for "+eventType+" watches one", "list those that exist in attributes")
			return nil, false
		default:
			return nil, true
		}
	}
	if a.required && len(filters) == 0 {
		f.gap(r, "it takes any "+lower+", and a trigger for "+eventType+" watches one", "name it, such as attributes: {"+lower+": "+
			cmp.Or(exampleValues[a.name], "VALUE")+"}")
		return nil, false
	}
	return filters, true
}

// exampleValues are what attributes can be.
var exampleValues = map[string]string{
	"database": "(default)", "serviceName": "bigquery.googleapis.com", "methodName": "google.cloud.bigquery.v2.JobService.InsertJob",
}

// valuesOf are the patterns that an attribute must match, in whichever case the route
// names it, less those that exclude.
func valuesOf(r *route.Spec, name string) []route.Text {
	for _, a := range r.Attributes {
		if strings.EqualFold(a.Name.Value, name) {
			return slices.DeleteFunc(slices.Clone(a.Patterns), func(t route.Text) bool { return strings.HasPrefix(t.Value, "!") })
		}
	}
	return nil
}

// wildcards is a pattern without the names of its captures, which mean nothing to a
// trigger: https://cloud.google.com/eventarc/docs/path-patterns.
func wildcards(text string) string {
	return regexp.MustCompile(`\{\w+=(\*+)\}`).ReplaceAllString(text, "$1")
}

// isAttribute reports whether an attribute of an event can have a name, which then means
// nothing else to gcloud, or a shell.
func isAttribute(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`).MatchString(name)
}

// isFilter reports whether gcloud, and a shell, take a value for nothing else.
func isFilter(value string) bool {
	return regexp.MustCompile(`^[^$,\x00-\x1f]{1,1000}$`).MatchString(value)
}

// Criteria are all filters of a trigger but that of the type.
func (s Source) Criteria() []Filter {
	if s.Bucket != "" {
		return []Filter{{Attribute: "bucket", Value: s.Bucket}}
	}
	return s.Filters
}

// ContentType is that of the events' data, where the trigger has to name it.
func (s Source) ContentType() string { return familyOf(s.Type).contentType }

// maxSourceName is what a trigger's name of at most 63 letters leaves after the
// function's name.
const maxSourceName = 32

// name is a name that follows from the source alone. Where the source's own
// name cannot be part of a trigger's, a digest keeps two of them apart.
func (s Source) name() string {
	own := s.Bucket + s.Topic + "-" + strings.ToLower(strings.TrimPrefix(s.kind(), "message"))
	whole := own
	for i, f := range s.Filters {
		whole += fmt.Sprintf(" %d %q", i, f)
		own = f.Value + "-" + own
	}
	if s.Bucket+s.Topic == "" {
		whole += " " + s.Type
	}
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(own), "-"), "-")
	if name == whole && len(name) <= maxSourceName {
		return name
	}
	sum := sha256.Sum256([]byte(whole))
	digest := hex.EncodeToString(sum[:4])
	return strings.Trim(name[:min(len(name), maxSourceName-len(digest)-1)], "-") + "-" + digest
}

// kind is the end of the type's name, such as finalized.
func (s Source) kind() string { return s.Type[strings.LastIndex(s.Type, ".")+1:] }
