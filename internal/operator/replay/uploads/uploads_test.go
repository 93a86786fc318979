// SPDX-License-Identifier: Apache-2.0

package uploads_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/operator/delivery"
	"example.com/dagtrigger/internal/operator/replay/uploads"
	"example.com/dagtrigger/internal/simulator/googlesim"
)

// resource is that of an object, as Cloud Storage has it.
func resource(name string) string {
	return `{"kind":"storage#object","bucket":"acme","name":"` + name + `","generation":"17","metageneration":"2",` +
		`"timeCreated":"2026-11-22T02:28:56.763Z","updated":"2026-11-23T00:00:00Z","rate":1.10}`
}

// newStorage is a Cloud Storage whose bucket acme has the objects with these
// resources, two on a page.
func newStorage(t *testing.T, resources ...string) *googlesim.Storage {
	t.Helper()
	s := googlesim.NewStorage(func(r *http.Request) { t.Errorf("unknown request to Google: %s %s", r.Method, r.URL) }, "acme")
	s.PageSize = 2
	for _, text := range resources {
		var named struct{ Name string }
		if err := json.Unmarshal([]byte(text), &named); err != nil {
			t.Fatal(err)
		}
		s.Put("acme", googlesim.Object{Name: named.Name, Resource: json.RawMessage(text)})
	}
	s.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host != "storage.googleapis.com" || r.FormValue("projection") != "noAcl" || r.Header.Get("User-Agent") != "dagtrigger" {
			t.Errorf("request %s %s as %q", r.Method, r.URL, r.Header.Get("User-Agent"))
		}
		return false
	})
	return s
}

// bucket is the part of the bucket acme below a prefix.
func bucket(s *googlesim.Storage, prefix string) uploads.Bucket {
	return uploads.Bucket{Name: "acme", Prefix: prefix, UserAgent: "dagtrigger", Client: &http.Client{Transport: s}}
}

// list gives what is listed, by place, and an error as the last.
func list(ctx context.Context, b uploads.Bucket) (places []string) {
	for u, err := range b.List(ctx) {
		if err != nil {
			return append(places, "error: "+err.Error())
		}
		places = append(places, u.Place)
	}
	return places
}

func TestAllPagesOfThePrefixAreListed(t *testing.T) {
	t.Parallel()
	f := newStorage(t, resource("a/1"), resource("a/2"), resource("a/3"), resource("b ü/1"))
	for prefix, want := range map[string]string{
		"":     "gs://acme/a/1#17 gs://acme/a/2#17 gs://acme/a/3#17 gs://acme/b ü/1#17",
		"a/":   "gs://acme/a/1#17 gs://acme/a/2#17 gs://acme/a/3#17",
		"b ü/": "gs://acme/b ü/1#17",
		"c":    "",
	} {
		if diff := cmp.Diff(want, strings.Join(list(t.Context(), bucket(f, prefix)), " ")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", prefix, diff)
		}
	}
	for _, err := range bucket(f, "").List(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break // which a listing has to bear
	}
}

