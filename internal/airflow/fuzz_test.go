// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"bytes"
	encoding "encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

// Whatever a server answers, the client neither panics nor takes it for the run
// that was asked for unless it says so.
func FuzzAnswer(f *testing.F) {
	for _, row := range refusals() {
		f.Add(row.reply.status, row.reply.header.Get("Content-Type"), row.reply.header.Get("Location"), row.reply.body)
	}
	for _, api := range []airflow.API{airflow.V2, airflow.V1, airflow.Experimental} {
		f.Add(200, "application/json", "", created(api).body)
	}
	f.Add(200, "application/json", "", `[{"dag_id":"load_sales","run_id":"dagtrigger__sales__5f3c"}]`)
	f.Fuzz(func(t *testing.T, status int, mediaType, location, body string) {
		header := http.Header{"Content-Type": {mediaType}, "Location": {location}, "Retry-After": {mediaType}}
		canned := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)),
				ContentLength: int64(len(body)), Request: r}, nil
		})
		for _, api := range []airflow.API{airflow.V2, airflow.V1, airflow.Experimental} {
			client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: api, Transport: canned})
			run, err := client.Trigger(t.Context(), sales())
			isRunOrError(t, run, err, status, body)
			run, err = client.Find(t.Context(), sales().DAGID, sales().RunID)
			isRunOrError(t, run, err, status, body)
		}
	})
}

func isRunOrError(t *testing.T, run airflow.DAGRun, err error, status int, body string) {
	t.Helper()
	if err == nil {
		if run.DAGID != sales().DAGID || run.RunID != sales().RunID || status/100 != 2 {
			t.Fatalf("%d %s was taken for the run: %+v", status, body, run)
		}
		return
	}
	e := asError(t, err)
	if strings.ContainsAny(e.Error(), "\r\n") || e.Hint == "" || e.Kind == "" {
		t.Fatalf("got %+v", e)
	}
	named := strings.Contains(body, "DAGRun ID: ") || strings.Contains(body, "orig_error")
	if e.Kind == airflow.RunExists && !named && !strings.Contains(body, "Unique constraint violation") {
		t.Fatalf("%d %s was taken for a duplicate", status, body)
	}
}

// Every body is JSON that gives back what was asked for.
func FuzzRequest(f *testing.F) {
	f.Add("dagtrigger__sales__5f3c", `{"a":[1.50,12345678901234567890]}`, "a \"note\"\\\n")
	f.Add("manual__2026-11-22T09:30:00+00:00~", ` {} `, "\xff\x00\u2028")
	f.Add("0", "", "\xde\x00\x80")
	f.Fuzz(func(t *testing.T, runID, conf, note string) {
		if conf != "" && (!encoding.Valid([]byte(conf)) || bytes.TrimSpace([]byte(conf))[0] != '{') {
			return // neither events nor routes make such a conf
		}
		for _, api := range []airflow.API{airflow.V2, airflow.V1, airflow.Experimental} {
			client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: api, Version: "2.11.2", Transport: silent{}})
			request, err := client.Request(t.Context(), airflow.Run{DAGID: "d", RunID: runID, Conf: []byte(conf), Note: note})
			if err != nil {
				_ = asError(t, err)
				continue
			}
			var sent struct {
				DAGRunID string              `json:"dag_run_id"`
				RunID    string              `json:"run_id"`
				Conf     encoding.RawMessage `json:"conf"`
				Note     string              `json:"note"`
			}
			body, _ := io.ReadAll(request.Body)
			if err := encoding.Unmarshal(body, &sent); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if sent.DAGRunID+sent.RunID != runID || conf != "" && !bytes.Equal(sent.Conf, bytes.TrimSpace([]byte(conf))) {
				t.Fatalf("asked for %q with %q, sent %s", runID, conf, body)
			}
			want := slices.DeleteFunc([]rune(note), func(r rune) bool { return r == 0 })
			if want := string(want[:min(len(want), airflow.MaxNote)]); api != airflow.Experimental && sent.Note != want {
				t.Fatalf("the note %q was sent as %q", note, sent.Note)
			}
		}
	})
}
