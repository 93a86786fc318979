// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// storageVariable names the Cloud Storage that is used in place of Google's.
const storageVariable = "STORAGE_EMULATOR_HOST"

// localBucket is an embedded Cloud Storage, for routes with complete. It has the objects
// of the events that the function receives, as if they had been uploaded.
type localBucket struct {
	*server
	storage *googlesim.Storage
}

func openLocalBucket(ctx context.Context) (*localBucket, error) {
	b := &localBucket{storage: googlesim.NewStorage(func(*http.Request) {})} // what it does not know is answered with 404
	b.storage.Open = true
	var err error
	b.server, err = listen(ctx, loopback, 0, programsOnly(loopback, b.storage))
	return b, err
}

// close stops it; nil is closed already.
func (b *localBucket) close() error {
	if b == nil {
		return nil
	}
	return b.server.close()
}

// settings leads the function to it.
func (b *localBucket) settings(getenv func(string) string) func(string) string {
	if b == nil {
		return getenv
	}
	return over(map[string]string{storageVariable: b.url}, getenv)
}

// fill puts the objects of the function's events into the bucket before the function
// reads the request, while one of its routes lists a bucket.
func (b *localBucket) fill(f *reloading) http.Handler {
	if b == nil {
		return f
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(setsOf(f.config())) > 0 {
			b.note(r)
		}
		f.ServeHTTP(w, r)
	})
}

// note reads the events of a request, and leaves its body to be read again. What is not
// an event, or too large, is left to the function to refuse.
func (b *localBucket) note(r *http.Request) {
	read, err := io.ReadAll(io.LimitReader(r.Body, event.MaxBody+1))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(read), r.Body), r.Body}
	if err != nil {
		return
	}
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(read))
	if event.DecodeContent(copied) != nil {
		return
	}
	events, _ := event.FromRequest(copied, event.MaxBody)
	for i := range events {
		if events[i].Object != nil {
			b.change(events[i].Object, events[i].Type)
		}
	}
}

// change applies the change of an object, unless a later one has been seen. A content
// that was uploaded stays.
func (b *localBucket) change(o *event.Object, eventType string) {
	generation, err := strconv.ParseInt(o.Generation, 10, 64)
	object, exists := b.storage.Object(o.Bucket, o.Name)
	if err != nil || exists && object.Generation > generation {
		return
	}
	switch delivery.Change(eventType[strings.LastIndexByte(eventType, '.')+1:]) {
	case delivery.Deleted, delivery.Archived:
		b.storage.Delete(o.Bucket, o.Name)
	default:
		object.Name, object.Generation, object.Resource = o.Name, generation, o.Resource
		b.storage.Put(o.Bucket, object)
	}
}

// setsOf are the routes of a function that wait for a set of files, those of a shadow
// file included: it lists the bucket too.
func setsOf(c config.Config) (sets []route.Spec) {
	for _, file := range []*config.File{c.File, c.Shadow} {
		if file == nil {
			continue
		}
		for i := range file.Routes {
			if s := &file.Routes[i]; s.Complete.IsSet() && !s.Enabled.Off {
				sets = append(sets, *s)
			}
		}
	}
	return sets
}

// manifest is a command that writes the manifest of a set, which names the object of an
// event.
func (b *localBucket) manifest(set *route.Set, of delivery.Event) string {
	var names []string
	if o, ok := of.(delivery.Object); ok {
		names = []string{strings.TrimPrefix(o.Name, set.Prefix)}
	}
	text, _ := json.Marshal(map[string][]string{"files": names}) // text has no error
	address := b.url + "/upload/storage/v1/b/" + url.PathEscape(set.Bucket) + "/o?uploadType=media&name=" + url.QueryEscape(set.Manifest)
	return "curl -s " + shellWord(address) + " -d " + shellWord(string(text)) + " -o /dev/null"
}

// text describes it, where a route lists a bucket.
func (b *localBucket) text(c config.Config) string {
	if b == nil || len(setsOf(c)) == 0 {
		return ""
	}
	return "Cloud Storage is embedded too, at " + b.url + ":\nit has the objects that events name, which complete lists.\n"
}
