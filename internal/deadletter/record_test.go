// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dagtrigger/internal/deadletter"
	"example.com/dagtrigger/internal/event"
)

// noon is when everything in these tests fails first.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// finalized is a CloudEvent with data of a media type, "" for none.
func finalized(contentType string, data []byte) event.CloudEvent {
	return event.CloudEvent{
		ID: "1096434104173400", Source: "//storage.googleapis.com/projects/_/buckets/acme",
		Type: "google.cloud.storage.object.v1.finalized", ContentType: contentType, Data: data,
	}
}

// failure is a record of a run id that failed so long after noon.
func failure(runID, reason string, after time.Duration) deadletter.Record {
	return deadletter.Record{
		Route: "sales", Environment: "prod", DAGID: "load", RunID: runID, Reason: reason,
		Time: noon.Add(after), RoutesDigest: "sha256:9f86", Event: finalized("application/json", []byte(`{"a": 1}`)),
	}
}

func encode(t *testing.T, r deadletter.Record) []byte {
	t.Helper()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordMatchesTheGolden(t *testing.T) {
	t.Parallel()
	r := failure("dagtrigger__sales__5f3c", `400 application/json: "no" <conf>`, 0)
	r.Attempts, r.FirstTime = 2, noon.Add(-time.Minute)
	r.Event.Subject = "objects/a & b.csv"
	r.Event.Time = noon.Add(-time.Hour)
	r.Event.Extensions = map[string]string{"bucket": "acme"}
	r.Event.Data = []byte("{\"size\":\n  1.0, \"big\": 12345678901234567890, \"tag\": \"<a>\"}")
	const want = `{
  "reason": "400 application/json: \"no\" <conf>",
  "route": "sales",
  "environment": "prod",
  "dag_id": "load",
  "dag_run_id": "dagtrigger__sales__5f3c",
  "attempts": 2,
  "time": "2026-11-22T12:00:00Z",
  "first_time": "2026-11-22T11:59:00Z",
  "routes_digest": "sha256:9f86",
  "event": {
    "specversion": "1.0",
    "id": "1096434104173400",
    "source": "//storage.googleapis.com/projects/_/buckets/acme",
    "type": "google.cloud.storage.object.v1.finalized",
    "subject": "objects/a & b.csv",
    "datacontenttype": "application/json",
    "time": "2026-11-22T11:00:00Z",
    "bucket": "acme",
    "data":{"size":
  1.0, "big": 12345678901234567890, "tag": "<a>"}
  }
}
`
	if diff := cmp.Diff(want, string(encode(t, r))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDataSurvivesByteForByte(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, contentType, data string
		as                      string // how it stands in the record
	}{
		{"JSON", "application/json", `{"b":2, "a" : 1}`, `"data":{"b":2, "a" : 1}`},
		{"JSON by default", "", `[1,2]`, `"data":[1,2]`},
		{"JSON in a charset", "application/json; charset=utf-8", `{}`, `"data":{}`},
		{"JSON of a kind", "application/geo+json", `"x"`, `"data_base64":"Ingi"`},
		{"JSON in capitals", "Application/JSON", `"x"`, `"data_base64":"Ingi"`},
		{"JSON null", "application/json", `null`, `"data":null`},
		{"JSON twice", "application/json", `{"a":1,"a":2}`, `"data":{"a":1,"a":2}`},
		{"JSON and a line end", "application/json", "{}\n", `"data_base64":"e30K"`},
		{"invalid JSON", "application/json", "{", `"data_base64":"ew=="`},
		{"JSON that is no UTF-8", "application/json", "\"\xff\"", `"data_base64":"Iv8i"`},
		{"text", "text/plain", "a \"b\" <c>\u2028\n", `"data":"a \"b\" <c>\u2028\n"`},
		{"text that looks like JSON", "text/csv", "1", `"data":"1"`},
		{"bytes", "application/protobuf", "\x08\x96\x01\xff", `"data_base64":"CJYB/w=="`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := failure("x", "no", 0)
			r.Attempts, r.FirstTime = 1, noon
			r.Event = finalized(row.contentType, []byte(row.data))
			b := encode(t, r)
			if !json.Valid(b) || !strings.Contains(string(b), row.as) {
				t.Errorf("the record does not hold %s:\n%s", row.as, b)
			}
			got, err := deadletter.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Event.Data) != row.data {
				t.Errorf("data = %q, want %q", got.Event.Data, row.data)
			}
			// Any tool that reads structured CloudEvents finds the same data.
			var w struct{ Event cloudevents.Event }
			if err := json.Unmarshal(b, &w); err != nil || string(w.Event.Data()) != row.data {
				t.Errorf("the SDK reads %q, %v", w.Event.Data(), err)
			}
		})
	}
}

