// SPDX-License-Identifier: Apache-2.0

// Package fileset implements the comparison of a set of objects in a bucket with a
// listing of that bucket: which of them are there, and what is missing.
//
// It never does I/O: package complete lists the bucket.
package fileset

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/dagtrigger/internal/plainjson"
)

// MaxObjects is how many objects a set's prefix may have below it.
const MaxObjects = 10_000

// Set is a set of objects below a prefix of a bucket. One of Names, Count and
// Manifest says when it is complete.
type Set struct {
	Bucket, Prefix string
	// Names are the names of all its objects, each relative to Prefix, or whole.
	Names []string
	// Count is the least number of objects, of those that Match accepts. Where Match
	// is nil, it accepts every object below the prefix.
	Count int
	Match func(Object) bool
	// Manifest is the name of an object whose JSON lists the names.
	Manifest string
}

// Object is an object as Cloud Storage lists it.
type Object struct {
	Name       string    `json:"name"`
	Generation string    `json:"generation"`
	Size       string    `json:"size"` // decimal, as in the object resource
	Updated    time.Time `json:"updated"`
}

// State is what a comparison found.
type State struct {
	// Complete reports whether every object is there.
	Complete bool
	// Objects are those of the set that are there, sorted by name.
	Objects []Object
	// Missing says what is not there, for people. It is empty where Complete is set.
	Missing string
}

// Place is where the set is, as gs://BUCKET/PREFIX.
func (s *Set) Place() string { return "gs://" + s.Bucket + "/" + s.Prefix }

// Compare compares a listing, sorted by name, with what the set must have. names are
// those that [Set.Whole] returned.
func (s *Set) Compare(listed []Object, names []string) State {
	if s.Count > 0 {
		return s.counted(listed)
	}
	var state State
	var missing []string
	for _, name := range names {
		i, found := slices.BinarySearchFunc(listed, name, func(o Object, name string) int { return strings.Compare(o.Name, name) })
		if !found {
			missing = append(missing, strings.TrimPrefix(name, s.Prefix))
			continue
		}
		state.Objects = append(state.Objects, listed[i])
	}
	state.Complete = len(missing) == 0
	state.Missing = shown(missing)
	return state
}

func (s *Set) counted(listed []Object) State {
	var state State
	for _, o := range listed {
		if strings.HasPrefix(o.Name, s.Prefix) && (s.Match == nil || s.Match(o)) {
			state.Objects = append(state.Objects, o)
		}
	}
	if state.Complete = len(state.Objects) >= s.Count; !state.Complete {
		state.Missing = fmt.Sprintf("%d of %d objects", s.Count-len(state.Objects), s.Count)
	}
	return state
}

// maxName is how many bytes an object's name has at most:
// https://cloud.google.com/storage/docs/objects#naming
const maxName = 1024

// url is what a name begins with that says where it is.
var url = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://`)

// Whole returns the names with the prefix before those that are relative to it, sorted,
// each once. A name may also be gs://BUCKET/NAME. Its error is about a name that no
// listing of the set's prefix can have.
func (s *Set) Whole(names []string) ([]string, error) {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = name
		if url.MatchString(name) {
			object, same := strings.CutPrefix(name, "gs://"+s.Bucket+"/")
			if !same || !strings.HasPrefix(object, s.Prefix) {
				return nil, fmt.Errorf("%s is not below %s: name objects below it alone", short(name), s.Place())
			}
			all[i] = object
		} else if !strings.HasPrefix(name, s.Prefix) {
			all[i] = s.Prefix + name
		}
		if len(all[i]) > maxName {
			return nil, fmt.Errorf("%s has over %d bytes, and no object's name has", short(name), maxName)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Bounds of what is shown of the missing names.
const (
	maxShown     = 5   // names
	maxShownName = 100 // bytes of one
)

// shown lists some of the missing names.
func shown(missing []string) string {
	list := slices.Clone(missing[:min(len(missing), maxShown)])
	for i, name := range list {
		list[i] = short(name)
	}
	text := strings.Join(list, ", ")
	if len(missing) > maxShown {
		text += fmt.Sprintf(" and %d more", len(missing)-maxShown)
	}
	return text
}

func short(name string) string {
	if len(name) > maxShownName {
		return strings.ToValidUTF8(name[:maxShownName], "") + "…"
	}
	return name
}

// JSON is the set with its objects, as expressions see it: bucket, prefix and files.
func (s *Set) JSON(state State) ([]byte, error) {
	files := state.Objects
	if files == nil {
		files = []Object{}
	}
	return plainjson.Marshal(struct {
		Bucket string   `json:"bucket"`
		Prefix string   `json:"prefix"`
		Files  []Object `json:"files"`
	}{s.Bucket, s.Prefix, files})
}

// Key identifies the objects with their generations, sorted by name.
func (s State) Key() []string {
	parts := make([]string, len(s.Objects))
	for i, o := range s.Objects {
		parts[i] = o.Name + "#" + o.Generation
	}
	return parts
}
