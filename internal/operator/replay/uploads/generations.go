// SPDX-License-Identifier: Apache-2.0

package uploads

import (
	"context"
	"slices"
)

// maxGenerations bounds how many generations of an object are listed.
const maxGenerations = 1000

// Generations returns the generations of one object, the newest first, with those that
// were overwritten or deleted where the bucket keeps them (Object Versioning, soft delete
// not included): at most 1,000.
func (b Bucket) Generations(ctx context.Context, name string) ([]Upload, error) {
	b.Prefix, b.Generation, b.versions = name, "", true
	var all []Upload
	for u, err := range b.List(ctx) {
		// The shortest name with the prefix comes first.
		if err != nil || u.Event.Subject != "objects/"+name || len(all) == maxGenerations {
			slices.Reverse(all) // they are listed from the oldest on
			return all, err
		}
		all = append(all, u)
	}
	slices.Reverse(all)
	return all, nil
}