func TestEncodeWithoutData(t *testing.T) {
	t.Parallel()
	r := failure("x", "no", 0)
	r.Attempts = 1
	for _, data := range [][]byte{nil, {}} {
		r.Event.Data = data
		b := encode(t, r)
		got, err := deadletter.Decode(b)
		if err != nil || got.Event.Data != nil || strings.Contains(string(b), `"data"`) {
			t.Errorf("Decode = %q, %v of\n%s", got.Event.Data, err, b)
		}
	}
}

func TestRecordName(t *testing.T) {
	t.Parallel()
	named, unnamed := failure("dagtrigger__sales__5f3c", "no", 0), failure("", "no", 0)
	if got := named.Name(); got != "dagtrigger__sales__5f3c" {
		t.Errorf("Name = %q", got)
	}
	const want = "unread__b61ea19e43e852439efb"
	if got := unnamed.Name(); got != want {
		t.Errorf("Name = %q, want %q: records kept already would be counted again", got, want)
	}
	other := failure("", "another reason", time.Hour)
	if other.Name() != unnamed.Name() {
		t.Error("a redelivery has another name")
	}
	for _, change := range []func(*deadletter.Record){
		func(r *deadletter.Record) { r.Route = "saless" },
		func(r *deadletter.Record) { r.Event.ID = "2" },
		func(r *deadletter.Record) { r.Event.Source = "//s" },
	} {
		other := failure("", "no", 0)
		change(&other)
		if other.Name() == unnamed.Name() {
			t.Errorf("%+v has the name of another event or route", other)
		}
	}
}

const notCloudEvent = "reading its event: the event is not a CloudEvent in JSON: send a JSON object in UTF-8, with id, source and type"

func TestDecodeErrorsHoldNoContent(t *testing.T) {
	t.Parallel()
	valid := string(encode(t, func() deadletter.Record {
		r := failure("x", "no", 0)
		r.Attempts = 1
		return r
	}()))
	for _, row := range []struct{ name, text, want string }{
		{"nothing", "", "it is not a JSON record: byte 0"},
		{"bytes", "\xff", "it is not UTF-8"},
		{"text", "hush", "it is not a JSON record: byte 1"},
		{"wrong type", `{"attempts":"hush"}`, "it is not a JSON record: attempts is of the wrong type"},
		{"bad time", `{"time":"hush"}`, "it is not a JSON record: a member cannot be read"},
		{"no event", `{"attempts":1}`, notCloudEvent},
		{"no object", `{"event":[1]}`, notCloudEvent},
		{"null", `{"event":null}`, notCloudEvent},
		{"no id", `{"event":{"specversion":"1.0","source":"s","type":"t"}}`,
			"reading its event: the CloudEvent lacks id: send a CloudEvent of version 1.0, with id, source and type"},
		{"no attempts", strings.Replace(valid, `"attempts": 1`, `"attempts": 0`, 1), "it lacks attempts or time"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := deadletter.Decode([]byte(row.text))
			if err == nil || err.Error() != row.want {
				t.Errorf("Decode = %v, want %s", err, row.want)
			}
		})
	}
}

func TestDecodeIgnoresUnknownMembers(t *testing.T) {
	t.Parallel()
	r := failure("x", "no", 0)
	r.Attempts = 1
	b := bytes.Replace(encode(t, r), []byte("{\n"), []byte("{\n\"traces\": [],\n"), 1)
	if got, err := deadletter.Decode(b); err != nil || got.RunID != "x" {
		t.Errorf("Decode = %+v, %v", got, err)
	}
}

func TestLogValueHasNoData(t *testing.T) {
	t.Parallel()
	r := failure("x", "no", 0)
	r.Event.Data = []byte(`"hush"`)
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("kept", "record", &r)
	if strings.Contains(b.String(), "hush") || !strings.Contains(b.String(), "record.name=x") {
		t.Errorf("the line is %s", b.String())
	}
}

