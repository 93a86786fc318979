// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
)

// Every fixture is sent again in each envelope there is, Eventarc's fallback
// included: one event has one identity and one text, whichever way it comes.
func TestOneEventInEveryEnvelope(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := events(fixture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			for i := range all {
				holdInOtherEnvelopes(t, &all[i])
			}
		})
	}
}

// holdInOtherEnvelopes sends e's CloudEvent again in each way there is.
func holdInOtherEnvelopes(t *testing.T, e *event.Event) {
	t.Helper()
	for name, r := range envelopes(t, e.Origin()) {
		again, err := events(r)
		if err != nil || len(again) != 1 {
			t.Fatalf("%s: %v: want %+v", name, err, e)
		}
		if diff := cmp.Diff(decidedBy(e), decidedBy(&again[0])); diff != "" {
			t.Fatalf("%s: (-want +got):\n%s", name, diff)
		}
	}
}

// decided is what decides about an event and its run.
type decided struct {
	Key              []string
	Subject, Conf    string
	Extensions       map[string]string
	Attributes       map[string]string
	ID, Source, Type string
}

func decidedBy(e *event.Event) decided {
	f := decided{Key: e.Key(), Subject: e.Subject, Conf: string(e.Conf()), ID: e.ID, Source: e.Source, Type: e.Type,
		Extensions: map[string]string{}}
	for name, value := range e.Extensions {
		f.Extensions[name] = value
	}
	if e.IsMessage() {
		f.Attributes = e.Message.Attributes
	}
	return f
}

// envelopes are the requests that bring ce, one for each envelope that can.
func envelopes(t *testing.T, ce event.CloudEvent) map[string]*http.Request {
	t.Helper()
	inJSON := string(ce.EncodeJSON())
	if !json.Valid([]byte(inJSON)) {
		t.Fatalf("not JSON: %s", inJSON)
	}
	all := map[string]*http.Request{
		"structured":          post(t, inJSON, structured),
		"structured, as JSON": post(t, inJSON, plainJSON),
		"batch":               post(t, "["+inJSON+"]", batch),
		"push of structured":  post(t, pushed(inJSON, map[string]string{"content-type": "application/cloudevents+json"}), plainJSON),
	}
	if strings.HasPrefix(strings.ToLower(ce.ContentType), "application/cloudevents") {
		return all // in binary mode it would be taken for structured
	}
	binary, unwrapped, attributes := post(t, "", "Accept: */*"), post(t, "", form), make(map[string]string)
	for _, a := range ce.Attributes() {
		if a.Name == "datacontenttype" {
			binary.Header.Set("Content-Type", a.Value)
			unwrapped.Header.Set("Content-Type", a.Value)
			attributes["content-type"] = a.Value
			continue
		}
		binary.Header.Set("ce-"+a.Name, headerText(a.Value))
		unwrapped.Header.Set("ce-"+a.Name, a.Value)
		attributes["ce-"+a.Name] = a.Value
	}
	all["binary"] = withBody(binary, ce.Data)
	all["push of binary"] = post(t, pushed(string(ce.Data), attributes), plainJSON)
	all["fallback"] = post(t, pushed(string(ce.Data), attributes), plainJSON)
	all["fallback"].URL = &url.URL{Path: "/", RawQuery: "__GCP_CloudEventsMode=CE_PUBSUB_BINDING"}
	if strings.HasPrefix(ce.ContentType, "application/x-www-form-urlencoded") {
		return all // which says of an unwrapped push that there is none
	}
	unwrapped.Header.Set("X-Goog-Pubsub-Message-Id", "1")
	all["unwrapped push of binary"] = withBody(unwrapped, ce.Data)
	return all
}

// headerText encodes a value as section 3.1.3.2 of the HTTP binding asks a sender to.
func headerText(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02x", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
