// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// transport answers each request by itself.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// answer is an answer of Google's.
func answer(status int, message, location string) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Location", location)
	googlesim.Refuse(recorder, status, message)
	return recorder.Result(), nil
}

// google puts a token on each request, as the process's own account does.
func google(base http.RoundTripper) *http.Client {
	authorised := transport(func(req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer hush")
		return base.RoundTrip(req)
	})
	return &http.Client{Transport: authorised, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestTokenIsSentToGoogleHostsOnly(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		address string
		o       deadletter.Options
		want    string // host and credentials
	}{
		{"gs://acme", deadletter.Options{}, "https://storage.googleapis.com Bearer hush"},
		{"pubsub://" + topicName, deadletter.Options{}, "https://pubsub.googleapis.com Bearer hush"},
		{"gs://acme", deadletter.Options{StorageEmulator: "http://127.0.0.1:4443/"}, "http://127.0.0.1:4443 "},
		{"pubsub://" + topicName, deadletter.Options{PubSubEmulator: "127.0.0.1:8085"}, "http://127.0.0.1:8085 "},
	} {
		var seen []string
		row.o.Google = google
		row.o.Transport = transport(func(req *http.Request) (*http.Response, error) {
			seen = append(seen, req.URL.Scheme+"://"+req.URL.Host+" "+req.Header.Get("Authorization"))
			return answer(http.StatusTemporaryRedirect, "", "https://evil.example.com/")
		})
		s, err := deadletter.Open(row.address, row.o)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Put(t.Context(), failure("x", "no", 0))
		if err == nil || !strings.HasSuffix(err.Error(), ": 307 Temporary Redirect") {
			t.Errorf("Put = %v", err)
		}
		if len(seen) != 1 || seen[0] != row.want {
			t.Errorf("asked %q, want %q", seen, row.want)
		}
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hush"
	for _, row := range []struct {
		name, want string
		transport  transport
	}{
		{"unreachable", "connection refused", func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }},
		{"data repeated", "400 Bad Request; nothing was stored", func(*http.Request) (*http.Response, error) {
			return answer(http.StatusBadRequest, "Invalid JSON payload: "+secret, "")
		}},
	} {
		s, err := deadletter.Open("gs://acme", deadletter.Options{Google: google, Transport: row.transport})
		if err != nil {
			t.Fatal(err)
		}
		r := failure("x", "no", 0)
		r.Event.Data = []byte(`"` + secret + `"`)
		err = s.Put(t.Context(), r)
		if want := "storing the dead letter in gs://acme/x.json: " + row.want; err == nil || err.Error() != want {
			t.Errorf("%s:\n%v, want\n%s", row.name, err, want)
		}
		if strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: a secret stands in %v", row.name, err)
		}
	}
}

func TestOpenRequiresTransportAndCredentials(t *testing.T) {
	t.Parallel()
	none := transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("asked") })
	for _, o := range []deadletter.Options{{}, {Google: google}, {Transport: none}} {
		const want = "opening gs://acme: it needs a transport and Google credentials"
		if _, err := deadletter.Open("gs://acme", o); err == nil || err.Error() != want {
			t.Errorf("Open = %v, want %s", err, want)
		}
	}
}
