// SPDX-License-Identifier: Apache-2.0

package event

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// maxAttributes is the most extensions that a CloudEvent, or attributes that a
// message may have, so that a hostile body cannot make a map much larger than
// itself. Pub/Sub allows 100 (https://cloud.google.com/pubsub/quotas).
const maxAttributes = 1000

// maxAttribute is the most bytes of an attribute that says which event it is.
// CloudEvents promises a way for 64 KiB in the whole event
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#size-limits).
const maxAttribute = 64 << 10

// CloudEvent is an event in the form of CloudEvents 1.0:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
//
// Only ID, Source and Type make one. What else an envelope says never refuses an
// event: an attribute that cannot be read is dropped.
type CloudEvent struct {
	ID, Source, Type string
	Subject          string            // empty for none
	Time             time.Time         // zero for none
	DataSchema       string            // empty for none
	ContentType      string            // the attribute datacontenttype; empty for none
	Extensions       map[string]string // names in lower case
	Data             []byte

	invalid *DataError // why Data is not what the envelope says
	dropped []string
	checked bool // Data is JSON of no more than maxDepth levels
}

// attributes collects the attributes of a CloudEvent from whatever names them:
// headers, the members of a JSON object, the attributes of a message.
type attributes struct {
	ce      CloudEvent
	version string // specversion
	coding  string // datacontentencoding of CloudEvents 0.3
}

// set sets the attribute of a name, in any case. Of two names that differ in
// case the one in lower case counts.
func (a *attributes) set(name, value string) {
	lower := strings.ToLower(name)
	if lower != name && a.has(lower) {
		return
	}
	switch lower {
	case "specversion":
		a.version = value
	case "id":
		a.ce.ID = a.identity(lower, value)
	case "source":
		a.ce.Source = uri(a.identity(lower, value))
	case "type":
		a.ce.Type = a.identity(lower, value)
	case "subject":
		a.ce.Subject = a.bounded(lower, value)
	case "dataschema":
		a.ce.DataSchema = uri(a.bounded(lower, value))
	case "datacontenttype":
		a.ce.ContentType = a.bounded(lower, value)
	case "time":
		a.ce.Time = a.time(value)
	case "datacontentencoding":
		a.coding = strings.ToLower(value)
	case "", "data", "data_base64":
		a.drop(name, "no attribute may have this name")
	default:
		a.extend(lower, value)
	}
}

func (a *attributes) has(name string) bool {
	switch name {
	case "id":
		return a.ce.ID != ""
	case "source":
		return a.ce.Source != ""
	case "type":
		return a.ce.Type != ""
	case "subject":
		return a.ce.Subject != ""
	case "time":
		return !a.ce.Time.IsZero()
	}
	_, ok := a.ce.Extensions[name]
	return ok
}

func (a *attributes) extend(name, value string) {
	if _, known := a.ce.Extensions[name]; !known && len(a.ce.Extensions) >= maxAttributes {
		a.drop(name, fmt.Sprintf("there are over %d", maxAttributes))
		return
	}
	if a.ce.Extensions == nil {
		a.ce.Extensions = make(map[string]string)
	}
	a.ce.Extensions[name] = value
}

// identity is the value of id, source or type. One over the bound is replaced by
// its digest: the event still has an identity, by which it is refused.
func (a *attributes) identity(name, value string) string {
	switch {
	case strings.TrimSpace(value) == "":
		return ""
	case len(value) <= maxAttribute:
		return value
	}
	a.ce.invalid = badData("the CloudEvent's %s is over %d bytes: send a short one", name, maxAttribute)
	digest := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(digest[:])
}

func (a *attributes) bounded(name, value string) string {
	if len(value) > maxAttribute {
		a.drop(name, fmt.Sprintf("it is over %d bytes", maxAttribute))
		return ""
	}
	return value
}

func (a *attributes) time(value string) time.Time {
	t, err := parseTime(value)
	if err != nil {
		a.drop("time", "it is not RFC 3339")
	}
	return t
}

// parseTime reads RFC 3339, which allows lower-case letters and a blank in place
// of the T too.
func parseTime(value string) (time.Time, error) {
	value = strings.ToUpper(strings.TrimSpace(value))
	if len(value) > 10 && value[10] == ' ' {
		value = value[:10] + "T" + value[11:]
	}
	return time.Parse(time.RFC3339, value)
}

// maxDropped is the most attributes that are listed as dropped: more say no more.
const maxDropped = 20

func (a *attributes) drop(name, why string) {
	if len(a.ce.dropped) < maxDropped {
		a.ce.dropped = append(a.ce.dropped, fmt.Sprintf("%.80s: %s", name, why))
	}
}

// event is the CloudEvent that the attributes make, and false where they lack id,
// source or type.
func (a *attributes) event() (CloudEvent, bool) {
	return a.ce, a.ce.ID != "" && a.ce.Source != "" && a.ce.Type != ""
}

// missing names what the attributes lack.
func (a *attributes) missing() string {
	var names []string
	for _, required := range []struct{ name, value string }{{"id", a.ce.ID}, {"source", a.ce.Source}, {"type", a.ce.Type}} {
		if required.value == "" {
			names = append(names, required.name)
		}
	}
	return strings.Join(names, ", ")
}

// uri writes a URI reference in one way, whichever way it was escaped. What is
// not a URI reference stays as it is.
func uri(value string) string {
	u, err := url.Parse(value)
	if err != nil || strings.TrimSpace(u.String()) == "" {
		return value
	}
	return u.String()
}

// validText is what a header or an attribute says, as UTF-8: what is not UTF-8
// is read as ISO-8859-1, the encoding that HTTP once had.
func validText(value string) string {
	if utf8.ValidString(value) {
		return value
	}
	runes := make([]rune, len(value))
	for i := range len(value) {
		runes[i] = rune(value[i])
	}
	return string(runes)
}
