// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/config"
)

// The token is requested while the first request is read, not when the settings are,
// and not once the event is there.
func TestTokenIsRequestedWhileTheFirstRequestIsRead(t *testing.T) {
	login := filepath.Join(t.TempDir(), "login.json")
	write(t, login, `{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}`)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", login)
	requested := make(chan string, 10)
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		requested <- r.URL.Host
		return nil, errors.New("not reached")
	})
	env := map[string]string{"DAG_ID": "load", "AIRFLOW_URL": "https://1a2b-dot-europe-west1.composer.googleusercontent.com"}
	c, err := config.FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	f, err := dagtrigger.New(c, slog.New(slog.DiscardHandler), transport)
	if err != nil || len(requested) > 0 {
		t.Fatalf("%d requests before the first event, %v", len(requested), err)
	}
	r := upload("acme", "eu/a.csv", 17)
	r.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
		select {
		case host := <-requested:
			if host != "oauth2.googleapis.com" {
				t.Errorf("the first request goes to %s", host)
			}
		case <-time.After(hang):
			t.Error("no token was requested")
		}
		return 0, io.ErrUnexpectedEOF
	}))
	f.ServeHTTP(httptest.NewRecorder(), r)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
