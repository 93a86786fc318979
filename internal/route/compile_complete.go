// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/route/fileset"
)

// completion compiles complete; nil where there is none.
func (c *compiler) completion() *completion {
	s := &c.spec.Complete
	if !s.IsSet() || slices.Contains(c.spec.invalid, "complete") {
		return nil
	}
	c.completeAlone()
	ways := 0
	for _, given := range []bool{len(s.Names) > 0, s.Count.Value > 0, s.Manifest.IsSet()} {
		if given {
			ways++
		}
	}
	c.ofOneBucket("prefix", s.Prefix)
	c.ofOneBucket("manifest", s.Manifest)
	if ways != 1 {
		c.problem(s.Position, fmt.Sprintf("complete has %d of names, count and manifest", ways), "give one, such as names: [eu.csv, us.csv]")
	}
	if s.Count.Value > fileset.MaxObjects {
		c.problem(s.Count.Position, fmt.Sprintf("complete.count is over %d, which is how many objects are listed at most", fileset.MaxObjects),
			"make smaller sets, with more of the name in complete.prefix")
	}
	if s.Files.IsSet() && !s.Manifest.IsSet() {
		c.problem(s.Files.Position, "complete.files is for a manifest", "leave it out, or add manifest")
	}
	done := &completion{
		prefix: c.template("complete.prefix", s.Prefix), count: s.Count.Value, at: s.Position,
		manifest: c.template("complete.manifest", s.Manifest),
		changed:  s.Again.Value == againChanged,
		groupBy:  c.capturesIn(s.Prefix),
	}
	for _, name := range s.Names {
		if name.Value == "" {
			c.problem(name.Position, "complete.names: a name is empty", "name an object, such as eu.csv")
		}
		done.names = append(done.names, c.template("complete.names", name))
	}
	if s.Manifest.IsSet() {
		done.files = c.manifestFiles(s)
	}
	return done
}

// ofOneBucket reports a text that cannot be an object's name or its beginning.
func (c *compiler) ofOneBucket(key string, text Text) {
	if strings.HasPrefix(text.Value, "gs://") || strings.HasPrefix(text.Value, "/") {
		c.problem(text.Position, "complete."+key+" begins with gs:// or /, and no object's name does", "leave gs://BUCKET/ and / off")
	}
}

// completeAlone reports what complete cannot be combined with.
func (c *compiler) completeAlone() {
	s := c.spec
	at := s.Complete.Position
	switch {
	case !c.object && len(s.On) > 0:
		c.problem(at, "complete: no event of this route has an object", "add a type such as object.finalized to on")
	case len(s.Object) == 0 && !slices.Contains(s.invalid, "object"):
		c.problem(at, "complete needs object, which says whose events look", "add object: sales/{day=*}/*.csv")
	}
	if s.Every.Value > 0 {
		c.problem(at, "complete cannot be combined with every",
			"leave one of the two out: complete starts one run of a set, every one of a window")
	}
	if s.RunIDExact.IsSet() && s.Complete.Again.Value == againChanged {
		c.problem(s.Complete.Again.Position, "again: changed cannot be combined with run_id_exact, which is the same for the next run",
			"use run_id in place of run_id_exact, or leave again out")
	}
}

// manifestFiles compiles files, or what stands for it.
func (c *compiler) manifestFiles(s *Complete) *located {
	text := s.Files
	if !text.IsSet() {
		text = Text{Value: "${manifest.files}", Position: s.Manifest.Position, Lead: -1}
	}
	before := len(c.problems)
	t := c.template(keyFiles, text)
	if t != nil && len(c.problems) == before && t.Lone() == nil {
		c.problem(text.Position, keyFiles+" is text", "give a list of names, as in ${manifest.files}")
	}
	return t
}

// keyFiles is the only key that can use the manifest.
const keyFiles = "complete.files"

// capturesIn are the captures of object that a template uses, each once.
func (c *compiler) capturesIn(text Text) []string {
	var names []string
	_, uses, _ := c.expressions.Template(text.Value)
	for _, u := range uses {
		if u.Variable == "path" && !slices.Contains(names, u.Capture) && slices.ContainsFunc(c.spec.Object, func(object Text) bool {
			p, err := c.pattern(object.Value)
			return err == nil && slices.Contains(p.Names(), u.Capture)
		}) {
			names = append(names, u.Capture)
		}
	}
	return names
}
