// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
)

// evaluated is what an expression gives for an event, as JSON, or its error.
func evaluated(t testing.TB, ev *event.Event, text string) string {
	t.Helper()
	c, err := expression.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	e, _, problems := c.Expression(text)
	if len(problems) > 0 {
		return problems[0].What + ": " + problems[0].Fix
	}
	b := expression.Output{Most: math.MaxInt}
	if err := e.JSON(t.Context(), expression.NewScope(ev), &b); err != nil {
		_, what, _ := strings.Cut(err.Error(), ": ")
		return what
	}
	return b.String()
}

// carrying is an event whose data is that JSON.
func carrying(value any) *event.Event {
	data, _ := json.Marshal(value) // of text: never fails
	ev := event.New(event.CloudEvent{ID: "1", Source: "s", Type: "t", ContentType: "application/json", Data: data})
	return &ev
}

func TestDateReadsWhatStrptimeReads(t *testing.T) {
	t.Parallel()
	const notSo = "write the layout of what the event has, or test with matches(…)"
	for _, row := range []struct{ text, layout, zone, want string }{
		{"20261122", "%Y%m%d", "", "2026-11-22T00:00:00Z"},
		{"2026-11-22", "%Y-%m-%d", "", "2026-11-22T00:00:00Z"},
		{"2026-1-2", "%Y-%m-%d", "", "2026-01-02T00:00:00Z"},
		{"22.11.26 17:05", "%d.%m.%y %H:%M", "", "2026-11-22T17:05:00Z"},
		{"690101", "%y%m%d", "", "1969-01-01T00:00:00Z"},
		{"20261122", "%Y%m%d", "Europe/Berlin", "2026-11-21T23:00:00Z"},
		{"2026-11-22T01:02:03.5+0100", "%Y-%m-%dT%H:%M:%S.%f%z", "", "2026-11-22T00:02:03.5Z"},
		{"2026-11-22T01:02:03-05:30", "%Y-%m-%dT%H:%M:%S%z", "Europe/Berlin", "2026-11-22T06:32:03Z"},
		{"2026-11-22T01:02:03Z", "%Y-%m-%dT%H:%M:%S%z", "Europe/Berlin", "2026-11-22T01:02:03Z"},
		{"2026326", "%Y%j", "", "2026-11-22T00:00:00Z"},
		{"2024366", "%Y%j", "", "2024-12-31T00:00:00Z"},
		{"2026-W47-7", "%G-W%V-%u", "", "2026-11-22T00:00:00Z"},
		{"2027-W01", "%G-W%V", "", "2027-01-04T00:00:00Z"},
		{"Sun, 22 nov 2026 05:06 PM", "%a, %d %b %Y %I:%M %p", "", "2026-11-22T17:06:00Z"},
		{"22 November 2026 12 AM", "%d %B %Y %I %p", "", "2026-11-22T00:00:00Z"},
		{"1795309323", "%s", "Europe/Berlin", "2026-11-22T01:02:03Z"},
		{"100%2026", "100%%%Y", "", "2026-01-01T00:00:00Z"},
		{"2026", "%Y", "", "2026-01-01T00:00:00Z"},

		{"2026-11-22", "%Y%m%d", "", `"2026-11-22" is not a date of the layout %Y%m%d: ` + notSo},
		{"20261122x", "%Y%m%d", "", `"20261122x" is not a date of the layout %Y%m%d: ` + notSo},
		{"", "%Y", "", `"" is not a date of the layout %Y: ` + notSo},
		{"2026-02-30", "%Y-%m-%d", "", `"2026-02-30" is no day or time of the calendar: fix what sends it, or test it first`},
		{"2025366", "%Y%j", "", `"2025366" is no day or time of the calendar: fix what sends it, or test it first`},
		{"20261322", "%Y%m%d", "", `"20261322" is no day or time of the calendar: fix what sends it, or test it first`},
		{"2026112224", "%Y%m%d%H", "", `"2026112224" is no day or time of the calendar: fix what sends it, or test it first`},
		{"2026-W54", "%G-W%V", "", `"2026-W54" is no day or time of the calendar: fix what sends it, or test it first`},
		{"0000-01-01", "%Y-%m-%d", "", `"0000-01-01" is no day or time of the calendar: fix what sends it, or test it first`},
		{"11-22", "%m-%d", "", `the layout %m-%d has no year: add %Y, %y, %s or %G with %V`},
		{"2026", "%Q", "", `%Q is not a directive of a date's layout: write one such as %Y, %m or %d`},
		{"2026", "%Y", "Mars", `Mars is not a known time zone: name one such as Europe/Berlin`},
	} {
		call := `date(data.text, data.layout)`
		if row.zone != "" {
			call = `date(data.text, data.layout, data.zone)`
		}
		got := evaluated(t, carrying(map[string]string{"text": row.text, "layout": row.layout, "zone": row.zone}), call)
		if want := row.want; got != want && got != `"`+want+`"` && !strings.HasSuffix(got, want) {
			t.Errorf("date(%q, %q, %q) = %s, want %s", row.text, row.layout, row.zone, got, want)
		}
	}
}

