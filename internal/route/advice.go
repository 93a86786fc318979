// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strings"

	"example.com/dagtrigger/internal/document"
)

// Advice is what specs leave open that is not wrong. Where messages are pushed, a
// publisher of their topics can write one that looks like the notification of any
// bucket: a route for objects that names the subscription of its notifications
// trusts no other.
//
// Where a route waits for a set, the function's account has to list its bucket.
func Advice(specs []Spec) document.Problems { return append(openRoutes(specs), rights(specs)...) }

// rights names the role that routes with complete need.
func rights(specs []Spec) document.Problems {
	for i := range specs {
		s := &specs[i]
		if !s.Complete.IsSet() || s.Enabled.Off {
			continue
		}
		bucket := "its bucket"
		if len(s.Bucket) > 0 {
			bucket = "gs://" + shorten(strings.Join(plain(s.Bucket), ", gs://"), maxReason)
		}
		return document.Problems{problem(s.Complete.Position, "complete lists "+bucket+" with the function's account",
			"grant it roles/storage.objectViewer there, as dagtrigger deploy plan does; dagtrigger doctor checks it")}
	}
	return nil
}

func openRoutes(specs []Spec) document.Problems {
	messages := false
	var open []string
	at := Position{}
	for i := range specs {
		s := &specs[i]
		if !s.IsLive() {
			continue
		}
		object, message := s.kinds()
		messages = messages || message
		if object && len(s.Subscription)+len(s.Topic) == 0 {
			if open == nil {
				at = s.Position
			}
			open = append(open, s.Name.Value)
		}
	}
	if !messages || open == nil {
		return nil
	}
	return document.Problems{problem(at,
		"any message that is pushed can look like a notification of a bucket, and start "+shorten(strings.Join(open, ", "), maxReason),
		"where the uploads come as notifications, add subscription: NAME, so that only that subscription starts it")}
}
