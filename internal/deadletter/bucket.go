// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	"google.golang.org/api/googleapi"

	"example.com/dagtrigger/internal/rest"
)

const (
	// maxWrites is how often Put starts again because another process wrote
	// the same record in between.
	maxWrites = 5
	// pageSize is how many records a listing holds in memory at once, and
	// readsAtOnce how many of them it reads at the same time.
	pageSize, readsAtOnce = 32, 8
	// maxRecord is the size of a record, in bytes: the largest event that the
	// function takes, in base64, and its attributes.
	maxRecord = 32 << 20
)

// bucket keeps each record as an object. Generation preconditions make that
// safe for any number of writers:
// https://cloud.google.com/storage/docs/request-preconditions
type bucket struct {
	address Address
	storage *rest.Client
}

func openBucket(a Address, o Options) (*bucket, error) {
	client, err := o.client(a, o.StorageEmulator, rest.CloudStorage)
	if err != nil {
		return nil, err
	}
	return &bucket{address: a, storage: client}, nil
}

func (b *bucket) String() string { return b.address.String() }

// Close has nothing to do: a listing of a bucket holds nothing.
func (*bucket) Close(context.Context) error { return nil }

// Put implements [Store]. A first failure costs one request, a further one three.
func (b *bucket) Put(ctx context.Context, r Record) error {
	r = r.filled()
	object := b.address.object(r.Name())
	err := b.write(ctx, object, r, 0) // where there is no such object yet
	for write := 1; write < maxWrites && hasStatus(err, http.StatusPreconditionFailed); write++ {
		var held Record
		var generation int64
		held, generation, err = b.held(ctx, object)
		next, further := r, true
		if held.Attempts > 0 {
			next, further = r.after(held)
		}
		if err != nil || !further {
			break
		}
		err = b.write(ctx, object, next, generation)
	}
	return b.failed("storing the dead letter", object, err)
}

// write makes or replaces an object that has the generation given, 0 where
// there is none.
func (b *bucket) write(ctx context.Context, object string, r Record, generation int64) error {
	body, err := r.Encode()
	if err != nil {
		return err
	}
	query := url.Values{
		"uploadType": {"media"}, "name": {object}, "ifGenerationMatch": {strconv.FormatInt(generation, 10)}, "fields": {"generation"},
	}
	_, err = b.storage.Send(ctx, rest.Request{
		Method: http.MethodPost, Path: "/upload" + b.objects(), Query: query, Body: body, ContentType: "application/json",
	})
	return err
}

// held is the record that an object keeps, and its generation. Both are zero
// where there is no object; the record is where the object is none, which is
// then replaced: the event at hand is worth more.
func (b *bucket) held(ctx context.Context, object string) (Record, int64, error) {
	r, generation, err := b.read(ctx, object)
	if _, unreadable := errors.AsType[*UnreadableError](err); unreadable || hasStatus(err, http.StatusNotFound) {
		return Record{}, generation, nil
	}
	return r, generation, err
}

// objects is the path of the bucket's objects:
// https://cloud.google.com/storage/docs/json_api/v1/objects
func (b *bucket) objects() string { return "/storage/v1/b/" + url.PathEscape(b.address.name) + "/o" }

func (b *bucket) object(name string) string { return b.objects() + "/" + url.PathEscape(name) }

func (b *bucket) read(ctx context.Context, object string) (Record, int64, error) {
	resp, err := b.storage.Send(ctx, rest.Request{
		Method: http.MethodGet, Path: b.object(object), Query: url.Values{"alt": {"media"}}, MaxResponse: maxRecord + 1,
	})
	if err != nil {
		return Record{}, 0, err
	}
	generation, err := strconv.ParseInt(resp.Header.Get("X-Goog-Generation"), 10, 64)
	if err != nil {
		return Record{}, 0, errors.New("the answer names no generation")
	}
	r, err := decodeAt(b.place(object), resp.Body)
	return r, generation, err
}

// decodeAt reads what is kept at a place. Its error is an [*UnreadableError].
func decodeAt(place string, body []byte) (Record, error) {
	if len(body) > maxRecord {
		return Record{}, &UnreadableError{Place: place, Err: fmt.Errorf("it has over %d bytes", maxRecord)}
	}
	r, err := Decode(body)
	if err != nil {
		return Record{}, &UnreadableError{Place: place, Err: err}
	}
	return r, nil
}