func FuzzRecordRoundTrip(f *testing.F) {
	f.Add("sales", "prod", "load", "dagtrigger__sales__5f3c", "400: no", "sha256:9f", "id", "application/json", []byte(`{"a": 1}`), int64(1))
	f.Add("", "", "", "", "\xff\u2028", "", "a/b", "text/plain\x99", []byte("\xff"), int64(-1))
	f.Add("r", "e", "d", "../x", "<&>", "", "\x00", "", []byte(" null"), int64(1<<40))
	f.Fuzz(func(t *testing.T, route, environment, dag, run, reason, digest, id, contentType string, data []byte, nanos int64) {
		r := deadletter.Record{
			Route: route, Environment: environment, DAGID: dag, RunID: run, Reason: reason, RoutesDigest: digest,
			Time: time.Unix(0, nanos).UTC(), FirstTime: noon, Attempts: 3,
		}
		r.Event = finalized(contentType, data)
		r.Event.ID = id
		r.Event.Extensions = map[string]string{"bucket": reason}
		if strings.TrimSpace(id) == "" {
			t.Skip()
		}
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := deadletter.Decode(b)
		if err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		if !bytes.Equal(got.Event.Data, data) {
			t.Errorf("data = %q, want %q", got.Event.Data, data)
		}
		if !utf8.ValidString(route + environment + dag + run + reason + digest + id + contentType) {
			return // what is not UTF-8 becomes U+FFFD, in attributes too
		}
		want := r
		want.Event.Data, got.Event.Data = nil, nil
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(event.CloudEvent{})); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, b)
		}
	})
}

func FuzzDecodeEncode(f *testing.F) {
	r := deadletter.Record{RunID: "x", Attempts: 1, Time: noon, FirstTime: noon, Event: finalized("", []byte("{}"))}
	b, err := r.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"attempts":1,"time":"2026-11-22T12:00:00Z","event":{"specversion":"0.3","id":"1","source":"s","type":"t","data":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := deadletter.Decode(b)
		if err != nil {
			t.Skip()
		}
		again, err := first.Encode()
		if err != nil {
			t.Skip() // such as a year that JSON's times cannot have
		}
		second, err := deadletter.Decode(again)
		if err != nil {
			t.Fatalf("%v: %s", err, again)
		}
		if !bytes.Equal(first.Event.Data, second.Event.Data) {
			t.Errorf("data = %q, want %q", second.Event.Data, first.Event.Data)
		}
		if first.Name() != second.Name() || first.Reason != second.Reason || !first.Time.Equal(second.Time) {
			t.Errorf("%+v became %+v", first, second)
		}
	})
}

// The bytes of dead letters never change: the first versions left the escapes of
// attributes to the CloudEvents SDK.
func TestAttributesAreEscapedAsTheSDKDoes(t *testing.T) {
	t.Parallel()
	const odd = "a\b\f\u2028\u2029\t\n\\b\\u2028<&>\"\x01\x7fé"
	r := failure("dagtrigger__sales__5f3c", "400", 0)
	r.Event = event.CloudEvent{ID: odd, Source: "//s", Type: "t", Subject: odd, Extensions: map[string]string{"odd": odd}}
	const written = `"a\u0008\u000c` + "\u2028\u2029" + `\t\n\\b\\u2028<&>\"\u0001` + "\x7fé\""
	want := `  "event": {
    "specversion": "1.0",
    "id": ` + written + `,
    "source": "//s",
    "type": "t",
    "subject": ` + written + `,
    "odd": ` + written + `
  }
}
`
	r.Attempts = 1
	got := encode(t, r)
	if !bytes.HasSuffix(got, []byte(want)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	sdk := cloudevents.NewEvent()
	sdk.SetID(odd)
	sdk.SetSource("//s")
	sdk.SetType("t")
	sdk.SetSubject(odd)
	sdk.SetExtension("odd", odd)
	bySDK, err := sdk.MarshalJSON()
	if err != nil || string(bySDK) != string(r.Event.EncodeAttributes()) {
		t.Errorf("%v: the SDK writes %s, not %s", err, bySDK, r.Event.EncodeAttributes())
	}
	if again, err := deadletter.Decode(got); err != nil || again.Event.ID != odd || again.Event.Subject != odd {
		t.Errorf("read again: %+v, %v", again.Event, err)
	}
}
