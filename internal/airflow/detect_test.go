// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

// The answers to the probes by which Airflows, and what stands before them, are distinguished.
func removed() reply {
	return json(404, `{"error":"/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead."}`)
}
func version(v string) reply { return json(200, `{"version":"`+v+`","git_version":null}`) }

func TestAutoDetectsTheAPI(t *testing.T) {
	t.Parallel()
	denied, refused, forbidden := answer(403, "text/html", "Forbidden"), html(401), html(403)
	for _, row := range []struct {
		name  string
		s     script
		want  airflow.API
		asked string
	}{
		{"Airflow 3", script{probeV2: version("3.3.2")}, airflow.V2, probeV2},
		{"Airflow 2", script{probeV2: html(404), probeV1: version("2.11.2")}, airflow.V1, probeV2 + "\n" + probeV1},
		{"Airflow 1.10", script{probeV2: html(404), probeV1: html(404), probeExp: json(200, `{"status":"OK"}`)}, airflow.Experimental,
			probeV2 + "\n" + probeV1 + "\n" + probeExp},
		{"1.10, denied", script{probeV2: html(404), probeV1: html(404), probeExp: denied}, airflow.Experimental,
			probeV2 + "\n" + probeV1 + "\n" + probeExp},
		{"Airflow 2, refused", script{probeV2: html(404), probeV1: forbidden}, airflow.V1, probeV2 + "\n" + probeV1},
		{"Airflow 3, refused", script{probeV2: refused, probeV1: removed()}, airflow.V2, probeV2 + "\n" + probeV1},
		{"Airflow 2, only its own path let through", script{probeV2: refused, probeV1: version("2.9.0")}, airflow.V1, probeV2 + "\n" + probeV1},
		{"oauth2-proxy redirects v2, and lets v1 through", script{probeV2: html(302), probeV1: version("2.10.5")}, airflow.V1,
			probeV2 + "\n" + probeV1},
		{"a front forbids v2 and v1", script{probeV2: html(403), probeV1: html(403), probeExp: json(200, `{"status":"OK"}`)},
			airflow.Experimental, probeV2 + "\n" + probeV1 + "\n" + probeExp},
		{"a page for what is not let through", script{probeV2: html(200), probeV1: version("2.10.5")}, airflow.V1, probeV2 + "\n" + probeV1},
		{"a 405 is an absent API", script{probeV2: html(405), probeV1: version("2.0.2")}, airflow.V1, probeV2 + "\n" + probeV1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, row.s)
			client := newClient(t, airflow.Config{URL: server.URL})
			for range 2 { // the answer is remembered
				api, err := client.DetectAPI(t.Context())
				if err != nil || api != row.want {
					t.Errorf("got %s, %v, want %s", api, err, row.want)
				}
			}
			if server.requests() != row.asked {
				t.Errorf("asked\n%s\nwant\n%s", server.requests(), row.asked)
			}
		})
	}
}

// everywhere gives one answer to every probe.
func everywhere(r reply) script { return script{probeV2: r, probeV1: r, probeExp: r} }

func TestRefusedProbeNamesTheSetting(t *testing.T) {
	t.Parallel()
	for _, r := range []reply{html(302), html(401), html(403), html(200)} {
		server := serve(t, everywhere(r))
		_, err := newClient(t, airflow.Config{URL: server.URL}).DetectAPI(t.Context())
		if e := asError(t, err); !strings.Contains(e.Hint, "set AIRFLOW_API to v2 (Airflow 3), v1 (Airflow 2) or experimental") {
			t.Errorf("%d: %v", r.status, e)
		}
	}
}

