// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/document"
)

// FixInFlight is the fix of a change by which events in flight start twice.
const FixInFlight = "deploy it when no events are in flight, or accept the duplicates"

// fixMissed is the fix of a change by which events in flight start nothing.
const fixMissed = "deploy it when no events are in flight, or start them afterwards: reconcile, dead-letters replay"

// Version is what a version of a routes file says of its routes.
type Version struct {
	Routes []Spec
	Vars   document.Constants // of the file
}

// Compare lists what changes from old to new for events in flight, which are delivered
// before and after a deployment: risks are runs that would start twice or not at all,
// changes the rest, both in the order of new; a route that is gone has no place.
func Compare(old, new Version) (risks, changes document.Problems) {
	c := comparison{vars: varsComparison{old.Vars, new.Vars, map[string]became{}}}
	before, after := byName(old.Routes), byName(new.Routes)
	for i := range new.Routes {
		s := &new.Routes[i]
		if was, known := before[s.Name.Value]; known {
			c.was, c.is, c.ofRoute = was, s, map[string]became{}
			c.compare()
			continue
		}
		if !s.IsLive() {
			continue
		}
		if was := renamed(old.Routes, after, s); was != "" {
			c.risk(s.Name.Position, fmt.Sprintf("%s was called %s: events in flight start twice", s.Name.Value, was),
				"keep the name, or deploy it when no events are in flight")
			continue
		}
		c.change(s.Name.Position, s.Name.Value+" is new: an event that is delivered again starts it too", "expect runs for events in flight")
	}
	for i := range old.Routes {
		was := &old.Routes[i]
		if _, known := after[was.Name.Value]; !known && was.IsLive() && renamed(new.Routes, before, was) == "" {
			c.risk(Position{}, was.Name.Value+" is gone: events in flight start nothing from it, and are acknowledged", fixMissed)
		}
	}
	return c.risks, c.changes
}

func byName(specs []Spec) map[string]*Spec {
	all := make(map[string]*Spec, len(specs))
	for i := range specs {
		all[specs[i].Name.Value] = &specs[i]
	}
	return all
}

// renamed is the name in specs of a route that is s but for it; empty where none is.
func renamed(specs []Spec, kept map[string]*Spec, s *Spec) string {
	for i := range specs {
		if other := &specs[i]; kept[other.Name.Value] == nil && other.wants() == s.wants() && other.asks() == s.asks() {
			return other.Name.Value
		}
	}
	return ""
}

// comparison compares one route with the deployed one.
type comparison struct {
	was, is        *Spec
	vars           varsComparison
	ofRoute        map[string]became // by way, of the route's own vars
	risks, changes document.Problems
}

func (c *comparison) risk(at Position, what, fix string) {
	c.risks = append(c.risks, problem(at, what, fix))
}

func (c *comparison) change(at Position, what, fix string) {
	c.changes = append(c.changes, problem(at, what, fix))
}

// compare goes through the keys of a route. All that is not a run id, a filter, a DAG
// or a conf holds from the next delivery on.
func (c *comparison) compare() {
	if !c.was.IsLive() || !c.is.IsLive() {
		c.switched()
		return
	}
	var rest []string
	at := Position{}
	for i := range keys {
		k := &keys[i]
		was, _ := writtenOf(k.To(c.was))
		is, place := writtenOf(k.To(c.is))
		if was == is {
			c.uses(k.Name, is, c.placeOf(place))
			continue
		}
		if k.Name == "vars" || c.key(k.Name, was, is, c.placeOf(place)) { // vars matter to the keys that use them
			continue
		}
		if rest = append(rest, k.Name); len(rest) == 1 {
			at = c.placeOf(place)
		}
	}
	if len(rest) > 0 {
		c.change(at, strings.Join(rest, ", ")+" of "+c.is.Name.Value+" changed", "expect it from the next delivery on")
	}
}

// switched reports a route that is live in one of the two files alone.
func (c *comparison) switched() {
	name, at := c.is.Name.Value, c.placeOf(c.is.Enabled.Position)
	off, on := name+" is switched off", name+" is switched on"
	if c.is.Shadow.On() || c.was.Shadow.On() {
		at, off, on = c.placeOf(c.is.Shadow.Position), name+" is a shadow now", name+" is no shadow any more"
	}
	switch {
	case c.was.IsLive():
		c.risk(at, off+": events in flight start nothing from it, and are acknowledged", "deploy it when no events are in flight")
	case c.is.IsLive():
		c.change(at, on+": an event that is delivered again starts it too", "expect runs for events in flight")
	}
}

// placeOf is where a key stands, or where its route does that leaves it out.
func (c *comparison) placeOf(at Position) Position {
	if at.Line == 0 {
		return c.is.Position
	}
	return at
}

