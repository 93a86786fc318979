// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/example"
	"example.com/dagtrigger/internal/plainjson"
)

// routeDraft is a route to be written, and the examples that show it.
type routeDraft struct {
	name     string
	lines    []string // below name, as YAML
	examples []string // each the lines of an example after "- ", without starts
}

// drafts are the routes that the flags ask for.
func (p *program) drafts(ctx context.Context, i initFlags) ([]routeDraft, error) {
	if len(i.buckets)+len(i.topics) == 0 && i.event == "" {
		i.buckets, i.topics = []string{"acme-landing"}, []string{"orders"}
	}
	var drafts []routeDraft
	if i.event != "" {
		d, err := p.eventDraft(ctx, i)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, d)
	}
	for _, bucket := range i.buckets {
		bucket = strings.TrimSuffix(strings.TrimPrefix(bucket, "gs://"), "/")
		drafts = append(drafts, bucketDraft(bucket, i.object, i.dag))
	}
	for _, topic := range i.topics {
		drafts = append(drafts, topicDraft(topic, i.dag, `{"order": 4711}`))
	}
	taken := map[string]int{}
	for n := range drafts {
		name := drafts[n].name
		if taken[name]++; taken[name] > 1 {
			drafts[n].name = fmt.Sprintf("%s-%d", name, taken[name])
		}
	}
	return drafts, nil
}

// bucketDraft starts dag for the uploads to bucket whose names match pattern.
func bucketDraft(bucket, pattern, dag string) routeDraft {
	d := routeDraft{name: routeName(bucket), lines: []string{"on: object.finalized", "bucket: " + quoted(bucket)}}
	if pattern == "" {
		d.lines = append(d.lines, `object: "**"            # any; sales/{region=*}/*.csv makes ${path.region} too`)
		pattern = "sales/eu.csv"
	} else {
		d.lines = append(d.lines, "object: "+quoted(pattern))
	}
	d.lines = append(d.lines, "skip: [folders, empty, temporary]", "dag: "+quoted(dag), "conf:",
		"  uri: gs://${object.bucket}/${object.name}", "  size: ${int(object.size)}")
	for _, capture := range captures(pattern) {
		d.lines = append(d.lines, "  "+capture+": ${path."+capture+"}")
	}
	d.examples = []string{
		fmt.Sprintf("name: an upload to %s starts %s\nupload: %s\nsize: 1024", bucket, dag,
			quoted("gs://"+bucket+"/"+example.Matching(pattern, "a"))),
		fmt.Sprintf("name: a file in %s that is still being written starts nothing\nupload: %s\nsize: 1024", bucket,
			quoted("gs://"+bucket+"/_temporary/"+path.Base(example.Matching(pattern, "a")))),
	}
	return d
}

// captured matches a capture of a pattern.
var captured = regexp.MustCompile(`\{([a-z][a-z0-9_]*)=\*+\}`)

// captures are the names of a pattern's captures, less those that the conf has.
func captures(pattern string) (names []string) {
	for _, m := range captured.FindAllStringSubmatch(pattern, -1) {
		if m[1] != "uri" && m[1] != "size" {
			names = append(names, m[1])
		}
	}
	return names
}

// topicDraft starts dag for the messages of topic. data is that of its example.
func topicDraft(topic, dag, data string) routeDraft {
	name := topic[strings.LastIndexByte(topic, '/')+1:]
	return routeDraft{
		name: routeName(name),
		lines: []string{"on: message.published", "topic: " + quoted(topic), "dag: " + quoted(dag) +
			"  # conf: the message's JSON object"},
		examples: []string{fmt.Sprintf("name: a message of %s starts %s\nmessage: %s\ntopic: %s", name, dag, data, quoted(topic))},
	}
}