// letter reads a letter.
func (b *bucket) letter(ctx context.Context, object string) (Letter, error) {
	r, generation, err := b.read(ctx, object)
	return Letter{Record: r, Place: b.place(object), version: strconv.FormatInt(generation, 10)}, err
}

// List implements [Archive].
func (b *bucket) List(ctx context.Context, f Filter) iter.Seq2[Letter, error] {
	if len(f.Names) > 0 {
		return named(ctx, f, b.Get)
	}
	return func(yield func(Letter, error) bool) {
		prefix := b.address.object("")
		prefix = strings.TrimSuffix(prefix, extension)
		query := url.Values{
			"prefix": {prefix}, "delimiter": {"/"}, "maxResults": {strconv.Itoa(pageSize)}, "fields": {"items(name),nextPageToken"},
		}
		for {
			var page struct {
				Items         []struct{ Name string }
				NextPageToken string
			}
			if err := b.storage.Call(ctx, rest.Request{Method: http.MethodGet, Path: b.objects(), Query: query}, nil, &page); err != nil {
				yield(Letter{}, b.failed("listing dead letters", prefix, err))
				return
			}
			var names []string
			for _, item := range page.Items {
				if path.Ext(item.Name) == extension {
					names = append(names, item.Name)
				}
			}
			for _, l := range b.letters(ctx, names) {
				if (l.err != nil || f.Match(&l.Record)) && !yield(l.Letter, l.err) {
					return
				}
			}
			if page.NextPageToken == "" {
				return
			}
			query.Set("pageToken", page.NextPageToken)
		}
	}
}

type listed struct {
	Letter
	err error
}

// letters reads the letters of one page, less those removed meanwhile.
func (b *bucket) letters(ctx context.Context, objects []string) []listed {
	read := make([]listed, len(objects))
	var group errgroup.Group
	group.SetLimit(readsAtOnce)
	for i, object := range objects {
		group.Go(func() error {
			l, err := b.letter(ctx, object)
			read[i] = listed{Letter: l, err: b.failed("reading the dead letter", object, err)}
			return nil
		})
	}
	_ = group.Wait() // each letter has its own error
	return slices.DeleteFunc(read, func(l listed) bool { return hasStatus(l.err, http.StatusNotFound) })
}

// Get implements [Archive].
func (b *bucket) Get(ctx context.Context, name string) (Letter, error) {
	object := b.address.object(name)
	l, err := b.letter(ctx, object)
	if hasStatus(err, http.StatusNotFound) {
		return Letter{}, fmt.Errorf("%s: %w", b.place(object), ErrNotFound)
	}
	return l, b.failed("reading the dead letter", object, err)
}

// Remove implements [Archive].
func (b *bucket) Remove(ctx context.Context, l Letter) error {
	object, here := strings.CutPrefix(l.Place, b.place(""))
	generation, err := strconv.ParseInt(l.version, 10, 64)
	if err != nil || !here {
		return fmt.Errorf("removing the dead letter %s: it is not from %s", l.Place, b)
	}
	query := url.Values{"ifGenerationMatch": {strconv.FormatInt(generation, 10)}}
	_, err = b.storage.Send(ctx, rest.Request{Method: http.MethodDelete, Path: b.object(object), Query: query})
	switch {
	case hasStatus(err, http.StatusPreconditionFailed):
		return fmt.Errorf("%s: %w", l.Place, ErrChanged)
	case hasStatus(err, http.StatusNotFound):
		return nil
	default:
		return b.failed("removing the dead letter", object, err)
	}
}

func (b *bucket) place(object string) string { return "gs://" + b.address.name + "/" + object }

// failed is err as the error of what was being done, nil where err is.
func (b *bucket) failed(doing, object string, err error) error {
	if _, unreadable := errors.AsType[*UnreadableError](err); unreadable || err == nil {
		return err
	}
	return rest.Explain(doing, b.place(object), err, rest.Fixes{
		Forbidden: "give this account the role roles/storage.objectUser on the bucket",
		Missing:   "make the bucket: gcloud storage buckets create gs://" + b.address.name,
		TooLarge:  "nothing was stored",
	})
}

// hasStatus reports whether Google answered with a status.
func hasStatus(err error, status int) bool {
	if refused, ok := errors.AsType[*googleapi.Error](err); ok {
		return refused.Code == status
	}
	failure, ok := errors.AsType[*rest.Failure](err)
	return ok && failure.Status == status
}
