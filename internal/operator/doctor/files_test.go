// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"net/http"
	"testing"

	"example.com/dagtrigger/internal/simulator/googlesim"
)

func TestBucketsOfSetsAreListed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, role, want string
	}{
		{"a role that may list", "roles/storage.objectViewer", "ok: gs://acme-landing"},
		{"no role", "roles/pubsub.viewer", "failed: gs://acme-landing is not listed: storage.googleapis.com answers 403\n" +
			"gcloud storage buckets add-iam-policy-binding gs://acme-landing --member=serviceAccount:" + robot +
			" --role=roles/storage.objectViewer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, composer21)
			w.google.Storage = googlesim.NewStorage(func(r *http.Request) { t.Errorf("unknown request: %s", r.URL) }, "acme-landing")
			w.google.Accounts[0].Roles = append(w.google.Accounts[0].Roles, row.role)
			w.target.Routes[0].Lists = []string{"acme-landing"}
			all, _ := w.examine()
			w.wants(all, "files", row.want)
			// A route that names an asset starts no DAG.
			w.target.Routes[0].Asset, w.target.Routes[0].DAGs = "s3://acme/orders", nil
			all, _ = w.examine()
			w.wants(all, "files", row.want)
		})
	}
}
