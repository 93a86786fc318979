// SPDX-License-Identifier: Apache-2.0

package example

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/route/fileset"
)

// maxNames is the most names of a set for which a sample has a call each.
const maxNames = 6

// withSet is a sample whose calls send all objects of the set that its event belongs to.
// It stays as it is without a set, where a manifest names the objects, or too many are named.
func (s Sample) withSet() Sample {
	o, isObject := s.Event.(delivery.Object)
	if s.Plan.Set == nil || !isObject {
		return s
	}
	set, one := s.Plan.Set, s.Sends[0]
	call := func(name string, more ...string) []string {
		args := slices.Clone(one)
		args[1] = "gs://" + o.Bucket + "/" + name
		return append(args, more...)
	}
	ending := path.Ext(o.Name)
	stem := strings.TrimSuffix(o.Name, ending)
	names, err := set.Whole(set.Names)
	switch {
	case set.Count > 0 && set.Match(fileset.Object{Name: stem + "1" + ending, Size: strconv.FormatInt(o.Size, 10)}):
		s.Sends = [][]string{call(stem+"{n}"+ending, "--count", strconv.Itoa(set.Count))}
	case err == nil && len(names) > 0 && len(names) <= maxNames:
		s.Sends = nil
		for _, name := range names {
			s.Sends = append(s.Sends, call(name))
		}
	}
	return s
}
