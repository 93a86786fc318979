// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route/expression"
	"example.com/dagtrigger/internal/route/habit"
	"example.com/dagtrigger/internal/route/nearest"
	"example.com/dagtrigger/internal/route/pattern"
)

// keyText is a text of a route, and the key that it belongs to.
type keyText struct {
	key  string
	text Text
}

// templates are the texts with expressions inside.
func (s *Spec) templates() []keyText {
	var all []keyText
	for _, k := range keys {
		switch field := k.To(s).(type) {
		case *Text:
			if k.Takes == takesTemplate && field.IsSet() {
				all = append(all, keyText{k.Name, *field})
			}
		case confField:
			all = append(all, templatesIn(field.Value, k.Name)...)
		}
	}
	return all
}

// templatesIn are the texts within a value.
func templatesIn(v *Value, key string) []keyText {
	if v.Kind == document.String {
		return []keyText{{key, v.Text}}
	}
	var all []keyText
	for i := range v.Members {
		inner := fmt.Sprintf("%s[%d]", key, i)
		if v.Kind == document.Object {
			inner = key + "." + v.Names[i].Value
		}
		all = append(all, templatesIn(&v.Members[i], inner)...)
	}
	return all
}

// patterns are the patterns of names, which are all but those of event types.
func (s *Spec) patterns() []keyText {
	var all []keyText
	for _, k := range keys {
		switch field := k.To(s).(type) {
		case *document.Texts:
			for _, text := range *field {
				if k.Takes == takesPatterns && k.Name != "on" {
					all = append(all, keyText{k.Name, text})
				}
			}
		case *Attributes:
			for _, a := range *field {
				for _, text := range a.Patterns {
					all = append(all, keyText{k.Name + "." + a.Name.Value, text})
				}
			}
		}
	}
	return all
}

// habits finds what is valid and means something in another language alone, see package
// habit.
func (w *warner) habits() {
	known := w.known()
	for _, t := range w.spec.templates() {
		if h, ok := habit.Text(t.text.Value, known); ok {
			w.warn(t.text.At(h.Offset), t.key+": "+h.What, h.Fix)
		}
	}
	w.day()
	for _, h := range habit.InQuotes(w.spec.When.Value) {
		w.warn(w.spec.When.At(h.Offset), "when: "+h.What, h.Fix)
	}
	for _, p := range w.spec.patterns() {
		if h, ok := habit.Pattern(p.text.Value); ok && p.text.Written == nil {
			w.warn(p.text.At(h.Offset), p.key+": "+h.What, h.Fix)
		}
	}
	w.folders()
	w.notifications()
	for _, text := range w.spec.On {
		if what, fix := unlikelyType(text.Value); what != "" {
			w.warn(text.Position, "on: "+what, fix)
		}
	}
}

// dayCapture is a logical date that is a captured day, which is no timestamp yet.
var dayCapture = regexp.MustCompile(`^\$\{\s*path\.(\w*(?:date|day|ds|dt))\s*\}$`)

func (w *warner) day() {
	if m := dayCapture.FindStringSubmatch(w.spec.LogicalDate.Value); m != nil {
		w.warn(w.spec.LogicalDate.Position, "logical_date: path."+m[1]+" is text, and a day such as 2026-11-22 is not a timestamp",
			"write ${path."+m[1]+"}T00:00:00Z")
	}
}

// folders finds object patterns of one folder, and those that begin with the bucket.
func (w *warner) folders() {
	for _, text := range w.spec.Object {
		bucket, rest, _ := strings.Cut(text.Value, "/")
		isBucket := rest != "" && slices.ContainsFunc(w.spec.Bucket, func(b Text) bool { return b.Value == bucket })
		switch {
		case strings.HasSuffix(text.Value, "/") && !strings.ContainsAny(text.Value, "*{"):
			w.warn(text.Position, "object: "+text.Value+" is the placeholder of the folder alone, and no object in it",
				"write "+text.Value+"**")
		case isBucket:
			w.warn(text.Position, "object: "+bucket+" is the bucket, which is no part of an object's name", "write "+rest)
		}
	}
}