func TestAutoDetectionFails(t *testing.T) {
	t.Parallel()
	iap := answer(401, "text/html", "Invalid IAP credentials: empty token").with("X-Goog-IAP-Generated-Response", "true")
	for _, row := range []struct {
		name string
		s    script
		kind airflow.Kind
		said string
	}{
		{"no Airflow", script{probeV2: html(404), probeV1: html(404), probeExp: html(404)}, airflow.APIAbsent,
			"API absent: no API of Airflow answers at this URL; no Airflow answers there, or its REST API is off: set AIRFLOW_URL"},
		{"a proxy refuses everything", everywhere(html(403)), airflow.Forbidden, "403 text/html: no credentials were sent: "},
		{"IAP refuses everything", everywhere(iap), airflow.Unauthorized,
			"401 text/html: IAP: Invalid IAP credentials: empty token; the web server stands behind Identity-Aware Proxy: set AIRFLOW_AUTH to iap"},
		{"a login page for everything", everywhere(html(200)), airflow.Unexpected,
			"200 text/html: not what was asked for: it is not JSON of Airflow's; a proxy, a gateway"},
		{"a redirect to a login page", everywhere(html(302).with("Location", "https://accounts.google.com/x")), airflow.LoginRedirect,
			"302 text/html: redirect to accounts.google.com; the request was sent elsewhere"},
		{"the server is down", script{probeV2: html(503)}, airflow.ServerFailure, "503 text/html: the web server failed or is overloaded: "},
		{"v1 is down", script{probeV2: html(404), probeV1: html(502)}, airflow.ServerFailure, "502 text/html: "},
		{"a bad request", everywhere(html(400)), airflow.Unexpected, "400 text/html: "},
		{"another service's version", everywhere(json(200, `{"name":"x"}`)), airflow.Unexpected,
			"200 application/json: not what was asked for: it names no version; "},
		{"another service's test", script{probeV2: html(404), probeV1: html(404), probeExp: json(200, `{"status":"fine"}`)},
			airflow.Unexpected, "200 application/json: not what was asked for: it names no version; "},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, row.s)
			client := newClient(t, airflow.Config{URL: server.URL})
			_, err := client.Trigger(t.Context(), sales())
			e := asKind(t, err, row.kind)
			if !strings.HasPrefix(e.Error(), row.said) || e.API != airflow.Auto || e.InDoubt {
				t.Errorf("got %v\nwant %s", e, row.said)
			}
			if n := len(server.asked); n != len(row.s) {
				t.Errorf("asked %d times, want %d", n, len(row.s))
			}
			_, _ = client.DetectAPI(t.Context())
			if len(server.asked) != 2*len(row.s) {
				t.Error("a failure was remembered")
			}
		})
	}
}

