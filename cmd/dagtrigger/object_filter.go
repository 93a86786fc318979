// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/pattern"
)

// objectFilter is a flag that selects events by the Cloud Storage object that they are
// about: gs://BUCKET/PATTERN, or a pattern of the object's name, as in a route.
type objectFilter struct {
	text         string
	bucket, name *pattern.Pattern // nil for any
	generation   string           // empty for any
}

func (f *objectFilter) Type() string   { return "PATTERN" }
func (f *objectFilter) String() string { return f.text }

func (f *objectFilter) Set(text string) (err error) {
	*f = objectFilter{text: text}
	name := text
	if rest, ok := strings.CutPrefix(text, "gs://"); ok {
		var bucket string
		if bucket, name, _ = strings.Cut(rest, "/"); bucket == "" {
			return errors.New("write it as gs://BUCKET/PATTERN")
		}
		if f.bucket, err = pattern.Parse(bucket); err != nil {
			return err
		}
		name, f.generation = cutGeneration(name)
		if name == "" {
			return nil
		}
	}
	f.name, err = pattern.Parse(name)
	return err
}

// filter is nil where the flag was left out.
func (f *objectFilter) filter() func(*event.CloudEvent) bool {
	if f.text == "" {
		return nil
	}
	return func(ce *event.CloudEvent) bool {
		o := event.New(*ce).Object
		return o != nil && fits(f.bucket, o.Bucket) && fits(f.name, o.Name) && (f.generation == "" || f.generation == o.Generation)
	}
}

func fits(p *pattern.Pattern, name string) bool {
	if p == nil {
		return true
	}
	_, ok := p.Match(name)
	return ok
}

// cutGeneration takes OBJECT#GENERATION apart. The generation is empty where there is none.
func cutGeneration(name string) (object, generation string) {
	at := strings.LastIndexByte(name, '#')
	if at < 0 || at == len(name)-1 || strings.Trim(name[at+1:], "0123456789") != "" {
		return name, ""
	}
	return name[:at], name[at+1:]
}

// placeOf is the address of the object that an event is about, gs://BUCKET/OBJECT#GENERATION;
// empty for any other event.
func placeOf(ce *event.CloudEvent) string {
	o := event.New(*ce).Object
	if o == nil {
		return ""
	}
	return "gs://" + o.Bucket + "/" + o.Name + "#" + o.Generation
}
