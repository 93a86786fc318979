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
	"example.com/dagtrigger/internal/route/pattern"
)

// Warnings reports what is surely wrong in specs that compile: routes that repeat
// another, that no event reaches where the first match wins, and what can match nothing.
func Warnings(specs []Spec, first bool) document.Problems {
	var all document.Problems
	seen := map[string]Text{}
	live, enabled := 0, 0
	expressions, err := expression.NewCompiler()
	for i := range specs {
		s := &specs[i]
		if s.Enabled.Off {
			continue
		}
		enabled++
		if s.IsLive() {
			live++
		}
		w := warner{spec: s}
		w.kinds()
		w.names()
		w.constants()
		w.habits()
		if err == nil {
			w.needs(expressions)
		}
		w.coarse()
		w.complete()
		w.reserved(&s.Conf)
		all = append(all, w.found...)
		if first {
			all = append(all, unreachable(specs[:i], s)...)
			continue
		}
		if s.Shadow.On() { // it may repeat what it will replace
			continue
		}
		content := s.wants() + s.asks()
		if before, ok := seen[content]; ok {
			all = append(all, problem(s.Position, fmt.Sprintf("%s repeats %s, on line %d", s.Name.Value, before.Value, before.Line),
				"remove one: each event that they want starts the DAG twice"))
			continue
		}
		seen[content] = s.Name
	}
	switch {
	case len(specs) == 0 || live > 0:
	case enabled == 0:
		all = append(all, problem(specs[0].Position, "no route is enabled", "enable one: every event is acknowledged, and starts nothing"))
	default:
		all = append(all, problem(specs[0].Position, "every route is a shadow: every event is acknowledged, and starts nothing",
			"take shadow out of what is to be live; to try a whole file beside the live one, leave shadow out of it, "+
				"and name it in DAGTRIGGER_SHADOW"))
	}
	all.Sort()
	return all
}

// warner looks at one route.
type warner struct {
	spec  *Spec
	found document.Problems
}

func (w *warner) warn(at Position, what, fix string) {
	w.found = append(w.found, problem(at, what, fix))
}

// kinds reports whether events of the route's types can be an object's changes,
// and whether they can be messages.
func (s *Spec) kinds() (object, message bool) {
	for _, text := range s.On {
		full, _, _ := fullType(text.Value)
		if p, err := pattern.Parse(full); err == nil {
			o, m := carries(p)
			object, message = object || o, message || m
		}
	}
	return object, message
}

// kinds finds keys that no event of the route's types can satisfy.
func (w *warner) kinds() {
	object, message := w.spec.kinds()
	for _, key := range []struct {
		name  string
		texts []Text
		ok    bool
		of    string
	}{
		{"bucket", w.spec.Bucket, object, "object.finalized"}, {"object", w.spec.Object, object, "object.finalized"},
		{"skip", w.spec.Skip, object, "object.finalized"},
	} {
		if len(key.texts) == 0 || key.ok {
			continue
		}
		what := "the route can match nothing"
		if key.name == "skip" {
			what = "it skips nothing"
		}
		w.warn(key.texts[0].Position, fmt.Sprintf("%s: no event of this route has an object or a message of that kind: %s", key.name, what),
			"leave "+key.name+" out, or add a type such as "+key.of+" to on")
	}
	if !message {
		w.carrier()
	}
}

// usesMessage finds the variable message in an expression.
var usesMessage = regexp.MustCompile(`\bmessage\b`)

// carrier finds what an event has only where a Pub/Sub message carried it.
func (w *warner) carrier() {
	const only = " matches only what comes in a Pub/Sub message, as a notification does: Eventarc's events do not"
	const fix = "leave it out where Eventarc delivers the events"
	for _, key := range []struct {
		name  string
		texts []Text
	}{{"topic", w.spec.Topic}, {"subscription", w.spec.Subscription}} {
		if len(key.texts) > 0 {
			w.warn(key.texts[0].Position, key.name+only, fix)
		}
	}
	if usesMessage.MatchString(w.spec.When.Value) {
		w.warn(w.spec.When.Position,
			"when: message is absent from what Eventarc delivers: only a notification or a CloudEvent in a message has it", fix)
	}
}