func TestNamedAPIIsNotDetected(t *testing.T) {
	t.Parallel()
	for _, api := range []airflow.API{airflow.V2, airflow.V1, airflow.Experimental} {
		server := serve(t, script{post(api): html(404)})
		client := newClient(t, airflow.Config{URL: server.URL, API: api})
		for range 2 {
			_, err := client.Trigger(t.Context(), sales())
			wantKind(t, err, airflow.APIAbsent)
		}
		if got, err := client.DetectAPI(t.Context()); got != api || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

// In the good case one event costs one request.
func TestAutoDetectsOnceForManyRuns(t *testing.T) {
	t.Parallel()
	server := serve(t, script{probeV2: version("3.3.2"), postV2: created(airflow.V2)})
	client := newClient(t, airflow.Config{URL: server.URL})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := client.Trigger(t.Context(), sales()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := strings.Count(server.requests(), probeV2); n != 1 || len(server.asked) != 21 {
		t.Errorf("detected %d times, in %d requests", n, len(server.asked))
	}
}

// An upgraded Airflow says that the API is gone, and is asked again.
func TestAutoDetectsAgainWhenTheAPIIsGone(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]reply{
		"405":          json(405, `{"detail":"Method Not Allowed"}`),
		"HTML 404":     html(404),
		"removed":      removed(),
		"no API route": json(404, `{"error":"API route not found"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := script{probeV2: html(404), probeV1: version("2.11.2"), postV1: gone}
			server := serve(t, s)
			client := newClient(t, airflow.Config{URL: server.URL})
			_, err := client.Trigger(t.Context(), sales())
			wantKind(t, err, airflow.APIAbsent)
			s[probeV2], s[postV2] = version("3.3.2"), created(airflow.V2)
			if _, err := client.Trigger(t.Context(), sales()); err != nil {
				t.Fatal(err)
			}
			want := strings.Join([]string{probeV2, probeV1, postV1, probeV2, postV2}, "\n")
			if server.requests() != want {
				t.Errorf("asked\n%s\nwant\n%s", server.requests(), want)
			}
		})
	}
}

func TestUnknownDAGLeavesTheAPIKnown(t *testing.T) {
	t.Parallel()
	server := serve(t, script{probeV2: version("3.3.2"), postV2: json(404, `{"detail":"Dag with dag_id: 'load_sales' not found"}`)})
	client := newClient(t, airflow.Config{URL: server.URL})
	for range 3 {
		_, err := client.Trigger(t.Context(), sales())
		wantKind(t, err, airflow.UnknownDAG)
	}
	if n := strings.Count(server.requests(), probeV2); n != 1 {
		t.Errorf("detected %d times", n)
	}
}

// The version that the probe returned decides about the note; it is never asked for.
func TestNoteNeedsAKnownVersion(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]bool{"2.11.2": true, "2.5.0": true, "2.4.3": false, "2.10": true, "new": false} {
		server := serve(t, script{probeV2: html(404), probeV1: version(release)})
		client := newClient(t, airflow.Config{URL: server.URL})
		run := sales()
		run.Note = "one upload"
		request, err := client.Request(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(request.Body)
		if got := strings.Contains(string(body), `"note":"one upload"`); got != want {
			t.Errorf("%s: got %s", release, body)
		}
	}
}

// gate is a web server of Airflow 3 that answers once it is opened.
type gate struct {
	open     chan struct{}
	probes   atomic.Int32
	canceled atomic.Int32
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	g.probes.Add(1)
	select {
	case <-g.open:
	case <-r.Context().Done():
		g.canceled.Add(1)
		return nil, r.Context().Err()
	}
	body := `{"version":"3.3.2"}`
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		Request: r}, nil
}

// One caller that gives up does not fail those who wait for the same answer.
func TestWaitersShareOneProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &gate{open: make(chan struct{})}
		client := newClient(t, airflow.Config{URL: "http://127.0.0.1", Transport: server})
		impatient, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := client.DetectAPI(impatient)
			if e, ok := errors.AsType[*airflow.Error](err); !ok || e.Kind != airflow.Canceled || !errors.Is(e, context.Canceled) || e.InDoubt {
				t.Errorf("got %+v", err)
			}
		})
		synctest.Wait() // the probe is the impatient caller's
		for range 3 {
			all.Go(func() {
				if api, err := client.DetectAPI(t.Context()); api != airflow.V2 || err != nil {
					t.Errorf("got %s, %v", api, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(server.open)
		all.Wait()
		if server.probes.Load() != 1 || server.canceled.Load() != 0 {
			t.Errorf("%d probes, %d canceled", server.probes.Load(), server.canceled.Load())
		}
	})
}

// A probe that nobody waits for any more ends, and the next caller asks again.
func TestAbandonedProbeEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &gate{open: make(chan struct{})}
		client := newClient(t, airflow.Config{URL: "http://127.0.0.1", Transport: server})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.DetectAPI(ctx)
		wantKind(t, err, airflow.Timeout)
		synctest.Wait()
		if server.canceled.Load() != 1 {
			t.Error("the probe goes on for nobody")
		}
		close(server.open)
		if api, err := client.DetectAPI(t.Context()); api != airflow.V2 || err != nil {
			t.Errorf("got %s, %v", api, err)
		}
	})
}
