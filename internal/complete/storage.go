// SPDX-License-Identifier: Apache-2.0

package complete

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/flight"
	"example.com/dagtrigger/internal/rest"
	"example.com/dagtrigger/internal/route/fileset"
)

const (
	// pageSize is how many objects a page has at most:
	// https://cloud.google.com/storage/docs/json_api/v1/objects/list
	pageSize = 1000
	// maxPage bounds a page in bytes: the fields that are requested have at most
	// 1,024 bytes of name, each as \u0001, and 200 of the others.
	maxPage = pageSize * (6*1024 + 1000)
	// listingsAtOnce is how many listings one instance has in progress.
	listingsAtOnce = 4
	// listingTime bounds one, and its wait for its turn.
	listingTime = time.Minute
	// maxManifest bounds a manifest in bytes.
	maxManifest = 1 << 20
)

// Storage is Cloud Storage, as a [Bucket]. Any number of goroutines may share it.
type Storage struct {
	Client *rest.Client // of Cloud Storage

	listings flight.Group[[]fileset.Object]
	once     sync.Once
	turns    chan struct{} // holds one for each listing in progress
}

// Manifest implements [Bucket].
func (c *Storage) Manifest(ctx context.Context, s *fileset.Set) (text []byte, found bool, err error) {
	response, err := c.Client.Send(ctx, rest.Request{
		Method: http.MethodGet, Path: objects(s.Bucket) + "/" + url.PathEscape(s.Manifest),
		Query: url.Values{"alt": {"media"}}, MaxResponse: maxManifest,
	})
	if refused, ok := errors.AsType[*googleapi.Error](err); ok && refused.Code == http.StatusNotFound {
		return nil, false, nil // a bucket that does not exist is found by its listing
	}
	if err != nil {
		return nil, false, refusal("reading the manifest gs://"+s.Bucket+"/"+s.Manifest, s.Bucket, err)
	}
	return bytes.TrimPrefix(response.Body, []byte("\ufeff")), true, nil
}

// objects is the path of a bucket's objects.
func objects(bucket string) string { return "/storage/v1/b/" + url.PathEscape(bucket) + "/o" }

// List implements [Bucket]. Its listing is shared with all who call while it waits
// for its turn: in a burst of events of one set only the first few and the last have
// a listing to themselves. A listing in progress is never shared, because it may lack
// the object that an event is about.
func (c *Storage) List(ctx context.Context, s *fileset.Set) ([]fileset.Object, error) {
	c.once.Do(func() { c.turns = make(chan struct{}, listingsAtOnce) })
	key := s.Place()
	all, err := c.listings.Do(ctx, key, listingTime, func(ctx context.Context) ([]fileset.Object, error) {
		select {
		case c.turns <- struct{}{}:
			defer func() { <-c.turns }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		c.listings.Forget(key)
		return c.list(ctx, s.Bucket, s.Prefix)
	})
	if err == nil {
		return all, nil
	}
	return nil, refusal("listing "+key, s.Bucket, err)
}

// list returns the live objects below a prefix, sorted by name.
func (c *Storage) list(ctx context.Context, bucket, prefix string) ([]fileset.Object, error) {
	query := url.Values{
		"prefix": {prefix}, "maxResults": {strconv.Itoa(pageSize)},
		"fields": {"items(name,generation,size,updated),nextPageToken"}, "prettyPrint": {"false"},
	}
	var all []fileset.Object
	for {
		var page struct {
			Items         []fileset.Object `json:"items"`
			NextPageToken string           `json:"nextPageToken"`
		}
		err := c.Client.Call(ctx, rest.Request{Method: http.MethodGet, Path: objects(bucket), Query: query, MaxResponse: maxPage}, nil, &page)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		switch {
		case len(all) > fileset.MaxObjects:
			return nil, &Error{
				Kind:   Permanent,
				Reason: fmt.Sprintf("there are over %d objects: give complete a prefix with fewer objects below it", fileset.MaxObjects),
			}
		case page.NextPageToken == "":
			slices.SortFunc(all, func(a, b fileset.Object) int { return strings.Compare(a.Name, b.Name) })
			return all, nil
		}
		query.Set("pageToken", page.NextPageToken)
	}
}
