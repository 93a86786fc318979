// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
	"example.com/dagtrigger/internal/route/fileset"
	"example.com/dagtrigger/internal/route/pattern"
)

// Set is the set of objects that a plan waits for, and how the plan is made once
// they are all there.
type Set struct {
	fileset.Set
	// ByContent reports that the run id covers the objects' generations, so that it is
	// known only once the set has been listed.
	ByContent bool

	rule            *rule
	event           *event.Event
	names, captures []string
}

// What an overwrite means after the set's run was started.
const (
	againNever   = "never"   // nothing
	againChanged = "changed" // another run
)

// completion is a compiled complete.
type completion struct {
	prefix   *located
	names    []*located
	count    int
	manifest *located
	files    *located
	changed  bool
	at       Position
	// groupBy are the captures in prefix: objects of one set have them in common.
	groupBy []string
}

// set renders the set that the event belongs to.
func (r *rule) set(ctx context.Context, s *expression.Scope) (*Set, error) {
	c := r.complete
	object := s.Event().Object
	if object == nil {
		return nil, placed("complete", c.at, errors.New("the event has no object: leave its type out of on"))
	}
	set := &Set{rule: r, event: s.Event(), ByContent: c.changed}
	names, captures := s.Captures()
	set.names, set.captures = slices.Clone(names), slices.Clone(captures)
	set.Bucket, set.Count = object.Bucket, c.count
	var err error
	if set.Prefix, err = c.prefix.text(ctx, s, "complete.prefix"); err != nil {
		return nil, err
	}
	for _, name := range c.names {
		text, err := name.text(ctx, s, "complete.names")
		if err != nil {
			return nil, err
		}
		set.Names = append(set.Names, text)
	}
	if c.manifest != nil {
		set.Manifest, err = c.manifest.text(ctx, s, "complete.manifest")
	}
	set.Match = set.counts
	return set, err
}

// counts reports whether an object counts: object matches it with what the prefix
// captured of the event's object, and skip does not pass over it.
func (s *Set) counts(o fileset.Object) bool {
	for i := range s.rule.filters {
		f := &s.rule.filters[i]
		if f.key != "object" {
			continue
		}
		values, ok := firstMatch(f.patterns, o.Name)
		if !ok || slices.ContainsFunc(s.rule.complete.groupBy, func(name string) bool { return values(name) != s.capture(name) }) {
			return false
		}
	}
	return !slices.ContainsFunc(s.rule.skip, func(p preset) bool {
		_, skips := p.skips(o.Name, func() string { return o.Size })
		return skips
	})
}

// firstMatch finds the pattern that counts for a name, and returns what it captures.
func firstMatch(patterns []*pattern.Pattern, name string) (capture func(string) string, ok bool) {
	for _, p := range patterns {
		if values, ok := p.Match(name); ok {
			return func(name string) string { return at(p.Names(), values, name) }, true
		}
	}
	return nil, false
}

func (s *Set) capture(name string) string { return at(s.names, s.captures, name) }

func at(names, values []string, name string) string {
	i := slices.Index(names, name)
	if i < 0 {
		return ""
	}
	return values[i]
}

// identity is which events are of one set.
func (s *Set) identity(p *Plan) []string {
	if s.rule.runID != nil {
		return append([]string{"complete"}, p.Identity...)
	}
	return []string{"complete", s.Bucket, s.Prefix}
}

// maxNames is the most names that a manifest may list.
const maxNames = fileset.MaxObjects

// ManifestNames reads the names of the set's objects from its manifest.
func (s *Set) ManifestNames(ctx context.Context, manifest []byte) ([]string, error) {
	files := s.rule.complete.files
	failed := func(err error) error { return placed("complete.files", files.at, err) }
	if !json.Valid(manifest) {
		return nil, failed(fmt.Errorf("the manifest %s is not valid JSON", s.Manifest))
	}
	scope := s.scope(ctx).WithManifest(manifest)
	b := expression.Output{Most: expression.MaxConf}
	if err := files.JSON(ctx, scope, &b); err != nil {
		return nil, failed(err)
	}
	var names []string
	if json.Unmarshal(b.Bytes(), &names) != nil || slices.Contains(names, "") {
		return nil, failed(fmt.Errorf("what it gives of the manifest %s is not a list of names: "+
			"give one, as in ${manifest.files} or ${manifest.files.map(f, f.name)}", s.Manifest))
	}
	switch {
	case len(names) == 0:
		return nil, failed(fmt.Errorf("the manifest %s lists no names", s.Manifest))
	case len(names) > maxNames:
		return nil, failed(fmt.Errorf("the manifest %s lists over %d names", s.Manifest, maxNames))
	}
	return names, nil
}

func (s *Set) scope(ctx context.Context) *expression.Scope {
	scope := expression.NewScope(s.event).Capture(s.names, s.captures)
	if s.rule.vars != nil {
		scope = scope.With(ctx, s.rule.vars)
	}
	return scope
}

// Plan returns p with what depends on the set's objects.
func (s *Set) Plan(ctx context.Context, p *Plan, state fileset.State) (Plan, error) {
	completed := *p
	completed.Set = nil
	text, err := s.JSON(state)
	if err != nil {
		return *p, err
	}
	scope := s.scope(ctx).WithSet(text)
	if completed.Conf, err = s.rule.conf.json(ctx, scope); err != nil {
		return *p, err
	}
	if s.ByContent {
		completed.Identity = slices.Concat(p.Identity, state.Key())
	}
	if s.rule.note == nil {
		completed.Note = shorten(markdown(fmt.Sprintf("all objects of %s: %d", shorten(s.Place(), maxNote-30), len(state.Objects))), maxNote)
		return completed, nil
	}
	completed.Note, err = s.rule.noteOn(ctx, scope)
	return completed, err
}