func TestFormatDateTakesAZone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want string }{
		{`format_date(timestamp("2026-11-22T23:30:00Z"), "%Y%m%d")`, `"20261122"`},
		{`format_date(timestamp("2026-11-22T23:30:00Z"), "%Y%m%d %H%z", "Europe/Berlin")`, `"20261123 00+0100"`},
		{`format_date(date("20261122", "%Y%m%d"), "%Y/%m/%d")`, `"2026/11/22"`},
		{`format_date(date("20261122", "%Y%m%d") - duration("24h"), "%Y-%m-%d")`, `"2026-11-21"`},
		{`format_date("2026-11-22T23:30:00Z", "%Y")`, `format_date does not take text and text: ` +
			`write format_date(timestamp("2026-11-22T23:30:00Z"), "%Y")`},

		// What is written out is checked when the file is loaded.
		{`format_date(event.time, "%F")`, `%F is not a directive of a date's layout: write one such as %Y, %m or %d`},
		{`event.time.strftime("100%")`, `% is not a directive of a date's layout: write one such as %Y, %m or %d`},
		{`format_date(event.time, "yyyyMMdd")`, `yyyyMMdd has no directive of a date's layout: write it with such as %Y, %m and %d`},
		{`date("x", "%Y", "Mars")`, `Mars is not a known time zone: name one such as Europe/Berlin`},
		{`date("x", "%Y", "Local")`, `Local is not a known time zone: name one such as Europe/Berlin`},
	} {
		if got := evaluated(t, carrying("x"), row.text); got != row.want {
			t.Errorf("%s = %s, want %s", row.text, got, row.want)
		}
	}
}

// FuzzDate reads back what format_date writes, and never panics.
func FuzzDate(f *testing.F) {
	f.Add("2026-11-22", "%Y-%m-%d", int64(1795309323))
	f.Add("2026-W47-7", "%G-W%V-%u", int64(0))
	f.Add("", "%Y%j %I%p%z%f%s%%", int64(-1))
	c, err := expression.NewCompiler()
	if err != nil {
		f.Fatal(err)
	}
	read, _, _ := c.Expression(`date(data.text, data.layout)`)
	back, _, _ := c.Expression(`date(format_date(timestamp(data.at), "%Y-%m-%dT%H:%M:%S"), "%Y-%m-%dT%H:%M:%S") == timestamp(data.at)`)
	f.Fuzz(func(t *testing.T, text, layout string, at int64) {
		at %= 4e9
		ev := carrying(map[string]any{"text": text, "layout": layout, "at": time.Unix(at, 0).UTC().Format(time.RFC3339)})
		var b expression.Output
		b.Most = math.MaxInt
		_ = read.JSON(t.Context(), expression.NewScope(ev), &b) // must not panic
		if at > -60e9 {
			if same, err := back.Bool(t.Context(), expression.NewScope(ev)); err != nil || !same {
				t.Errorf("%d does not come back: %v", at, err)
			}
		}
	})
}

func TestMessageJSONOfGzipData(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, data, want string
	}{
		{"JSON", `{"order": 4711}`, `4711`},
		{"not JSON", `hello`, "no such key"},
		{"over 2 MiB", `{"order": 4711, "x": "` + strings.Repeat("x", 3<<20) + `"}`, "no such key"},
	} {
		ev := event.Event{ID: "1", Type: "google.cloud.pubsub.topic.v1.messagePublished", Message: &event.Message{ID: "1",
			Data: zipped(t, row.data)}}
		got := evaluated(t, &ev, `message.json.order`)
		if row.want == "4711" && got != row.want || row.want != "4711" && !strings.Contains(got, "the event has no message.json.order") {
			t.Errorf("%s: message.json.order is %s, want %s", row.name, got, row.want)
		}
		if whole := evaluated(t, &ev, `message.json`); row.want == "4711" && whole != row.data {
			t.Errorf("message.json is %s, want %s", whole, row.data)
		}
	}
}

func zipped(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(data))
	if closed := w.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	return b.Bytes()
}