// names finds patterns that no name can match, by what names are: see
// https://cloud.google.com/storage/docs/buckets#naming,
// https://cloud.google.com/storage/docs/objects#naming and
// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names.
func (w *warner) names() {
	for _, text := range shownAsWritten(w.spec.Bucket) {
		if _, habitual := habit.Pattern(text.Value); !habitual && strings.Trim(text.Value, "abcdefghijklmnopqrstuvwxyz0123456789-_.*") != "" {
			w.nothing("bucket", text, "a bucket's name has lower-case letters, digits, -, _ and . only", bucketFix(text.Value))
		}
	}
	for _, text := range shownAsWritten(w.spec.Object) {
		bucket, name, isURI := strings.Cut(strings.TrimPrefix(text.Value, "gs://"), "/")
		switch {
		case isURI && strings.HasPrefix(text.Value, "gs://"):
			w.nothing("object", text, "an object's name does not hold its bucket", fmt.Sprintf("write bucket: %s and object: %s", bucket, name))
		case strings.HasPrefix(text.Value, "/"):
			w.nothing("object", text, "object names hardly ever begin with /", "leave it off")
		case strings.ContainsAny(text.Value, "\r\n"):
			w.nothing("object", text, "object names hold no line breaks", "write it on one line")
		case len(strings.ReplaceAll(text.Value, "*", "")) > 1024:
			w.nothing("object", text, "object names have at most 1,024 bytes", "shorten it")
		case strings.HasSuffix(text.Value, "/") && slices.ContainsFunc(w.spec.Skip, func(t Text) bool { return t.Value == "folders" }):
			w.nothing("object", text, "skip: folders passes over names that end in /", "end it in /**, or do not skip folders")
		}
	}
	w.markers()
	w.resources("topic", "topics", w.spec.Topic)
	w.resources("subscription", "subscriptions", w.spec.Subscription)
}

// bucketFix is the fix for an invalid name of a bucket.
func bucketFix(text string) string {
	name, object, _ := strings.Cut(strings.TrimPrefix(text, "gs://"), "/")
	switch name = strings.ToLower(name); {
	case object == "":
		return "write " + name
	case strings.HasSuffix(object, "/"):
		object += "**"
	case !strings.Contains(object, "*"):
		object += "/**"
	}
	return "write bucket: " + name + " and object: " + object
}

// marker finds the names of markers, which programs write empty: _SUCCESS is
// Hadoop's, SUCCEEDED_FILE_NAME in FileOutputCommitter.java.
var marker = regexp.MustCompile(`(?i)(?:^|[/*])[^/*]*(?:_SUCCESS|_COMMITTED)$|` +
	`\.(?:done|ok|ready|complete|success|trigger|flag)$|(?:^|/)(?:done|ready|complete)$`)

// markers finds skip: empty beside a pattern of what is empty by its nature.
func (w *warner) markers() {
	at := slices.IndexFunc(w.spec.Skip, func(t Text) bool { return t.Value == "empty" })
	if at < 0 {
		return
	}
	for _, text := range shownAsWritten(w.spec.Object) {
		if marker.MatchString(text.Value) && !strings.HasPrefix(text.Value, "!") {
			w.warn(w.spec.Skip[at].Position, fmt.Sprintf("skip: empty passes over markers, which are empty, and object: %s looks like one",
				shorten(text.Value, maxReason)), "leave empty out of skip, so that the marker starts the run")
		}
	}
}

// resources looks at full names of topics and subscriptions.
func (w *warner) resources(key, kind string, texts []Text) {
	for _, text := range shownAsWritten(texts) {
		p, err := pattern.Parse(text.Value)
		if err != nil || !strings.Contains(text.Value, "/") || !p.Exact() {
			continue
		}
		last := text.Value[strings.LastIndexByte(text.Value, '/')+1:]
		if parts := strings.Split(text.Value, "/"); len(parts) != 4 || parts[0] != "projects" || parts[2] != kind {
			w.nothing(key, text, "its full name has another form", fmt.Sprintf("write projects/PROJECT/%s/%s, or %s alone", kind, last, last))
		}
	}
}

func (w *warner) nothing(key string, text Text, why, fix string) {
	w.warn(text.Position, fmt.Sprintf("%s: %q can match nothing: %s", key, shorten(text.Value, maxReason), why), fix)
}

// constants finds what is the same for every event and should not be.
func (w *warner) constants() {
	if strings.TrimSpace(w.spec.When.Value) == "false" {
		w.warn(w.spec.When.Position, "when is always false: the route can match nothing", "write enabled: false to switch it off")
	}
	if id := w.spec.RunID; isConstant(id) && w.spec.Every.Value == 0 {
		w.warn(id.Position, "run_id is the same for all events: after the first each is a duplicate",
			"compute it, as in ${object.bucket}/${object.name}")
	}
	if id := w.spec.RunIDExact; isConstant(id) {
		w.warn(id.Position, "run_id_exact is the same for all events: after the first each is a duplicate",
			"compute it, as in ${message.json.run_id}")
	}
}

// isConstant reports whether a text is the same for all events, and meant to be.
func isConstant(t Text) bool {
	_, habitual := habit.Text(t.Value, habit.Known{})
	return t.IsSet() && !strings.Contains(t.Value, "${") && !habitual
}

var (
	// wholeTime is a logical_date that is an event's time, not cut to an hour or a
	// day: two events hardly ever have the same.
	wholeTime = regexp.MustCompile(`^\$\{\s*\w+\.\w+\s*\}$`)
	// used finds what a text uses of an event.
	used = regexp.MustCompile(`\b(?:event|object|message|data|path)\.\w+`)
	// shared finds uses that several events can have in common.
	shared = regexp.MustCompile(`^(?:path\.\w+|event\.time|message\.publish_time|object\.(?:timeCreated|updated))$`)
)

