// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Storage imitates the objects of Cloud Storage's JSON API, in memory:
// https://cloud.google.com/storage/docs/json_api/v1/objects. It lists, gets,
// inserts and deletes, with the partial responses that "fields" selects. An
// insert or a removal needs ifGenerationMatch here: without one it is passed to
// Unknown, since two writers could lose each other's objects, unless it is Open.
//
// It is an http.Handler and an http.RoundTripper, and safe for concurrent use.
type Storage struct {
	// PageSize is the number of objects on a page of a listing, whatever the
	// request wants: a server may return fewer. Zero stands for 1,000.
	PageSize int
	// Now is the time of an upload; nil stands for time.Now.
	Now func() time.Time
	// Open makes every bucket exist, and lets writes have no ifGenerationMatch: for
	// people who write objects by hand.
	Open bool
	// Unknown gets each request that is not answered here. Required.
	Unknown func(*http.Request)

	interceptor
	mu         sync.Mutex // guards all below
	buckets    map[string]map[string]Object
	generation int64 // the last one
}

// Object is the live generation of an object.
type Object struct {
	Name, ContentType string
	// Body is the content. With a Resource, nil stands for one that is not known: the
	// object is listed, and reading its content is answered as if it did not exist.
	Body []byte
	// Generation numbers the content. [Storage.Put] numbers an object that has none.
	Generation       int64
	Created, Updated time.Time
	// Resource replaces the resource that is otherwise made of the fields above.
	Resource json.RawMessage
}

// NewStorage makes a Cloud Storage with empty buckets.
func NewStorage(unknown func(*http.Request), buckets ...string) *Storage {
	s := &Storage{Unknown: unknown, buckets: map[string]map[string]Object{}}
	for _, name := range buckets {
		s.buckets[name] = map[string]Object{}
	}
	return s
}

// Put makes or replaces an object, and returns its generation. A bucket that does not
// exist is made. Times that are not given are now.
func (s *Storage) Put(bucket string, o Object) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(bucket, o)
}

// put is [Storage.Put]. The caller holds the lock.
func (s *Storage) put(bucket string, o Object) int64 {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	if o.Generation == 0 {
		o.Generation = s.generation + 1
	}
	if o.Created.IsZero() {
		o.Created = now()
	}
	if o.Updated.IsZero() {
		o.Updated = o.Created
	}
	s.generation = max(s.generation, o.Generation)
	if s.buckets[bucket] == nil {
		s.buckets[bucket] = map[string]Object{}
	}
	s.buckets[bucket][o.Name] = o
	return o.Generation
}

// Delete removes an object.
func (s *Storage) Delete(bucket, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[bucket], name)
}

// Object returns the live generation of an object.
func (s *Storage) Object(bucket, name string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.buckets[bucket][name]
	return o, ok
}

// Names returns the names of a bucket's objects, sorted.
func (s *Storage) Names(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.buckets[bucket]))
}

// RoundTrip answers a request without a listener.
func (s *Storage) RoundTrip(r *http.Request) (*http.Response, error) { return roundTrip(s, r) }