// key reports what a change of a key means for events in flight, and false where it means
// nothing.
func (c *comparison) key(key, was, is string, at Position) bool {
	name := c.is.Name.Value
	changed := fmt.Sprintf("%s of %s was %s and is %s", key, name, shown(was), shown(is))
	if hasEnv(keyOf(key).To(c.was)) || hasEnv(keyOf(key).To(c.is)) { // a value from an environment variable is not shown
		changed = key + " of " + name + " changed"
	}
	switch key {
	case "conf", "logical_date":
		return c.run(key, key+" of "+name+" changed", at)
	case "reject":
		if is == "" {
			c.change(at, name+" no longer rejects: an event that is delivered again starts its run", "expect runs for events in flight")
			break
		}
		c.risk(at, changed+": events in flight that it rejects start nothing, and fail permanently", "deploy it when no events are in flight")
	case "dag":
		if was == "" || is == "" {
			break // the other says reject, and so does the list
		}
		return c.run(key, changed, at)
	case "complete":
		if c.was.Complete.identity() == c.is.Complete.identity() {
			c.change(at, "complete of "+name+" changed: a set that has started does not start again", "expect it from the next delivery on")
			break
		}
		c.risk(at, "complete of "+name+" changed: sets that have started start again", FixInFlight)
	case "dead_letter":
		c.change(at, changed+": what was stored stays where it is",
			"send it again with the deployed file: dead-letters replay --config deployed.yaml")
	case "on", "bucket", "object", "topic", "subscription", "source", "subject", "attributes", "skip", "when":
		c.filter(key, changed, at)
	default:
		return c.run(key, changed, at)
	}
	return true
}

// run reports a change of the run that an event starts, and false for a key that says
// nothing of it.
func (c *comparison) run(key, what string, at Position) bool {
	switch key {
	case "run_id", "run_id_exact", "every":
		c.risk(at, what+": events in flight start twice", FixInFlight)
	case "dag", "environment":
		c.risk(at, what+": events in flight whose run exists there start another here", FixInFlight)
	case "conf", "logical_date":
		c.change(at, what+": a run that exists keeps what it was started with", "expect it in runs that start from now on")
	default:
		return false
	}
	return true
}

// filter reports a change of what a route takes.
func (c *comparison) filter(key, changed string, at Position) {
	fewer, more := c.reach(key)
	if !fewer {
		c.change(at, changed+": it takes more events", "expect runs for such events that are delivered again")
		return
	}
	effect := "it takes fewer events"
	if more {
		effect = "it takes other events"
	}
	c.risk(at, changed+": "+effect+", and those in flight that it does not match start nothing from it", fixMissed)
}

// reach says how a filter changed: whether there may be events that it no longer takes,
// and such that it takes now.
func (c *comparison) reach(key string) (fewer, more bool) {
	was, is := choicesOf(c.was, key), choicesOf(c.is, key)
	added, excluded := differs(is, was)
	removed, included := differs(was, is)
	narrows := key == "skip" || key == "attributes" // each takes events away
	switch {
	case narrows:
		return added, removed
	case len(was) == 0:
		return true, false
	case len(is) == 0:
		return false, true
	}
	return removed || excluded, added || included
}

// differs reports whether some has a pattern that others has not, and whether it has
// such a pattern that excludes.
func differs(some, others []string) (picks, drops bool) {
	for _, s := range some {
		if slices.Contains(others, s) {
			continue
		}
		if strings.HasPrefix(s, excludes) {
			drops = true
		} else {
			picks = true
		}
	}
	return picks, drops
}

// choicesOf are the texts of a filter, any of which is enough but for skip and attributes.
func choicesOf(s *Spec, key string) []string {
	switch field := keyOf(key).To(s).(type) {
	case *Text:
		if field.IsSet() {
			return []string{field.Value}
		}
	case *document.Texts:
		return values(*field)
	case *Attributes:
		var all []string
		for _, a := range *field {
			all = append(all, fmt.Sprintf("%q=%q", a.Name.Value, values(a.Patterns)))
		}
		return all
	}
	return nil
}

// writtenOf is a value as it is compared, empty where it is left out, and where it stands.
func writtenOf(field any) (string, Position) {
	switch field := field.(type) {
	case *Text:
		return field.Value, field.Position
	case *document.Texts:
		if len(*field) > 0 {
			return strings.Join(values(*field), ", "), (*field)[0].Position
		}
	case *Attributes:
		var all []string
		for _, a := range *field {
			all = append(all, a.Name.Value+": "+strings.Join(values(a.Patterns), ", "))
		}
		if len(all) > 0 {
			return strings.Join(all, "; "), (*field)[0].Name.Position
		}
	case confField:
		if field.Kind != document.Nothing {
			return string(field.JSON()), field.Position
		}
	case *document.Values:
		var all []string
		for i := range *field {
			all = append(all, fmt.Sprintf("%q=%s", (*field)[i].Name.Value, (*field)[i].Value.JSON()))
		}
		if len(all) > 0 {
			return strings.Join(all, ";"), (*field)[0].Name.Position
		}
	case completeField:
		return field.content(), field.Position
	case *document.Span:
		if field.Value > 0 {
			return field.String(), field.Position
		}
	case *document.Count:
		if field.Value > 0 {
			return fmt.Sprint(field.Value), field.Position
		}
	case *document.Switch:
		if field.Line > 0 {
			return fmt.Sprint(!field.Off), field.Position
		}
	}
	return "", Position{}
}

// hasEnv reports whether a value from an environment variable is in a text or a list.
func hasEnv(field any) bool {
	switch field := field.(type) {
	case *Text:
		return field.Written != nil
	case *document.Texts:
		return slices.ContainsFunc(*field, func(t Text) bool { return t.Written != nil })
	case *Attributes:
		return slices.ContainsFunc(*field, func(a Attribute) bool { return hasEnv(&a.Patterns) })
	}
	return false
}

func keyOf(name string) *document.Key[Spec] {
	return &keys[slices.IndexFunc(keys, func(k document.Key[Spec]) bool { return k.Name == name })]
}

// shown is a value in a message.
func shown(written string) string {
	if written == "" {
		return "left out"
	}
	return shorten(written, maxReason)
}
