// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"net/url"
	"strings"
)

// files lists the buckets of a route with complete, as the function does for each of
// its events.
func files(ctx context.Context, p *subject) Finding {
	if len(p.route.Lists) == 0 {
		return skipped("the route lists no bucket by its name")
	}
	for _, bucket := range p.route.Lists {
		var page struct{}
		address := "https://storage.googleapis.com/storage/v1/b/" + url.PathEscape(bucket) + "/o?maxResults=1&fields=nextPageToken"
		if err := p.get(ctx, address, &page); err != nil {
			return failed("gs://"+bucket+" is not listed: "+err.Error(), Fix{
				Do: "gcloud storage buckets add-iam-policy-binding gs://" + bucket +
					" --member=serviceAccount:" + p.account.Email + " --role=roles/storage.objectViewer",
			})
		}
	}
	return ok("gs://%s", strings.Join(p.route.Lists, ", gs://"))
}