// eventDraft makes a route for the event of a file, and the event its example.
func (p *program) eventDraft(ctx context.Context, i initFlags) (routeDraft, error) {
	text, err := p.read("@" + i.event)
	if err != nil {
		return routeDraft{}, err
	}
	made, err := delivery.Parse(text, delivery.Defaults{ID: "1", Time: p.now(), Topic: delivery.DefaultTopic,
		Subscription: subscription("example")})
	if err != nil {
		return routeDraft{}, fmt.Errorf("reading %s: %w", i.event, err)
	}
	request, err := made.Request(delivery.Eventarc)
	if err != nil {
		return routeDraft{}, fmt.Errorf("reading %s: %w", i.event, err)
	}
	ev, err := example.ReceiveOne(ctx, request)
	if err != nil {
		return routeDraft{}, fmt.Errorf("reading %s: %w", i.event, err)
	}
	line, err := oneLine(text)
	d := draftOf(ev, i.dag)
	d.examples = []string{fmt.Sprintf("name: the event of %s starts %s\nevent: %s", path.Base(i.event), i.dag, line)}
	return d, err
}

// oneLine writes JSON on one line, with none of the escapes that YAML lacks,
// such as \/.
func oneLine(text []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return "", fmt.Errorf("reading the event: %w", err)
	}
	var b strings.Builder
	err := plainjson.Encode(&b, value)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// draftOf is the route for events like ev.
func draftOf(ev *event.Event, dag string) routeDraft {
	switch {
	case ev.Object != nil:
		d := bucketDraft(ev.Object.Bucket, likeName(ev.Object.Name), dag)
		d.lines[0] = "on: " + quoted(ev.Type)
		return d
	case ev.Message != nil && ev.Message.Topic != delivery.DefaultTopic:
		return topicDraft(ev.Message.Topic, dag, "")
	case ev.Message != nil: // the body of a push names its subscription only
		name := ev.Message.Subscription
		return routeDraft{name: routeName(name[strings.LastIndexByte(name, '/')+1:]), lines: []string{
			"on: message.published", "subscription: " + quoted(name), "dag: " + quoted(dag) + "  # conf: the message's JSON object",
		}}
	}
	name := ev.Type[strings.LastIndexByte(ev.Type, '.')+1:]
	return routeDraft{name: routeName(name), lines: []string{
		"on: " + quoted(ev.Type), "source: " + quoted(ev.Source), "dag: " + quoted(dag) + "  # conf: the event's data",
	}}
}

// likeName is a pattern for the objects beside name: the same first folder and
// the same ending.
func likeName(name string) string {
	folder, rest, ok := strings.Cut(name, "/")
	ending := path.Ext(name)
	if !ok {
		return "*" + ending
	}
	if strings.Contains(rest, "/") {
		return folder + "/**" + ending
	}
	return folder + "/*" + ending
}

// routeName makes a route's name of a bucket's, a topic's or a type's.
func routeName(of string) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' {
			return c
		}
		return '-'
	}, strings.ToLower(of))
	if name = strings.Trim(name, "-_"); name == "" {
		return "events"
	}
	return name[:min(len(name), 60)]
}

// quoted is text as a YAML value, in quotes where it could be read as something else.
func quoted(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:") == "" &&
		strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/", text[0]) >= 0 && !strings.HasSuffix(text, ":") {
		return text
	}
	b, _ := json.Marshal(text) // a string has no error
	return string(b)
}

// firstRoutes is the routes file.
func firstRoutes(drafts []routeDraft) []byte {
	var b bytes.Buffer
	b.WriteString("# yaml-language-server: $schema=" + schemaName + "\n" +
		"# \"dagtrigger help routes\" lists the keys.\nroutes:\n")
	for _, d := range drafts {
		b.WriteString("  - name: " + d.name + "\n")
		for _, line := range d.lines {
			b.WriteString("    " + line + "\n")
		}
	}
	return b.Bytes()
}

// firstExamples is the file of examples. What each starts is filled in by trying it.
func firstExamples(drafts []routeDraft) []byte {
	var b bytes.Buffer
	b.WriteString("# yaml-language-server: $schema=" + examplesSchemaName + "\n" +
		"# Events, and the runs that they must start: \"dagtrigger test " + examplesName + "\".\n" +
		"config: " + routesName + "\ntests:\n")
	for _, d := range drafts {
		for _, e := range d.examples {
			b.WriteString("  - " + strings.ReplaceAll(e, "\n", "\n    ") + "\n")
		}
	}
	return b.Bytes()
}
