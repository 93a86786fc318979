// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"example.com/dagtrigger/internal/event"
)

// replay gives the request of a fixture again for each run of a benchmark. As in
// a server, the body can only be read: it has no WriteTo.
func replay(b *testing.B, name string) func() *http.Request {
	r := fixture(b, name)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.Fatal(err)
	}
	return func() *http.Request {
		again := *r
		again.Body, again.ContentLength = io.NopCloser(struct{ io.Reader }{bytes.NewReader(body)}), int64(len(body))
		return &again
	}
}

// BenchmarkSDKStorage is the measure: what the CloudEvents SDK alone takes for
// the request of BenchmarkFromRequestStorage. That one, which also reads the
// object, is to take no more than 1.5 times as long.
func BenchmarkSDKStorage(b *testing.B) {
	next := replay(b, "storage-finalized")
	b.ReportAllocs()
	for b.Loop() {
		ce, err := cloudevents.NewEventFromHTTPRequest(next())
		if err != nil {
			b.Fatal(err)
		}
		if err := ce.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromRequestStorage(b *testing.B)    { benchmark(b, "storage-finalized") }
func BenchmarkFromRequestStructured(b *testing.B) { benchmark(b, "storage-structured") }
func BenchmarkFromRequestPush(b *testing.B)       { benchmark(b, "storage-push") }
func BenchmarkFromRequestUnwrapped(b *testing.B)  { benchmark(b, "storage-push-unwrapped") }
func BenchmarkFromRequestMessage(b *testing.B)    { benchmark(b, "pubsub-eventarc") }
func BenchmarkFromRequestBackground(b *testing.B) { benchmark(b, "storage-background") }

// benchmark measures a request's whole way to the default conf.
func benchmark(b *testing.B, name string) {
	next := replay(b, name)
	b.ReportAllocs()
	for b.Loop() {
		all, err := event.FromRequest(next(), event.MaxBody)
		if err != nil {
			b.Fatal(err)
		}
		if e := &all[0]; len(e.Conf()) == 0 {
			b.Fatal("no conf")
		}
	}
}