func TestAnObjectIsListedAlone(t *testing.T) {
	t.Parallel()
	f := newStorage(t, resource("a"), resource("a.bak"), resource("a/"), resource("a/1"), resource("a#7"))
	for address, want := range map[string]string{
		"gs://acme/a":      "gs://acme/a#17",
		"gs://acme/a*":     "gs://acme/a#17 gs://acme/a#7#17 gs://acme/a.bak#17 gs://acme/a/#17 gs://acme/a/1#17",
		"gs://acme/a/":     "gs://acme/a/#17 gs://acme/a/1#17",
		"gs://acme/a.":     "gs://acme/a.bak#17",
		"gs://acme/a#17":   "gs://acme/a#17",
		"gs://acme/a/#17":  "gs://acme/a/#17",
		"gs://acme/a#7#17": "gs://acme/a#7#17",
		"gs://acme/a#16": "error: listing gs://acme/a#16: it is not the live generation of an object; " +
			"leave #GENERATION out for the live one: Cloud Storage lists no other",
	} {
		b, err := uploads.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		b.UserAgent, b.Client = "dagtrigger", &http.Client{Transport: f}
		if diff := cmp.Diff(want, strings.Join(list(t.Context(), b), " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
}

// same fails where two events differ in what the function makes of them: all but
// the id, by which nothing is decided, the message that carried one of them, and
// what is behind the milliseconds
// of the time, which Cloud Storage keeps to itself.
func same(t *testing.T, want, got event.Event) {
	t.Helper()
	form := func(e event.Event) map[string]any {
		conf := string(e.Conf())
		if e.Object.Resource == nil { // the conf is the resource, which is left out of the comparison
			conf = ""
		}
		return map[string]any{
			"type": e.Type, "source": e.Source, "subject": e.Subject, "time": e.Time.Truncate(time.Millisecond).UTC(),
			"extensions": e.Extensions, "content type": e.ContentType, "data": string(e.Data),
			"object": e.Object, "key": e.Key(), "conf": conf,
		}
	}
	if diff := cmp.Diff(form(want), form(got)); diff != "" {
		t.Errorf("the event of the listing is another one than that of the upload (-upload +listing):\n%s", diff)
	}
	if got.ID == "" {
		t.Error("the event has no id")
	}
}

// received is the normal form of the event that a request brings.
func received(t *testing.T, r *http.Request) event.Event {
	t.Helper()
	all, err := event.FromRequest(r, event.MaxBody)
	if err != nil || len(all) != 1 || all[0].Invalid != nil {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// only is the normal form of the one upload that is listed.
func only(t *testing.T, b uploads.Bucket) event.Event {
	t.Helper()
	var all []event.Event
	for u, err := range b.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		e := event.New(u.Event)
		if e.Invalid != nil {
			t.Fatal(e.Invalid)
		}
		all = append(all, e)
	}
	if len(all) != 1 {
		t.Fatalf("%d uploads are listed, want 1", len(all))
	}
	return all[0]
}

// TestListedUploadEqualsTheEventarcEvent holds the event of a listing against one as
// Eventarc has delivered it.
func TestListedUploadEqualsTheEventarcEvent(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../event/testdata/storage-finalized.http")
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(head) + "\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.TrimSpace(body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	f := newStorage(t, string(body))
	b := bucket(f, "")
	same(t, received(t, r), only(t, b))
}

// TestListedUploadEqualsEveryEnvelope does so for every way in which the same
// change may have come.
func TestListedUploadEqualsEveryEnvelope(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 2, 28, 56, 763e6, time.UTC)
	for _, as := range delivery.Envelopes() {
		o := delivery.Object{
			Bucket: "acme", Name: "sales/a&b ü.csv", Generation: 1795303736756275, Time: at, MessageID: "12761621150588617",
			Resource: []byte(`{"bucket":"acme","name":"sales/a&b ` +
				`ü.csv","generation":"1795303736756275","metageneration":"1","timeCreated":"2026-11-22T02:28:56.763Z"}`),
		}
		delivered, err := o.Request(as)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://f/", bytes.NewReader(delivered.Body))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range delivered.Header {
			r.Header.Add(h.Name, h.Value)
		}
		f := newStorage(t, string(o.Resource))
		got, want := only(t, bucket(f, "sales/")), received(t, r)
		if diff := cmp.Diff(want.Key(), got.Key()); diff != "" {
			t.Errorf("%s: another key (-upload +listing):\n%s", as, diff)
		}
		same(t, want, got)
	}
}

func TestTimeOfAnUpload(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		resource("a"): "2026-11-22T02:28:56.763Z", // not that of the metadata's change
		`{"bucket":"acme","name":"a","generation":"1","updated":"2026-11-23T00:00:00Z"}`: "2026-11-23T00:00:00Z",
		`{"bucket":"acme","name":"a","generation":"1"}`:                                  "0001-01-01T00:00:00Z",
	} {
		f := newStorage(t, object)
		if got := only(t, bucket(f, "")).Time.Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: %s, want %s", object, got, want)
		}
	}
}

