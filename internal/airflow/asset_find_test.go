// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
)

func TestFindAssetEvent(t *testing.T) {
	t.Parallel()
	event := func(id, at string) string {
		return `{"id":1,"extra":{"dagtrigger_id":"` + id + `"},"timestamp":"` + at + `"}`
	}
	page := func(name string, events ...string) reply {
		return json(200, `{"`+name+`":[`+strings.Join(events, ",")+`],"total_entries":1}`)
	}
	const later, earlier = "2026-11-30T12:00:00Z", "2026-11-30T09:00:00Z"
	since := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	from33 := "GET /api/v2/assets/events?asset_id=7&limit=100&offset=0&order_by=-timestamp&timestamp_gte=2026-11-30T10%3A00%3A00.000000Z"
	from2 := "GET /api/v1/datasets/events?dataset_id=7&limit=100&offset=0&order_by=-timestamp"
	full := slices.Repeat([]string{event("other", later)}, 100)
	next := func(line string) string { return strings.Replace(line, "offset=0", "offset=100", 1) }
	odd := `{"id":1,"extra":{"dagtrigger_id":{"a":1}},"timestamp":null},{"id":2,"extra":null}`
	for _, row := range []struct {
		name, version string
		api           airflow.API
		s             script
		want          string
	}{
		{"3.4, there", "3.4.0", airflow.V2, script{byURI34: orders3, find34: page("asset_events", event("x1", later))}, "true true"},
		{"3.4, not there", "3.4.0", airflow.V2, script{byURI34: orders3, find34: page("asset_events")}, "false true"},
		{
			"3.3, there", "3.3.2", airflow.V2,
			script{byURI33: orders3, from33: page("asset_events", event("a", later), event("x1", later))}, "true true",
		},
		{
			"3.3, on the second page", "3.3.2", airflow.V2,
			script{byURI33: orders3, from33: page("asset_events", full...), next(from33): page("asset_events", event("x1", later))},
			"true true",
		},
		{"3.3, not there", "3.3.2", airflow.V2, script{byURI33: orders3, from33: page("asset_events")}, "false true"},
		{"2.11, there", "2.11.2", airflow.V1, script{byURI2: orders2, from2: page("dataset_events", event("x1", later))}, "true true"},
		{
			"2.11, ends at an older event", "2.11.2", airflow.V1,
			script{byURI2: orders2, from2: page("dataset_events", append(slices.Clone(full[1:]), event("y", earlier))...)},
			"false true",
		},
		{"other extras", "2.11.2", airflow.V1, script{byURI2: orders2, from2: page("dataset_events", odd)}, "false true"},
	} {
		client, server := of(t, row.api, row.version, row.s)
		e := ordersEvent()
		e.Since = since
		found, all, err := client.FindAssetEvent(t.Context(), e)
		if got := fmt.Sprint(found, " ", all); err != nil || got != row.want {
			t.Errorf("%s: %s, %v, want %s", row.name, got, err, row.want)
		}
		if got := len(strings.Split(server.requests(), "\n")); got != len(row.s) {
			t.Errorf("%s: asked for %s", row.name, server.requests())
		}
	}
}

func TestFindAssetEventIsBounded(t *testing.T) {
	t.Parallel()
	page := json(200, `{"dataset_events":[`+strings.TrimSuffix(strings.Repeat(`{"extra":{}},`, 100), ",")+`]}`)
	s := script{byURI2: orders2}
	for offset := 0; offset < airflow.MaxEventsSearched; offset += 100 {
		s[fmt.Sprintf("GET /api/v1/datasets/events?dataset_id=7&limit=100&offset=%d&order_by=-timestamp", offset)] = page
	}
	client, server := of(t, airflow.V1, "2.11.2", s)
	found, all, err := client.FindAssetEvent(t.Context(), ordersEvent())
	if found || all || err != nil || len(strings.Split(server.requests(), "\n")) != len(s) {
		t.Errorf("found %t, all %t, %v, after\n%s", found, all, err, server.requests())
	}
}

// Before 3.4 Airflow 3 cannot list an event while a run that it started is queued:
// the events around it are read by themselves.
func TestFindAssetEventReadsAroundEventsThatAirflowCannotList(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		events  []string // newest first; "" for one that cannot be listed
		want    string
		atMost  int // requests
		version string
	}{
		{"found beside one", []string{"", "x1", "b"}, "true true", 12, "3.3.2"},
		{"not found beside one", []string{"", "a", "b"}, "false false", 20, "3.3.2"},
		{"all are queued", slices.Repeat([]string{""}, 100), "false false", 32, "3.3.2"},
		{"none", []string{"a", "b"}, "false true", 2, "3.3.2"},
	} {
		transport := &listing{events: row.events}
		client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Version: row.version, Transport: transport})
		found, all, err := client.FindAssetEvent(t.Context(), ordersEvent())
		if got := fmt.Sprint(found, " ", all); err != nil || got != row.want || transport.requests > row.atMost {
			t.Errorf("%s: %s after %d requests, %v, want %s", row.name, got, transport.requests, err, row.want)
		}
	}
	client, _ := of(t, airflow.V2, "3.4.0", script{byURI34: orders3, find34: answer(500, "text/plain", "Internal Server Error")})
	_, _, err := client.FindAssetEvent(t.Context(), ordersEvent())
	wantKind(t, err, airflow.ServerFailure)
}

// listing lists asset events as Airflow 3.3 does.
type listing struct {
	events   []string
	requests int
}

func (l *listing) RoundTrip(r *http.Request) (*http.Response, error) {
	l.requests++
	reply := orders3
	if query := r.URL.Query(); strings.HasSuffix(r.URL.Path, "/events") {
		offset, _ := strconv.Atoi(query.Get("offset"))
		limit, _ := strconv.Atoi(query.Get("limit"))
		page := l.events[min(offset, len(l.events)):]
		page = page[:min(limit, len(page))]
		var events []string
		for _, id := range page {
			events = append(events, `{"extra":{"dagtrigger_id":"`+id+`"}}`)
		}
		reply = json(200, `{"asset_events":[`+strings.Join(events, ",")+`]}`)
		if slices.Contains(page, "") {
			reply = answer(500, "text/plain; charset=utf-8", "Internal Server Error")
		}
	}
	body := io.NopCloser(strings.NewReader(reply.body))
	return &http.Response{StatusCode: reply.status, Header: reply.header, Body: body, Request: r}, nil
}
