// SPDX-License-Identifier: Apache-2.0

// Package uploads lists the objects of a Cloud Storage bucket, each with the event of
// its upload.
//
// The event is made of the object's resource as Cloud Storage lists it,
// with its real generation and its own time, in the envelope that Eventarc gives
// it. What the function makes of it is what it made of the first: the same
// normal form, the same key, the same run id. Where an object's metadata have
// changed since the upload, the resource has them as they are now; the key does
// not depend on them.
//
// The package reads, and nothing else: it sends no event, changes no object,
// never follows a redirect, and obtains no credentials: they are in the client
// that it is lent.
package uploads

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/gcp"
	"example.com/dagtrigger/internal/rest"
)

// Bucket is a bucket, the part of it below a prefix, or one object of it.
type Bucket struct {
	Name string
	// Prefix is what the names of its objects begin with, empty for all. An object
	// whose name is the whole prefix is meant alone, unless Any.
	Prefix string
	Any    bool
	// Generation is that of the one object which is meant; empty for the live one.
	Generation string

	// Client sends the requests, with credentials and without following
	// redirects. Its errors hold no token.
	Client *http.Client
	// Root is where Cloud Storage is asked, without a slash at its end; empty
	// stands for Google's own.
	Root string
	// UserAgent names this program to Google.
	UserAgent string

	versions bool // list all generations
}

// Parse reads gs://BUCKET/PREFIX, gs://BUCKET/PREFIX* or gs://BUCKET/OBJECT#GENERATION.
// The prefix may be left out, and is not a pattern but for the * at its end. It sends no
// request.
func Parse(address string) (Bucket, error) {
	rest, ok := strings.CutPrefix(address, "gs://")
	name, prefix, _ := strings.Cut(rest, "/")
	b := Bucket{Name: name}
	b.Prefix, b.Any = strings.CutSuffix(prefix, "*")
	if at := strings.LastIndexByte(prefix, '#'); at > 0 && at < len(prefix)-1 && strings.Trim(prefix[at+1:], "0123456789") == "" {
		b.Prefix, b.Generation = prefix[:at], prefix[at+1:]
	}
	switch {
	case !ok || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		return Bucket{}, fmt.Errorf("%.200q names no bucket: write gs://BUCKET/PREFIX", address)
	case strings.Contains(b.Prefix, "*"):
		return Bucket{}, fmt.Errorf("%.200q has a wildcard, which a prefix cannot have: write the beginning of the names, as in gs://%s/sales/",
			address, name)
	}
	return b, nil
}

// String is the address as it is written.
func (b Bucket) String() string {
	address := "gs://" + b.Name + "/" + b.Prefix
	if b.Generation != "" {
		return address + "#" + b.Generation
	}
	return address
}

// Upload is an object, and the event of its upload.
type Upload struct {
	// Place names it with its generation: gs://BUCKET/OBJECT#GENERATION.
	Place string
	Event event.CloudEvent
}

const (
	// pageSize is how many objects a listing holds in memory at once.
	pageSize = 500
	// maxPage is the size of a page in bytes: an object's custom metadata have
	// at most 8 KiB, https://cloud.google.com/storage/quotas#objects
	maxPage = 32 << 20
)

// List yields the live objects, by name. An error ends it.
func (b Bucket) List(ctx context.Context) iter.Seq2[Upload, error] {
	return func(yield func(Upload, error) bool) {
		for token := ""; ; {
			p, err := b.page(ctx, token)
			if err != nil {
				yield(Upload{}, err)
				return
			}
			for _, resource := range p.Items {
				u, err := upload(resource)
				if err != nil {
					yield(Upload{}, failed(b.String(), err))
					return
				}
				if b.isAlone(u) {
					yield(u, nil)
					return
				}
				if b.Generation == "" && !yield(u, nil) {
					return
				}
			}
			if token = p.NextPageToken; token == "" || b.Generation != "" { // one name comes before all that begin with it
				break
			}
		}
		if b.Generation != "" {
			yield(Upload{}, &Error{gcp.Failure{
				Doing: "listing " + b.String(), Err: errors.New("it is not the live generation of an object"),
				Fix: "leave #GENERATION out for the live one: Cloud Storage lists no other",
			}})
		}
	}
}

// isAlone reports whether u is the one object that is meant.
func (b Bucket) isAlone(u Upload) bool {
	whole := "gs://" + b.Name + "/" + b.Prefix + "#"
	switch generation, ok := strings.CutPrefix(u.Place, whole); {
	case !ok:
		return false
	case b.Generation != "":
		return generation == b.Generation
	case b.versions || b.Any || b.Prefix == "" || strings.HasSuffix(b.Prefix, "/"):
		return false
	default:
		return strings.Trim(generation, "0123456789") == ""
	}
}

// page is the answer of objects.list, the resources as they stand in it:
// https://cloud.google.com/storage/docs/json_api/v1/objects/list
type page struct {
	Items         []json.RawMessage `json:"items"`
	NextPageToken string            `json:"nextPageToken"`
}

// page asks for the page after a token.
func (b Bucket) page(ctx context.Context, token string) (page, error) {
	client := rest.Client{HTTP: b.Client, Root: cmp.Or(b.Root, "https://storage.googleapis.com"), UserAgent: b.UserAgent}
	query := url.Values{
		"prefix": {b.Prefix}, "pageToken": {token}, "maxResults": {strconv.Itoa(pageSize)},
		"projection": {"noAcl"}, "prettyPrint": {"false"},
	}
	if b.versions {
		query.Set("versions", "true")
	}
	var p page
	err := client.Call(ctx, rest.Request{
		Method: http.MethodGet, Path: "/storage/v1/b/" + url.PathEscape(b.Name) + "/o", MaxResponse: maxPage, Query: query,
	}, nil, &p)
	if err != nil {
		return page{}, failed(b.String(), err)
	}
	return p, nil
}

// upload makes the event of an object's resource.
func upload(resource json.RawMessage) (Upload, error) {
	made := event.CloudEvent{
		ID: "unknown", Source: "unknown", Type: "google.cloud.storage.object.v1.finalized",
		ContentType: "application/json", Data: resource,
	}
	o := event.New(made).Object // read as the function reads it
	var times struct{ TimeCreated, Updated time.Time }
	err := json.Unmarshal(resource, &times)
	if err != nil || o == nil || o.Bucket == "" || o.Name == "" || o.Generation == "" {
		return Upload{}, errors.New("an object in the answer lacks bucket, name or generation: is it Cloud Storage that answers?")
	}
	place := o.Bucket + "/" + o.Name + "#" + o.Generation
	made.ID, made.Source, made.Subject = place, "//storage.googleapis.com/projects/_/buckets/"+o.Bucket, "objects/"+o.Name
	made.Extensions = map[string]string{"bucket": o.Bucket}
	if made.Time = times.TimeCreated; made.Time.IsZero() { // of this generation; updated is that of its metadata
		made.Time = times.Updated
	}
	return Upload{Place: "gs://" + place, Event: made}, nil
}
