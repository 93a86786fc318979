// SPDX-License-Identifier: Apache-2.0

package shadowlog

import (
	"io"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/operator/outcomelog"
)

// Summary is what a log comes to.
type Summary struct {
	// Events is how many were compared. Each of the counts below but NotCompared is of
	// decisions: an event that several routes match has several.
	Events      int `json:"events"`
	Same        int `json:"same"`
	Different   int `json:"different"`
	OnlyLive    int `json:"only_live"`
	OnlyShadow  int `json:"only_shadow"`
	Neither     int `json:"neither"`
	NotCompared int `json:"not_compared"`
	// In counts the differences by what is not the same.
	In map[string]int `json:"different_in"`
	// LeftOut is how many events neither matches that the log only counts, and Summed how
	// many decisions of large batches.
	LeftOut int `json:"left_out"`
	Summed  int `json:"summed"`
	// Files are the shadow files that decided, by name and digest, without repetition.
	Files    []string     `json:"shadow_files"`
	Examples []Difference `json:"examples"`

	Skipped outcomelog.Skipped `json:"-"`
	Lines   int                `json:"-"` // of events
	Shadows int                `json:"-"` // of those, by shadows
}

// Differs reports whether the shadow decided anything otherwise.
func (s *Summary) Differs() bool { return s.Different+s.OnlyLive+s.OnlyShadow > 0 }

// maxEvents is how many events are held at once. The two sides of a delivery are
// neighbours in a log; a delivery that comes later than so many events counts again.
const maxEvents = 50_000

// maxFiles bounds the shadow files that are named.
const maxFiles = 10

// Compare reads a log, and keeps so many examples of each kind of difference.
func Compare(in io.Reader, examples int) (Summary, error) {
	c := comparison{examples: examples, events: map[string]*event{}, kept: map[string]int{}}
	c.In = map[string]int{}
	skipped, err := outcomelog.Read(in, c.line)
	c.Skipped = skipped
	for _, e := range c.queue {
		c.judge(e)
	}
	return c.Summary, err
}

type comparison struct {
	Summary
	examples int
	events   map[string]*event
	queue    []*event // in the order in which they came
	kept     map[string]int
}

func (c *comparison) line(l *outcomelog.Line) {
	c.Lines++
	c.LeftOut += int(l.LeftOut)
	if l.Shadow != "" {
		c.Shadows++
		c.file(l)
	}
	if l.Since != "" { // an event that a shadow matches has its own line
		c.LeftOut += int(l.Count)
		return
	}
	if l.Count > 1 {
		c.Summed += int(l.Count)
		return
	}
	if l.Key == "" {
		return // from before there was a shadow, or of an event without valid data
	}
	e := c.events[l.Key]
	if e == nil {
		if len(c.queue) == maxEvents {
			oldest := c.queue[0]
			c.queue[0], c.queue = nil, c.queue[1:]
			delete(c.events, oldest.key)
			c.judge(oldest)
		}
		e = &event{key: l.Key}
		c.events[l.Key] = e
		c.queue = append(c.queue, e)
	}
	e.add(l)
}

// file notes which shadow file decided.
func (c *comparison) file(l *outcomelog.Line) {
	if l.ShadowDigest == "" {
		return
	}
	name := l.ShadowFile + " " + l.ShadowDigest[:min(len(l.ShadowDigest), 12)]
	if len(c.Files) < maxFiles && !slices.Contains(c.Files, name) {
		c.Files = append(c.Files, name)
	}
}

// judge counts an event whose lines are read.
func (c *comparison) judge(e *event) {
	compared := false
	for _, d := range e.results() {
		compared = compared || d.Kind != NotCompared
		kind := d.Kind
		switch d.Kind {
		case Same:
			c.Same++
			continue
		case Neither:
			c.Neither++
			continue
		case NotCompared:
			c.NotCompared++
			continue
		case OnlyLive:
			c.OnlyLive++
		case OnlyShadow:
			c.OnlyShadow++
		case Different:
			c.Different++
			kind = strings.Join(d.In, ", ")
			c.In[kind]++
		}
		if c.kept[kind]++; c.kept[kind] <= c.examples {
			c.Examples = append(c.Examples, d)
		}
	}
	if compared {
		c.Events++
	}
}