// coarse finds a logical_date that several runs of the route can have in common:
// a DAG has one run for each logical date, and Airflow refuses the second.
func (w *warner) coarse() {
	date := w.spec.LogicalDate
	uses := used.FindAllString(date.Value, -1)
	path := !slices.ContainsFunc(uses, func(use string) bool { return !strings.HasPrefix(use, "path.") })
	switch {
	case !date.IsSet(), dayCapture.MatchString(date.Value),
		slices.ContainsFunc(uses, func(use string) bool { return !shared.MatchString(use) }),
		strings.Contains(date.Value, "${") && len(uses) == 0,
		!path && wholeTime.MatchString(strings.TrimSpace(date.Value)),
		len(uses) > 0 && path && w.exact(uses):
		return
	}
	for _, id := range []Text{w.spec.RunID, w.spec.RunIDExact} {
		if id.IsSet() && !slices.ContainsFunc(used.FindAllString(id.Value, -1), func(use string) bool { return !slices.Contains(uses, use) }) {
			return
		}
	}
	w.warn(date.Position, "logical_date is coarser than the run id: Airflow takes one run of a DAG for each logical date, "+
		"so a second event of that date fails",
		"leave it out and pass the date in conf, or compute run_id from the same fields, so that all events of a date are one run")
}

// exact reports whether the captures in uses distinguish all objects of the route.
func (w *warner) exact(uses []string) bool {
	return len(w.spec.Object) > 0 && !slices.ContainsFunc(w.spec.Object, func(object Text) bool {
		rest := object.Value
		for _, use := range uses {
			rest = regexp.MustCompile(`\{`+strings.TrimPrefix(use, "path.")+`=\*+\}`).ReplaceAllString(rest, "")
		}
		return strings.Contains(rest, "*")
	})
}

// reservedConfKeys are those of Airflow's serialiser. From 3.4 on, Airflow answers
// 422 to a conf that has one of them at any depth; see FORBIDDEN_XCOM_KEYS in
// airflow/_shared/serialization and check_conf_reserved_keys in
// airflow/api_fastapi/core_api/datamodels/common.py.
var reservedConfKeys = []string{
	"__cache__", "__classname__", "__data__", "__id__", "__source", "__type", "__var", "__version__",
}

// reserved finds the keys of a conf that Airflow 3.4 refuses.
func (w *warner) reserved(v *Value) {
	for _, name := range v.Names {
		if slices.Contains(reservedConfKeys, name.Value) {
			w.warn(name.Position, "conf: Airflow 3.4 and later refuse the key "+name.Value+", which its serialiser reserves",
				"rename the key")
		}
	}
	for i := range v.Members {
		w.reserved(&v.Members[i])
	}
}

// wants writes which events the route wants, whatever it is called.
func (s *Spec) wants() string {
	var b strings.Builder
	for _, key := range keys {
		switch field := key.To(s).(type) {
		case *document.Texts:
			if key.Name != "dags" {
				fmt.Fprintf(&b, "%s=%q;", key.Name, values(*field))
			}
		case *Attributes:
			for _, a := range *field {
				fmt.Fprintf(&b, "%s.%q=%q;", key.Name, a.Name.Value, values(a.Patterns))
			}
		}
	}
	fmt.Fprintf(&b, "when=%q;", s.When.Value)
	return b.String()
}

// asks writes which run the route asks for.
func (s *Spec) asks() string {
	target := fmt.Sprintf("%q;%q;%t;%q;", s.DAG.Value, s.asset().Value, s.Materialize.On(), s.PartitionKey.Value)
	return fmt.Sprintf("%q;%q;%s%q;%s;", s.Reject.Value, s.Environment.Value, target, s.LogicalDate.Value, s.Every.Value) +
		string(s.Conf.JSON()) + string(s.Extra.JSON()) + s.computes() + s.Complete.content()
}

// plain are texts without their places.
func plain(texts []Text) []string {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = t.Value
	}
	return all
}

// values are texts without their places; event types by their full names, which
// nothing else is called like.
func values(texts []Text) []string {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = t.Value
		if full, ok := shortTypes[t.Value]; ok {
			all[i] = full
		}
	}
	return all
}

// computes writes the route's vars.
func (s *Spec) computes() string {
	var b strings.Builder
	for _, v := range s.Vars {
		fmt.Fprintf(&b, "%s=%s;", v.Name.Value, v.Value.JSON())
	}
	return b.String()
}

// shownAsWritten are the patterns that pick events and hold no value of the
// environment, which no warning shows.
func shownAsWritten(texts []Text) []Text {
	return slices.DeleteFunc(slices.Clone(texts), func(t Text) bool {
		return t.Written != nil || strings.HasPrefix(t.Value, excludes)
	})
}
