// SPDX-License-Identifier: Apache-2.0

package uploads

import (
	"net/http"

	"example.com/dagtrigger/internal/operator/gcp"
)

// Error is why a bucket could not be listed. It holds no token.
type Error struct{ gcp.Failure }

func failed(place string, err error) error {
	e := &Error{gcp.Failed("listing "+place, err)}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Fix = "give this account the role roles/storage.objectViewer on the bucket"
	case http.StatusNotFound:
		e.Fix = "name a bucket that is there"
	}
	return e
}
