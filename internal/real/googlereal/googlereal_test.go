// SPDX-License-Identifier: Apache-2.0

package googlereal_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/real/googlereal"
	"example.com/dagtrigger/internal/real/realtest"
)

// pushed is a request that the emulator pushed.
type pushed struct {
	header http.Header
	body   string
}

// endpoint is where the emulator pushes to. It refuses each message once.
func endpoint(t *testing.T) (url string, requests <-chan pushed) {
	got := make(chan pushed, 100)
	var refused sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if _, again := refused.LoadOrStore(string(body), true); !again {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		got <- pushed{header: r.Header, body: string(body)}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// hangBound only tells a hang.
const hangBound = time.Minute

func next(t *testing.T, requests <-chan pushed) pushed {
	t.Helper()
	select {
	case r := <-requests:
		return r
	case <-time.After(hangBound):
		t.Fatal("nothing was pushed")
		return pushed{}
	}
}

func TestUploadIsPushedWrappedAndUnwrapped(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedPubSub, googlereal.NeedStorage)
	ctx := t.Context()
	p, err := googlereal.StartPubSub(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if conn, err := net.Dial("tcp", p.Host); err == nil {
			_ = conn.Close()
			t.Errorf("the emulator still listens on %s", p.Host)
		}
	}()
	wrappedURL, wrapped := endpoint(t)
	plainURL, plain := endpoint(t)
	steps := []error{
		p.CreateTopic(ctx, "uploads"),
		p.Subscribe(ctx, googlereal.Subscription{Name: "wrapped", Topic: "uploads", Push: wrappedURL, AckDeadline: 20 * time.Second}),
		p.Subscribe(ctx, googlereal.Subscription{Name: "plain", Topic: "uploads", Push: plainURL, Unwrapped: true, Backoff: time.Second}),
	}
	s, err := googlereal.StartStorage(ctx, googlereal.Notify{PubSub: p, Topic: "uploads"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	steps = append(steps, s.CreateBucket(ctx, "acme"), s.Upload(ctx, "acme", "sales/a b.csv", "text/csv", []byte("1,2\n")))
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}

	var envelope struct {
		Subscription string
		Message      struct{ Attributes map[string]string }
	}
	if err := json.Unmarshal([]byte(next(t, wrapped).body), &envelope); err != nil {
		t.Fatal(err)
	}
	attributes := envelope.Message.Attributes
	got := []string{envelope.Subscription, attributes["bucketId"], attributes["objectId"], attributes["eventType"]}
	want := []string{"projects/proj-1/subscriptions/wrapped", "acme", "sales/a b.csv", "OBJECT_FINALIZE"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	request := next(t, plain)
	if request.header.Get("X-Goog-Pubsub-Message-Id") == "" || !strings.Contains(request.body, `"sales/a b.csv"`) {
		t.Errorf("pushed %s with %v", request.body, request.header)
	}
}

func TestFolderSurvivesAKill(t *testing.T) {
	t.Parallel()
	realtest.Need(t, googlereal.NeedStorage)
	ctx := t.Context()
	folder := t.TempDir()
	s, err := googlereal.StartStorageIn(ctx, folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	const object = "/storage/v1/b/acme/o/a.csv"
	for i, err := range []error{
		s.CreateBucket(ctx, "acme"), s.Upload(ctx, "acme", "a.csv", "text/csv", []byte("1,2\n")), s.Kill(), s.Close(),
	} {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, err := client.Get(s.URL + object); err == nil {
		_ = resp.Body.Close()
		t.Fatal("it answers after it was killed")
	}
	// A kill can leave an object without its metadata, as an upload to Cloud Storage never does.
	if err := os.WriteFile(filepath.Join(folder, "acme", "part.csv"), []byte("1,"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		object: http.StatusOK, "/storage/v1/b/acme/o": http.StatusOK, "/storage/v1/b/acme/o/part.csv": http.StatusNotFound,
	} {
		resp, err := client.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s was answered %s after the restart, want %d", path, resp.Status, want)
		}
	}
}
