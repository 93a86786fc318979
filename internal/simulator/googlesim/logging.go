// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Logging imitates entries.list of Cloud Logging, in memory:
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list.
// It takes the part of the query language that parseQuery describes; a request with any
// other filter is passed to Unknown.
//
// It is an http.Handler and an http.RoundTripper, and an io.Writer of a container's
// standard error. It is safe for concurrent use.
type Logging struct {
	// PageSize is the number of entries that a page has at most, whatever the request
	// wants. Zero stands for 1,000.
	PageSize int
	// EmptyPages has an empty page, with a token for the next one, before each page with
	// entries: Cloud Logging returns such pages where a search takes long.
	EmptyPages bool
	// Project and Service are those of the function whose log Write takes.
	Project, Service string
	// Unknown gets each request that is not answered here. Required.
	Unknown func(*http.Request)

	interceptor
	mu      sync.Mutex // guards all below
	entries map[string][]logEntry
	serial  int
	rest    []byte // of a line that is not complete
}

// logEntry is a LogEntry as it is returned, and what orders it.
type logEntry struct {
	fields map[string]any
	at     time.Time
}

// NewLogging makes a Cloud Logging without entries.
func NewLogging(unknown func(*http.Request)) *Logging {
	return &Logging{Unknown: unknown, entries: map[string][]logEntry{}}
}

// Add adds an entry to a project's log: a LogEntry in JSON, which has a timestamp.
func (l *Logging) Add(project, entry string) error {
	var fields map[string]any
	if err := json.Unmarshal([]byte(entry), &fields); err != nil {
		return fmt.Errorf("decoding an entry: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add(project, fields)
}

// add is [Logging.Add]. The caller holds the lock.
func (l *Logging) add(project string, fields map[string]any) error {
	text, _ := fields["timestamp"].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("an entry's timestamp: %w", err)
	}
	l.serial++
	if fields["insertId"] == nil {
		fields["insertId"] = strconv.Itoa(l.serial)
	}
	l.entries[project] = append(l.entries[project], logEntry{fields: fields, at: at})
	return nil
}

// Write adds the lines of JSON that a service writes to its standard error, as Cloud Run
// sends them: what is special leaves the payload.
// https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
func (l *Logging) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, text...)
	for {
		end := slices.Index(l.rest, '\n')
		if end < 0 {
			return len(text), nil
		}
		line := string(l.rest[:end])
		l.rest = l.rest[end+1:]
		if err := l.add(l.Project, l.fromLine(line)); err != nil {
			return 0, err
		}
	}
}

func (l *Logging) fromLine(line string) map[string]any {
	entry := map[string]any{
		"timestamp": time.Now().UTC().Format(time.RFC3339Nano),
		"logName":   "projects/" + l.Project + "/logs/run.googleapis.com%2Fstderr",
		"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{
			"project_id": l.Project, "service_name": l.Service, "revision_name": l.Service + "-00001-abc",
		}},
	}
	var payload map[string]any
	if json.Unmarshal([]byte(line), &payload) != nil {
		entry["textPayload"] = line
		return entry
	}
	for from, to := range map[string]string{
		"time": "timestamp", "severity": "severity", "logging.googleapis.com/trace": "trace", "logging.googleapis.com/spanId": "spanId",
		"logging.googleapis.com/trace_sampled": "traceSampled",
	} {
		if value, ok := payload[from]; ok {
			entry[to] = value
			delete(payload, from)
		}
	}
	entry["jsonPayload"] = payload
	return entry
}

// RoundTrip answers a request without a listener.
func (l *Logging) RoundTrip(r *http.Request) (*http.Response, error) { return roundTrip(l, r) }

// ServeHTTP answers a request of the JSON API.
func (l *Logging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.intercepted(w, r) {
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v2/entries:list" {
		unknown(l.Unknown, w, r)
		return
	}
	var in listEntries
	body, err := io.ReadAll(r.Body)
	if err != nil || strictJSON(body, &in) != nil {
		unknown(l.Unknown, w, r)
		return
	}
	l.list(w, r, &in)
}

// listEntries is a request of entries.list.
type listEntries struct {
	ResourceNames []string `json:"resourceNames"`
	Filter        string   `json:"filter"`
	OrderBy       string   `json:"orderBy"`
	PageSize      int      `json:"pageSize"`
	PageToken     string   `json:"pageToken"`
}

// strictJSON decodes text that has no other members than value.
func strictJSON(text []byte, value any) error {
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(value); !errors.Is(err, io.EOF) {
		return err
	}
	return nil // no body is an empty request
}

func (l *Logging) list(w http.ResponseWriter, r *http.Request, in *listEntries) {
	query, err := parseQuery(in.Filter)
	if err != nil {
		l.Unknown(r)
		apiError(w, http.StatusBadRequest, "INVALID_ARGUMENT", "", "Unparseable filter: "+err.Error())
		return
	}
	from, err := strconv.Atoi("0" + strings.TrimSuffix(in.PageToken, "+"))
	switch {
	case len(in.ResourceNames) == 0 || len(in.Filter) > 20_000 || in.PageSize < 0 || err != nil,
		!slices.Contains([]string{"", "timestamp asc", "timestamp desc"}, in.OrderBy):
		apiError(w, http.StatusBadRequest, "INVALID_ARGUMENT", "", "Request contains an invalid argument.")
		return
	}
	if l.EmptyPages && !strings.HasSuffix(in.PageToken, "+") {
		writeJSON(w, http.StatusOK, `{"nextPageToken":"`+strconv.Itoa(from)+`+"}`)
		return
	}
	found := l.matching(in, query)
	size := in.PageSize
	if size == 0 {
		size = 50
	}
	size = min(size, 1000)
	if l.PageSize > 0 {
		size = min(size, l.PageSize)
	}
	from = min(from, len(found))
	to := min(from+size, len(found))
	page := map[string]any{}
	if to > from {
		page["entries"] = found[from:to]
	}
	if to < len(found) {
		page["nextPageToken"] = strconv.Itoa(to)
	}
	writeJSON(w, http.StatusOK, string(encodeJSON(page)))
}

// matching are the entries that a request selects, in its order.
func (l *Logging) matching(in *listEntries, query condition) []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []logEntry
	for _, resource := range in.ResourceNames {
		all = append(all, l.entries[strings.TrimPrefix(resource, "projects/")]...)
	}
	slices.SortStableFunc(all, func(a, b logEntry) int {
		if in.OrderBy == "timestamp desc" {
			a, b = b, a
		}
		return a.at.Compare(b.at)
	})
	var found []map[string]any
	for _, e := range all {
		if query(e.fields) {
			found = append(found, e.fields)
		}
	}
	return found
}
