// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/oauth2"

	"example.com/dagtrigger/internal/deadletter"
)

// transport answers each request by itself.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// answer is a transport that answers with a status.
func answer(status int, header http.Header) func(*http.Request) *http.Response {
	return func(req *http.Request) *http.Response {
		recorder := httptest.NewRecorder()
		for name := range header {
			recorder.Header().Set(name, header.Get(name))
		}
		refuse(recorder, status, "said")
		resp := recorder.Result()
		resp.Request = req
		return resp
	}
}

// tokens makes token-1, token-2 and so on, one for each source.
func tokens() func(context.Context) (oauth2.TokenSource, error) {
	var made atomic.Int32
	return func(context.Context) (oauth2.TokenSource, error) {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: fmt.Sprint("token-", made.Add(1))}), nil
	}
}

func TestTheTokenGoesToGooglesHostsAlone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		address string
		o       deadletter.Options
		want    string // host and credentials
	}{
		{"gs://acme", deadletter.Options{}, "https://storage.googleapis.com Bearer token-1"},
		{"pubsub://" + topicName, deadletter.Options{}, "https://pubsub.googleapis.com Bearer token-1"},
		{"gs://acme", deadletter.Options{StorageEmulator: "http://127.0.0.1:4443/"}, "http://127.0.0.1:4443 "},
		{"pubsub://" + topicName, deadletter.Options{PubSubEmulator: "127.0.0.1:8085"}, "http://127.0.0.1:8085 "},
	} {
		var seen []string
		row.o.Google = tokens()
		row.o.Transport = transport(func(req *http.Request) (*http.Response, error) {
			seen = append(seen, req.URL.Scheme+"://"+req.URL.Host+" "+req.Header.Get("Authorization"))
			return answer(http.StatusTemporaryRedirect, http.Header{"Location": {"https://evil.example.com/"}})(req), nil
		})
		s, err := deadletter.Open(row.address, row.o)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Put(t.Context(), failure("x", "no", 0))
		if err == nil || !strings.HasSuffix(err.Error(), "it answers with a redirect, which is not followed") {
			t.Errorf("Put = %v", err)
		}
		if len(seen) != 1 || seen[0] != row.want {
			t.Errorf("asked %q, want %q", seen, row.want)
		}
	}
}

func TestARefusedTokenIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var seen []string
	s, err := deadletter.Open("gs://acme", deadletter.Options{Google: tokens(), Transport: transport(func(req *http.Request) (*http.Response, error) {
		seen = append(seen, req.Header.Get("Authorization"))
		return answer(http.StatusUnauthorized, nil)(req), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Put(t.Context(), failure("x", "no", 0)); err == nil {
			t.Error("Put believed a 401")
		}
	}
	if got := strings.Join(seen, ", "); got != "Bearer token-1, Bearer token-2" {
		t.Errorf("sent %s", got)
	}
}

func TestNobodyWaitsForATokenLongerThanItsContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	s, err := deadletter.Open("gs://acme", deadletter.Options{
		Google: func(context.Context) (oauth2.TokenSource, error) {
			<-release // a metadata server that does not answer
			return nil, errors.New("too late")
		},
		Transport: transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("sent without a token") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, failure("x", "no", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v", err)
	}
}

func TestNoErrorHoldsASecret(t *testing.T) {
	t.Parallel()
	const secret = "hush"
	refusedToken := &oauth2.RetrieveError{
		Response: &http.Response{Status: "400 Bad Request"}, Body: []byte(secret), ErrorCode: "invalid_grant", ErrorDescription: secret,
	}
	static := func(context.Context) (oauth2.TokenSource, error) {
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: secret}), nil
	}
	unreachable := transport(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("connection refused")
	})
	repeating := transport(func(*http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		refuse(recorder, http.StatusBadRequest, "Invalid JSON payload: "+secret)
		return recorder.Result(), nil
	})
	for _, row := range []struct {
		name, want string
		google     func(context.Context) (oauth2.TokenSource, error)
		transport  http.RoundTripper
	}{
		{"no credentials", "obtaining a Google access token: none found; run as a service account, or `gcloud auth application-default login`",
			func(context.Context) (oauth2.TokenSource, error) { return nil, errors.New("none found") }, unreachable},
		{"token refused", "the token server answered 400 Bad Request invalid_grant; run as a service account, or `gcloud auth application-default login`",
			func(context.Context) (oauth2.TokenSource, error) { return nil, refusedToken }, unreachable},
		{"unreachable", "connection refused", static, unreachable},
		{"data repeated", "400 Bad Request; nothing was stored", static, repeating},
	} {
		s, err := deadletter.Open("gs://acme", deadletter.Options{Google: row.google, Transport: row.transport})
		if err != nil {
			t.Fatal(err)
		}
		r := failure("x", "no", 0)
		r.Event.DataEncoded = []byte(`"` + secret + `"`)
		err = s.Put(t.Context(), r)
		if want := "storing the dead letter in gs://acme/x.json: " + row.want; err == nil || err.Error() != want {
			t.Errorf("%s:\n%v, want\n%s", row.name, err, want)
		}
		if strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: a secret stands in %v", row.name, err)
		}
	}
}

func TestAStoreThatLacksWhatItNeedsIsNotOpened(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		o    deadletter.Options
		want string
	}{
		{deadletter.Options{Google: tokens()}, "opening gs://acme: it needs a transport"},
		{deadletter.Options{Transport: http.NewFileTransport(nil)}, "opening gs://acme: it needs Google credentials"},
	} {
		if _, err := deadletter.Open("gs://acme", row.o); err == nil || err.Error() != row.want {
			t.Errorf("Open = %v, want %s", err, row.want)
		}
	}
}
