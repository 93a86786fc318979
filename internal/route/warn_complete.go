// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/route/pattern"
)

var (
	// loneCapture is an expression that is one capture.
	loneCapture = regexp.MustCompile(`\$\{\s*path\.(\w+)\s*\}`)
	// wildcard is a wildcard of an object pattern, captured or not.
	wildcard = regexp.MustCompile(`\{\w+=\*+\}|\*+`)
	// deepWildcard is one that covers / too.
	deepWildcard = regexp.MustCompile(`\{\w+=\*\*+\}|\*\*+`)
	// ofOneObject finds what differs between the objects of a set.
	ofOneObject = regexp.MustCompile(`\bobject\.(name|generation|metageneration|size|etag|md5Hash|crc32c|id|selfLink|mediaLink)\b`)
	ofCapture   = regexp.MustCompile(`\bpath\.(\w+)`)
)

// sampled is a text with "x" in place of each capture; "" where it computes more.
func sampled(text string) string {
	text = loneCapture.ReplaceAllString(text, "x")
	if strings.Contains(text, "${") {
		return ""
	}
	return text
}

// complete finds sets that no event completes, or that are not what they seem.
func (w *warner) complete() {
	s := w.spec
	c := &s.Complete
	if !c.IsSet() {
		return
	}
	if !strings.Contains(c.Prefix.Value, "${") && !s.RunID.IsSet() && !s.RunIDExact.IsSet() && c.Again.Value != againChanged &&
		!slices.ContainsFunc(s.Bucket, func(t Text) bool { return strings.Contains(t.Value, "*") }) {
		w.warn(c.Prefix.Position, "complete.prefix is the same for all events: the route starts one run in all",
			"compute it of what the files of a set have in common, as in sales/${path.day}/")
	}
	w.below(c)
	if prefix := sampled(c.Prefix.Value); prefix != "" || c.Prefix.Value == "" {
		for _, name := range c.Names {
			w.seen("names", name, prefix)
		}
		w.seen("manifest", c.Manifest, "")
	}
	w.common()
}

// below finds a prefix that no object of the route begins with.
func (w *warner) below(c *Complete) {
	prefix := sampled(c.Prefix.Value)
	if prefix == "" || slices.ContainsFunc(w.spec.Object, func(object Text) bool {
		begin, deep := object.Value, deepWildcard.FindStringIndex(object.Value)
		if deep != nil {
			begin = begin[:deep[0]]
		}
		begin = wildcard.ReplaceAllString(begin, "x")
		return strings.HasPrefix(begin, prefix) || deep != nil && strings.HasPrefix(prefix, begin)
	}) {
		return
	}
	w.warn(c.Prefix.Position, fmt.Sprintf("complete.prefix: no object that matches object is below %s", c.Prefix.Value),
		"begin it as object does")
}

// seen finds an object whose own event the route does not want: where it comes last,
// nothing looks.
func (w *warner) seen(key string, text Text, prefix string) {
	name := sampled(text.Value)
	if name == "" {
		return
	}
	name = strings.TrimPrefix(name, "gs://"+firstOf(w.spec.Bucket)+"/")
	if !strings.HasPrefix(name, prefix) {
		name = prefix + name
	}
	for _, object := range w.spec.Object {
		p, err := pattern.Parse(object.Value)
		if err != nil {
			return
		}
		if _, ok := p.Match(name); ok {
			return
		}
	}
	what := "complete." + key + ": " + text.Value + " does not match object"
	w.warn(text.Position, what+": where it arrives last, no event looks, and the set starts no run",
		"add a pattern for it to object, as in object: ["+firstOf(w.spec.Object)+", "+
			""+patternFor(text.Value, w.spec.Complete.Prefix.Value, key)+"]")
}

// patternFor is a pattern that matches an object of a set.
func patternFor(name, prefix, key string) string {
	if key == "names" && !strings.HasPrefix(name, prefix) {
		name = prefix + name
	}
	return loneCapture.ReplaceAllString(name, "{$1=*}")
}

func firstOf(texts []Text) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0].Value
}

// common finds what is computed of the event that came last alone.
func (w *warner) common() {
	s := w.spec
	inPrefix := capturesOf(s.Complete.Prefix.Value)
	group := slices.Concat(inPrefix, capturesOf(s.RunID.Value), capturesOf(s.RunIDExact.Value))
	warn := func(key string, text Text, what string) {
		w.warn(text.Position, fmt.Sprintf("%s: %s may differ between the objects of a set, and is that of the last to arrive", key, what),
			"use what they have in common, such as a capture in complete.prefix, or complete.files")
	}
	differs := func(key string, text Text, common []string) {
		for _, name := range capturesOf(text.Value) {
			if !slices.Contains(common, name) {
				warn(key, text, "path."+name)
				return
			}
		}
		if found := ofOneObject.FindString(inExpressions(text.Value)); found != "" {
			warn(key, text, found)
		}
	}
	if len(inPrefix) > 0 {
		differs("run_id", s.RunID, inPrefix)
		differs("run_id_exact", s.RunIDExact, inPrefix)
	}
	differs("dag", s.DAG, group)
	differs("logical_date", s.LogicalDate, group)
	differs("note", s.Note, group)
	differs("complete.manifest", s.Complete.Manifest, group)
	for _, name := range s.Complete.Names {
		differs("complete.names", name, group)
	}
	differs("partition_key", s.PartitionKey, group)
	eachText(&s.Conf, "conf", func(key string, text Text) { differs(key, text, group) })
	eachText(&s.Extra, "extra", func(key string, text Text) { differs(key, text, group) })
}

// eachText calls f for the texts of a conf.
func eachText(v *Value, key string, f func(key string, text Text)) {
	if v.Kind == document.String {
		f(key, v.Text)
	}
	for i := range v.Members {
		name := fmt.Sprintf("%s[%d]", key, i)
		if v.Kind == document.Object {
			name = key + "." + v.Names[i].Value
		}
		eachText(&v.Members[i], name, f)
	}
}

// inExpressions is what stands in a template's expressions.
func inExpressions(text string) string {
	if _, rest, ok := strings.Cut(text, "${"); ok {
		return rest
	}
	return ""
}

// capturesOf are the captures that a template uses.
func capturesOf(text string) []string {
	var names []string
	for _, found := range ofCapture.FindAllStringSubmatch(inExpressions(text), -1) {
		names = append(names, found[1])
	}
	return names
}
