// SPDX-License-Identifier: Apache-2.0

package uploads_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.com/dagtrigger/internal/operator/replay/uploads"
	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
)

// TestListedUploadEqualsItsNotification holds the event of a listing against
// the notification that the same server has published of the same upload.
func TestListedUploadEqualsItsNotification(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub, googlereal.NeedStorage)
	pubsub, err := googlereal.StartPubSub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pubsub.Close() })
	pushed := make(chan *http.Request, 16) // some may come again
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		select {
		case pushed <- r.WithContext(t.Context()):
		default: // a redelivery
		}
	}))
	t.Cleanup(receiver.Close)
	if err := pubsub.CreateTopic(t.Context(), "uploads"); err != nil {
		t.Fatal(err)
	}
	if err := pubsub.Subscribe(t.Context(), googlereal.Subscription{Name: "to-me", Topic: "uploads", Push: receiver.URL}); err != nil {
		t.Fatal(err)
	}
	storage, err := googlereal.StartStorage(t.Context(), googlereal.Notify{PubSub: pubsub, Topic: "uploads"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	if err := storage.CreateBucket(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the generation that is overwritten is not there to be listed
		if err := storage.Upload(t.Context(), "acme", "sales/a&b ü.csv", "text/csv", []byte("1,2\n")); err != nil {
			t.Fatal(err)
		}
	}
	b := uploads.Bucket{Name: "acme", Prefix: "sales/", Client: &http.Client{Transport: newTransport(t)}, Root: storage.URL}
	got := only(t, b)
	// The notifications of both uploads and of the overwritten object come in any order.
	want := received(t, <-pushed)
	for want.Type != got.Type || want.Object.Generation != got.Object.Generation {
		want = received(t, <-pushed)
	}
	// The payload of fake-gcs-server is not the resource that it lists (v1.56.1),
	// where Cloud Storage's is: https://cloud.google.com/storage/docs/pubsub-notifications#payload
	want.Data, got.Data = nil, nil
	want.Object.Resource, got.Object.Resource = nil, nil
	want.Object.Metageneration, got.Object.Metageneration = "", ""
	want.Time = got.Time
	want.Message = nil
	same(t, want, got)
}

func newTransport(t *testing.T) *http.Transport {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