func TestListErrorsNameTheFix(t *testing.T) {
	t.Parallel()
	const listing = "error: listing gs://acme/: "
	for _, row := range []struct {
		name    string
		refuse  []int
		objects []string
		want    string
		asked   int
	}{
		{"once", []int{503}, nil, "", 2},
		{"twice", []int{429, 500}, nil, "", 3},
		{"for long", []int{503, 503, 503, 503}, nil, listing + "503 Service Unavailable: said so", 4},
		{"forbidden", []int{403}, nil, listing + "403 Forbidden: said so; give this account the role roles/storage.objectViewer on the bucket",
			1},
		{"missing", []int{404}, nil, listing + "404 Not Found: said so; name a bucket that is there", 1},
		{"redirected", []int{302}, nil, listing + "302 Found: said so", 1},
		{"no object", nil, []string{`{"name":"a"}`}, listing +
			"an object in the answer lacks bucket, name or generation: is it Cloud Storage that answers?", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newStorage(t, row.objects...)
			f.FailNext("said\n  so", row.refuse...)
			if got := strings.Join(list(t.Context(), bucket(f, "")), " "); got != row.want || len(f.Requests()) != row.asked {
				t.Errorf("%s: asked %d times, got\n%s, want\n%s", row.name, len(f.Requests()), got, row.want)
			}
		})
	}
}

func TestInvalidListingIsRefused(t *testing.T) {
	t.Parallel()
	b := uploads.Bucket{Name: "acme", Client: &http.Client{Transport: answer("<html>")}}
	want := []string{"error: listing gs://acme/: the response is not what the API returns: does something stand between this program " +
		"and Google?"}
	if diff := cmp.Diff(want, list(t.Context(), b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := newStorage(t, resource("a"))
	b := bucket(f, "")
	for _, err := range b.List(ctx) {
		if _, ok := errors.AsType[*uploads.Error](err); !ok || !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	}
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"gs://acme":             "gs://acme/",
		"gs://acme/":            "gs://acme/",
		"gs://acme/sales/eu":    "gs://acme/sales/eu",
		"gs://acme_1.x-y/a b?/": "gs://acme_1.x-y/a b?/",
		"acme/sales":            `"acme/sales" names no bucket: write gs://BUCKET/PREFIX`,
		"gs://":                 `"gs://" names no bucket: write gs://BUCKET/PREFIX`,
		"gs:///sales":           `"gs:///sales" names no bucket: write gs://BUCKET/PREFIX`,
		"gs://Acme/x":           `"gs://Acme/x" names no bucket: write gs://BUCKET/PREFIX`,
		"gs://acme/sales/*.csv": `"gs://acme/sales/*.csv" has a wildcard, which a prefix cannot have: write the beginning of the names, as ` +
			`in gs://acme/sales/`,
	} {
		b, err := uploads.Parse(address)
		got := b.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Parse(%q) = %s, want %s", address, got, want)
		}
	}
}

func FuzzList(f *testing.F) {
	for _, seed := range []string{resource("a"), "{}", `{"bucket":"b","name":"n","generation":"1","timeCreated":"x"}`,
		`{"bucket":"b","name":"\u0000","generation":""}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, object string) {
		b := uploads.Bucket{Name: "acme", Client: &http.Client{Transport: answer(`{"items":[` + object + `]}`)}}
		for u, err := range b.List(t.Context()) {
			if err != nil {
				continue
			}
			e := event.New(u.Event)
			if e.Invalid != nil || e.Object == nil || u.Place != fmt.Sprintf("gs://%s/%s#%s", e.Object.Bucket, e.Object.Name, e.Object.Generation) {
				t.Errorf("%s is listed as %s, and is %+v, %v", object, u.Place, e.Object, e.Invalid)
			}
		}
	})
}

// answer is a server that says one thing.
type answer string

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}