func roundTrip(h http.Handler, r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	h.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// ServeHTTP answers a request of the JSON API.
func (s *Storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.intercepted(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	route, upload := strings.CutPrefix(r.URL.Path, "/upload")
	route, found := strings.CutPrefix(route, "/storage/v1/b/")
	bucket, name, named := strings.Cut(route, "/o/")
	bucket, listed := strings.CutSuffix(bucket, "/o")
	switch {
	case !found || named == listed || strings.Contains(bucket, "/"):
		s.unknown(w, r)
	case s.buckets[bucket] == nil && !s.Open:
		Refuse(w, http.StatusNotFound, "The specified bucket does not exist.")
	case upload && listed && r.Method == http.MethodPost:
		s.insert(w, r, bucket)
	case upload:
		s.unknown(w, r)
	case listed && r.Method == http.MethodGet:
		s.list(w, r, bucket)
	case named && r.Method == http.MethodGet:
		s.get(w, r, bucket, name)
	case named && r.Method == http.MethodDelete:
		s.remove(w, r, bucket, name)
	default:
		s.unknown(w, r)
	}
}

func (s *Storage) unknown(w http.ResponseWriter, r *http.Request) { unknown(s.Unknown, w, r) }

// takes reports whether a request has no other parameters than these, and passes it
// to Unknown where it has.
func (s *Storage) takes(w http.ResponseWriter, r *http.Request, parameters ...string) bool {
	for name := range r.URL.Query() {
		if !slices.Contains(append(parameters, "fields", "prettyPrint"), name) {
			s.unknown(w, r)
			return false
		}
	}
	return true
}

func (s *Storage) insert(w http.ResponseWriter, r *http.Request, bucket string) {
	o := Object{Name: r.URL.Query().Get("name"), ContentType: r.Header.Get("Content-Type")}
	if !s.takes(w, r, "uploadType", "name", "ifGenerationMatch") {
		return
	}
	if r.URL.Query().Get("uploadType") != "media" || o.Name == "" {
		s.unknown(w, r)
		return
	}
	var err error
	if o.Body, err = io.ReadAll(r.Body); err != nil || !s.matches(w, r, bucket, o.Name) {
		return
	}
	s.put(bucket, o)
	writeFields(w, r, s.resource(bucket, s.buckets[bucket][o.Name]))
}

// matches reports whether the precondition holds, and answers where it does not.
func (s *Storage) matches(w http.ResponseWriter, r *http.Request, bucket, name string) bool {
	condition := r.URL.Query().Get("ifGenerationMatch")
	want, err := strconv.ParseInt(condition, 10, 64)
	o, exists := s.buckets[bucket][name]
	if s.Open && condition == "" {
		want, err = o.Generation, nil
	}
	switch {
	case err != nil:
		s.unknown(w, r)
	case r.Method == http.MethodDelete && !exists:
		Refuse(w, http.StatusNotFound, "No such object: "+bucket+"/"+name)
	case o.Generation != want:
		Refuse(w, http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold.")
	default:
		return true
	}
	return false
}

func (s *Storage) remove(w http.ResponseWriter, r *http.Request, bucket, name string) {
	if s.takes(w, r, "ifGenerationMatch") && s.matches(w, r, bucket, name) {
		delete(s.buckets[bucket], name)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Storage) get(w http.ResponseWriter, r *http.Request, bucket, name string) {
	if !s.takes(w, r, "alt") {
		return
	}
	o, exists := s.buckets[bucket][name]
	isMedia := r.URL.Query().Get("alt") == "media"
	switch {
	case !exists || isMedia && o.Body == nil && o.Resource != nil:
		Refuse(w, http.StatusNotFound, "No such object: "+bucket+"/"+name)
	case isMedia:
		w.Header().Set("X-Goog-Generation", strconv.FormatInt(o.Generation, 10))
		w.Header().Set("Content-Type", o.ContentType)
		_, _ = w.Write(o.Body)
	default:
		writeFields(w, r, s.resource(bucket, o))
	}
}

// list lists live generations: the buckets have no Object Versioning, so that "versions"
// adds none.
func (s *Storage) list(w http.ResponseWriter, r *http.Request, bucket string) {
	query := r.URL.Query()
	if !s.takes(w, r, "prefix", "delimiter", "pageToken", "maxResults", "projection", "versions") {
		return
	}
	size := 1000
	if s.PageSize > 0 {
		size = s.PageSize
	}
	if asked, err := strconv.Atoi(query.Get("maxResults")); err == nil {
		size = min(size, asked)
	}
	after, err := base64.URLEncoding.DecodeString(query.Get("pageToken"))
	if err != nil {
		Refuse(w, http.StatusBadRequest, "Invalid argument.")
		return
	}
	items, folders, next := s.page(bucket, query.Get("prefix"), query.Get("delimiter"), string(after), size)
	// Not encoded at once: that would change the resources' own white space and escapes.
	page := `{"kind":"storage#objects"`
	if next != "" {
		page += `,"nextPageToken":"` + base64.URLEncoding.EncodeToString([]byte(next)) + `"`
	}
	if len(folders) > 0 {
		page += `,"prefixes":` + string(encodeJSON(folders))
	}
	if len(items) > 0 {
		page += `,"items":[` + strings.Join(items, ",") + `]`
	}
	writeFields(w, r, json.RawMessage(page+"}"))
}

// page returns the resources of the objects after a name, and the folders that
// the delimiter makes of longer names. next is the name that the next page comes
// after, empty on the last page.
func (s *Storage) page(bucket, prefix, delimiter, after string, size int) (items, folders []string, next string) {
	for _, name := range slices.Sorted(maps.Keys(s.buckets[bucket])) {
		rest, below := strings.CutPrefix(name, prefix)
		if !below || name <= after {
			continue
		}
		if len(items)+len(folders) == size {
			return items, folders, after
		}
		after = name
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			folder := prefix + rest[:i+len(delimiter)]
			after = folder + "\U0010ffff" // all below it are one entry
			folders = append(folders, folder)
			continue
		}
		items = append(items, string(s.resource(bucket, s.buckets[bucket][name])))
	}
	return items, folders, ""
}

// resource is the object resource:
// https://cloud.google.com/storage/docs/json_api/v1/objects#resource
func (s *Storage) resource(bucket string, o Object) json.RawMessage {
	if o.Resource != nil {
		return o.Resource
	}
	generation := strconv.FormatInt(o.Generation, 10)
	return encodeJSON(map[string]any{
		"kind": "storage#object", "id": bucket + "/" + o.Name + "/" + generation, "bucket": bucket, "name": o.Name,
		"generation": generation, "metageneration": "1", "contentType": o.ContentType, "storageClass": "STANDARD",
		"size":        strconv.Itoa(len(o.Body)),
		"timeCreated": o.Created.UTC().Format(time.RFC3339Nano), "updated": o.Updated.UTC().Format(time.RFC3339Nano),
	})
}
