// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/event"
)

// opened is a function in front of an embedded Airflow, where every event starts
// the DAG load.
func opened(t *testing.T) http.Handler {
	t.Helper()
	f, _ := routed(t, slog.LevelInfo, map[string]string{"DAG_ID": "load", "AIRFLOW_URL": newAirflow(t).URL})
	return f
}

// answer is what such a function answers to a request.
func answer(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	opened(t).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// changed is the request of a changed object, in binary mode.
func changed(data string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(data))
	r.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{
		"ce-id": "1", "ce-type": "google.cloud.storage.object.v1.finalized", "ce-source": "//storage.googleapis.com/projects/_/buckets/b",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// One bad event does not keep the others of its batch from starting.
func TestBatchWithAnInvalidEventStartsTheOthers(t *testing.T) {
	t.Parallel()
	const good = `{"specversion":"1.0","id":"1","type":"com.acme.done","source":"/jobs"}`
	const deep = `{"specversion":"1.0","id":"2","type":"com.acme.done","source":"/jobs","data":`
	for _, row := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"without identity", `[{"id":"2"},` + good + `]`, 400, `{"error":"event 1 of the batch: the CloudEvent lacks source, type: `},
		{"too deep", `[` + deep + strings.Repeat("[", 201) + strings.Repeat("]", 201) + `},` + good + `]`, 422,
			`"event_id":"2","route":"","outcome":"rejected"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(row.body))
			r.Header.Set("Content-Type", "application/cloudevents-batch+json")
			status, body := answer(t, r)
			if status != row.status || !strings.Contains(body, row.want) || !strings.Contains(body,
				`"event_id":"1","route":"default","outcome":"triggered"`) {
				t.Errorf("answered %d %s", status, body)
			}
		})
	}
}

func TestProbesAreAnswered(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, body := answer(t, httptest.NewRequest(method, path, nil)); status != 200 {
				t.Errorf("%s %s: answered %d %s", method, path, status, body)
			}
		}
	}
}

// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection
func TestWebhookHandshakeIsAnswered(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ origin, rate, allowedOrigin, allowedRate string }{
		{"eventgrid.azure.net", "120", "eventgrid.azure.net", "120"},
		{"eventgrid.azure.net", "", "eventgrid.azure.net", "*"},
		{"", "", "", ""},
	} {
		r, w := httptest.NewRequest(http.MethodOptions, "/", nil), httptest.NewRecorder()
		r.Header.Set("WebHook-Request-Origin", row.origin)
		r.Header.Set("WebHook-Request-Rate", row.rate)
		opened(t).ServeHTTP(w, r)
		h := w.Header()
		if w.Code != 200 || h.Get("Allow") != "GET, HEAD, OPTIONS, POST" ||
			h.Get("WebHook-Allowed-Origin") != row.allowedOrigin || h.Get("WebHook-Allowed-Rate") != row.allowedRate {
			t.Errorf("%+v: answered %d %v", row, w.Code, h)
		}
	}
}

// A body is decoded as its Content-Encoding says, within the same bounds; one
// that is coded otherwise starts no run of compressed bytes.
func TestContentEncodings(t *testing.T) {
	t.Parallel()
	deflated := func(text string) string {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		_, _ = io.WriteString(w, text) // to memory: never fails
		_ = w.Close()
		return b.String()
	}
	gzipped := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text) // to memory: never fails
		_ = w.Close()
		return b.String()
	}
	raw := func(text string) string {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.BestSpeed)
		_, _ = io.WriteString(w, text) // to memory: never fails
		_ = w.Close()
		return b.String()
	}
	const data = `{"bucket":"b","name":"o","generation":"7"}`
	for _, row := range []struct {
		name, coding, body string
		status             int
		want               string
	}{
		{"gzip", "gzip", gzipped(data), 200, "triggered"},
		{"gzip in capitals", "GZIP", gzipped(data), 200, "triggered"},
		{"deflate", "deflate", deflated(data), 200, "triggered"},
		{"raw deflate", "deflate", raw(data), 200, "triggered"},
		{"identity", "identity", data, 200, "triggered"},
		{"brotli", "br", data, 415, `the Content-Encoding \"br\" is not decoded: send the body as it is, or by gzip or deflate`},
		{"twice", "gzip, gzip", gzipped(gzipped(data)), 415, "is not decoded"},
		{"not gzip", "gzip", data, 422, "the body is not what its Content-Encoding says: send it as it is, or by gzip or deflate"},
		{"cut off", "gzip", gzipped(data)[:30], 422, "the body is not what its Content-Encoding says"},
		{"a bomb", "gzip", gzipped(strings.Repeat(" ", event.MaxBody+1)), 413, "over the limit"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := changed(row.body)
			r.Header.Set("Content-Encoding", row.coding)
			if status, body := answer(t, r); status != row.status || !strings.Contains(body, row.want) {
				t.Errorf("answered %d %s, want %d", status, body, row.status)
			}
		})
	}
}