// notifications finds a route for messages that is meant for a bucket's notifications: they
// are events of their object, whichever way they come.
func (w *warner) notifications() {
	if object, _ := w.spec.kinds(); object {
		return
	}
	for _, a := range w.spec.Attributes {
		if slices.Contains([]string{"eventType", "bucketId", "objectId", "payloadFormat", "notificationConfig"}, a.Name.Value) {
			w.warn(a.Name.Position, "attributes: "+a.Name.Value+" is an attribute of a bucket's notification, which is an event of its object",
				"write on: object.finalized, and bucket and object in place of attributes")
			return
		}
	}
}

// known is what the events of the route have.
func (w *warner) known() habit.Known {
	k := habit.Known{}
	k.Object, k.Message = w.spec.kinds()
	for i, text := range w.spec.Object {
		p, err := pattern.Parse(text.Value)
		if err != nil {
			continue
		}
		if i == 0 {
			k.Captures = slices.Clone(p.Names())
		}
		k.Captures = slices.DeleteFunc(k.Captures, func(name string) bool { return !slices.Contains(p.Names(), name) })
	}
	return k
}

// needs finds what expressions need and the route's events may not have.
func (w *warner) needs(c *expression.Compiler) {
	known := w.known()
	needed, guards := c.Needs(w.spec.When.Value)
	for _, n := range needed {
		guards = append(guards, n) // without it, the route does not match
		w.member(keyText{"when", w.spec.When}, n, known)
	}
	for _, t := range w.spec.templates() {
		needed, tested := c.NeedsOfTemplate(t.text.Value)
		tested = append(tested, guards...)
		for _, n := range needed {
			if w.member(t, n, known) {
				continue
			}
			why := w.absent(n.Path, known)
			if why != "" && !slices.ContainsFunc(tested, func(s expression.Selected) bool { return s.String() == n.String() }) {
				w.warn(t.text.At(n.Offset), fmt.Sprintf("%s: %s is absent from %s: such an event fails permanently", t.key, n, why),
					absentFix(t.key, n))
			}
		}
	}
}

// absentFix says what to write for a field that may be absent. Nothing can stand for it
// where it names a DAG, a run or a date.
func absentFix(key string, n expression.Selected) string {
	has := "has(" + n.String() + ") in when"
	if slices.Contains([]string{"dag", "run_id", "run_id_exact", "logical_date"}, key) {
		return "write " + has + ", so that such an event does not match"
	}
	return "write " + maybe(n.Path) + `.orValue(""), or ` + has
}

// maybe writes a selection whose last member may be absent.
func maybe(path []string) string {
	last := len(path) - 1
	return strings.Join(path[:last], ".") + ".?" + path[last]
}

// absent says of which events a field or member is absent, empty where it is of none.
func (w *warner) absent(path []string, known habit.Known) string {
	if len(path) < 2 {
		return ""
	}
	switch owner := path[0] + "." + path[1]; {
	case len(path) > 2 && owner == "object.metadata":
		return "objects that were stored without it"
	case len(path) > 2 && owner == "message.attributes":
		if slices.ContainsFunc(w.spec.Attributes, func(a Attribute) bool { return a.Name.Value == path[2] }) {
			return ""
		}
		return "messages that were published without it"
	case path[0] == "message" && !known.Message && len(w.spec.Topic)+len(w.spec.Subscription) == 0:
		return "what Eventarc delivers for a bucket: only its notifications have it"
	case expression.IsOptional(path[0], path[1]):
		if path[0] == "object" {
			return "many objects"
		}
		return "many messages"
	case owner == "event.subject" && known.Message && !known.Object:
		return "messages"
	}
	return ""
}

// member finds a misspelt member of data whose members are known: data of a route for
// objects is the object resource.
func (w *warner) member(t keyText, n expression.Selected, known habit.Known) bool {
	if !known.Object || known.Message || len(n.Path) < 2 || n.Path[0] != "data" {
		return false
	}
	fields := expression.Fields("object")
	if slices.Contains(fields, n.Path[1]) {
		return false
	}
	meant := habit.Member("object", n.Path[1])
	if near := nearest.Of(n.Path[1], fields...); near != "" {
		meant = "object." + near
	}
	if meant == "" {
		return false
	}
	w.warn(t.text.At(n.Offset), fmt.Sprintf("%s: an object has no %s", t.key, n.Path[1]), "did you mean "+meant+"?")
	return true
}
