// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/event"
)

const subscription = "projects/p/subscriptions/s"

// pushed is the body of a wrapped push.
func pushed(data string, attributes map[string]string) string {
	encoded, _ := json.Marshal(attributes)
	return fmt.Sprintf(`{"message":{"messageId":"1","data":"%s","attributes":%s},"subscription":%q}`,
		base64.StdEncoding.EncodeToString([]byte(data)), encoded, subscription)
}

const (
	noObject = "the data of the Cloud Storage event is not a JSON object in UTF-8: " +
		"send the object resource, as Eventarc and a notification with payload JSON_API_V1 do"
	noNames = "the object resource of the Cloud Storage event lacks bucket, name or generation: " +
		"send the whole resource, as Eventarc and a notification with payload JSON_API_V1 do"
	noMessage    = "the data of the Pub/Sub event has no message: send what Pub/Sub sends, a JSON object with message and subscription"
	noBase64     = "the message's data is not valid base64: send what Pub/Sub sends, RFC 4648 base64, padded"
	noAttributes = "the message's attributes are not a JSON object: send what Pub/Sub sends"
	noText       = "the message's attribute \"a\" is not text: send what Pub/Sub sends"
	tooMany      = "the message has over 1000 attributes: send what Pub/Sub sends"
)

// Bad data in an event that has an identity does not make a bad request: the event
// keeps its identity, so that it can be refused permanently, or stored.
func TestBadDataLeavesTheIdentity(t *testing.T) {
	t.Parallel()
	finalized := func(data string) []string {
		return []string{data, "ce-specversion: 1.0", "ce-id: 7", "ce-source: //storage.googleapis.com/projects/_/buckets/b",
			"ce-type: google.cloud.storage.object.v1.finalized", plainJSON}
	}
	published := func(data string) []string {
		return []string{data, "ce-specversion: 1.0", "ce-id: 7", "ce-source: //pubsub.googleapis.com/projects/p/topics/t",
			"ce-type: google.cloud.pubsub.topic.v1.messagePublished", plainJSON}
	}
	push := func(message string) []string {
		return []string{`{"message":{"messageId":"1",` + message + `},"subscription":"` + subscription + `"}`, plainJSON}
	}
	carried := map[string]string{"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/s", "ce-type": "google.cloud.storage.object.v1.deleted"}
	storageKey := []string{"event", "//storage.googleapis.com/projects/_/buckets/b", "7"}
	topicKey := []string{"pubsub", "projects/p/topics/t", "7"}
	pushKey := []string{"pubsub", subscription, "1"}
	for _, row := range []struct {
		name    string
		request []string // body and headers
		want    string
		key     []string
	}{
		{"object, none", finalized(""), noObject, storageKey},
		{"object, text", finalized(secret), noObject, storageKey},
		{"object, array", finalized("[]"), noObject, storageKey},
		{"object, cut off", finalized(`{"bucket":"b","name":"o","generation":"1"`), noObject, storageKey},
		{"object, no UTF-8", finalized("{\"bucket\":\"b\",\"name\":\"\xff\",\"generation\":\"1\"}"), noObject, storageKey},
		{"object, no bucket", finalized(`{"name":"o","generation":"1"}`), noNames, storageKey},
		{"object, names in another case", finalized(`{"Bucket":"b","Name":"o","Generation":"1"}`), noNames, storageKey},
		{"object, null name", finalized(`{"bucket":"b","name":null,"generation":"1"}`), noNames, storageKey},
		{"object, no generation", finalized(`{"bucket":"b","name":"o"}`), noNames, storageKey},
		{"object, a fraction as generation", finalized(`{"bucket":"b","name":"o","generation":1.5}`), noNames, storageKey},
		{"object, more than an int64", finalized(`{"bucket":"b","name":"o","generation":12345678901234567890}`), noNames, storageKey},
		{"object in a background event", []string{`{"eventId":"7","eventType":"google.storage.object.finalize",` +
			`"resource":"projects/_/buckets/b/objects/o#1","data":{"x":"` + secret + `"}}`, plainJSON},
			noNames, []string{"event", "//storage.googleapis.com/projects/_/buckets/b/objects/o#1", "7"}},
		{"object of a CloudEvent in a message", []string{pushed(`{}`, carried), plainJSON}, noNames, []string{"event", "/s", "7"}},

		{"message, none", published(""), noMessage, topicKey},
		{"message, text", published(secret), noMessage, topicKey},
		{"message, null", published(`{"message":null}`), noMessage, topicKey},
		{"message, array", published(`{"message":[]}`), noMessage, topicKey},
		{"message in a background event", []string{`{"eventId":"7","eventType":"google.pubsub.topic.publish",` +
			`"resource":"projects/p/topics/t","data":"` + secret + `"}`, plainJSON}, noMessage, topicKey},
		{"message data, no base64", push(`"data":"*` + secret + `"`), noBase64, pushKey},
		{"message data, number", push(`"data":1`), noBase64, pushKey},
		{"message data, no padding", push(`"data":"YQ"`), noBase64, pushKey},
		{"attributes, array", push(`"attributes":["` + secret + `"]`), noAttributes, pushKey},
		{"attributes, number", push(`"attributes":{"a":1}`), noText, pushKey},
		{"attributes, nested", push(`"attributes":{"a":{}}`), noText, pushKey},
		{"attributes, too many", push(`"attributes":{` + manyMembers(1001) + `}`), tooMany, pushKey},

		{"CloudEvent in a message, no id", []string{pushed("", map[string]string{"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/s"}),
			plainJSON},
			"the message says that it is a CloudEvent, but: " + lacks("id"), pushKey},
		{"CloudEvent in a message, structured", []string{pushed(secret, map[string]string{"Content-Type": "application/cloudevents+json"}),
			plainJSON},
			"the message says that it is a CloudEvent, but: " + notStructured, pushKey},
		{"structured, no base64", []string{`{"specversion":"1.0","id":"7","source":"/s","type":"t","data_base64":"*` + secret + `"}`, structured},
			"the CloudEvent's data_base64 is not valid base64: send RFC 4648 base64, padded", []string{"event", "/s", "7"}},
		{"structured, base64 that is a digit", []string{`{"specversion":"1.0","id":"7","source":"/s","type":"t","data_base64":1}`, structured},
			"the CloudEvent's data_base64 is not valid base64: send RFC 4648 base64, padded", []string{"event", "/s", "7"}},
		{"structured, data twice", []string{`{"specversion":"1.0","id":"7","source":"/s","type":"t","data_base64":"","data":1}`, structured},
			"the CloudEvent has both data and data_base64: send one", []string{"event", "/s", "7"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			all, err := event.FromRequest(post(t, row.request[0], row.request[1:]...), event.MaxBody)
			if err != nil || len(all) != 1 {
				t.Fatalf("FromRequest = %v, %v: want one event", all, err)
			}
			e, bad := all[0], all[0].Invalid
			if bad == nil {
				t.Fatal("the event is valid")
			}
			if diff := cmp.Diff(row.want, bad.Error()); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.key, e.Key()); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			if e.ID == "" || e.Source == "" || e.Type == "" || e.Object != nil {
				t.Errorf("event = %+v, want ID, Source and Type, and no Object", e)
			}
			if strings.Contains(bad.Error(), secret) {
				t.Error("the reason repeats the data")
			}
			if !json.Valid(e.Conf()) {
				t.Errorf("conf = %q", e.Conf())
			}
			if again := event.New(e.Origin()); again.Invalid == nil || !cmp.Equal(again.Key(), e.Key()) {
				t.Errorf("read again from a dead letter: %v, key %q", again.Invalid, again.Key())
			}
		})
	}
}

// manyMembers are n members of an object.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"a%d":"",`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// A message is a notification only where it names what changed; else it is just a
// message, whatever its attributes are called.
func TestMessageIsANotificationOnlyWhereItNamesTheChange(t *testing.T) {
	t.Parallel()
	whole := map[string]string{"bucketId": "b", "objectId": "o", "objectGeneration": "1", "eventType": "OBJECT_DELETE",
		"payloadFormat": "NONE"}
	with := func(name, value string) map[string]string {
		changed := map[string]string{name: value}
		for k, v := range whole {
			if k != name {
				changed[k] = v
			}
		}
		return changed
	}
	if e := one(t, post(t, pushed("", whole), plainJSON)); e.Object == nil || e.Message == nil {
		t.Fatalf("the whole is not taken for a notification: %+v", e)
	}
	for _, row := range []struct{ name, value string }{
		{"bucketId", ""}, {"objectId", ""}, {"objectGeneration", ""}, {"objectGeneration", "-1"},
		{"eventType", ""}, {"eventType", "OBJECT_RENAME"}, {"payloadFormat", "XML"},
	} {
		e := one(t, post(t, pushed("", with(row.name, row.value)), plainJSON))
		if e.Object != nil || e.Message == nil {
			t.Errorf("%s %q: %+v, want a message", row.name, row.value, e)
		}
	}
}

// What a notification without payload has as data is not the object resource.
func TestNotificationWithoutPayload(t *testing.T) {
	t.Parallel()
	e := one(t, post(t, pushed(`{"bucket":"other","name":"other","generation":"2"}`, map[string]string{"bucketId": "b", "objectId": "<o>",
		"objectGeneration": "1", "eventType": "OBJECT_DELETE", "payloadFormat": "NONE"}), plainJSON))
	if want := `{"bucket":"b","name":"<o>","generation":"1","eventType":"OBJECT_DELETE"}`; string(e.Conf()) != want {
		t.Errorf("conf = %s, want %s", e.Conf(), want)
	}
}

// A name of a topic or a subscription may have a percent sign, which does not
// begin a URL escape.
func TestSubscriptionWithPercentSign(t *testing.T) {
	t.Parallel()
	e := one(t, post(t, `{"message":{"message_id":"1"},"subscription":"projects/p/subscriptions/a%b"}`, plainJSON))
	if want := []string{"pubsub", "projects/p/subscriptions/a%b", "1"}; !cmp.Equal(e.Key(), want) {
		t.Errorf("key = %q, want %q", e.Key(), want)
	}
}

func TestInt64FieldsAreTextOrNumbers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ data, generation string }{
		{`{"bucket":"b","name":"o","generation":"1795303736756275"}`, "1795303736756275"},
		{`{"bucket":"b","name":"o","generation":1795303736756275}`, "1795303736756275"},
		{`{"bucket":"b","name":"o","generation": 9223372036854775807 }`, "9223372036854775807"},
	} {
		e := one(t, post(t, row.data, "ce-specversion: 1.0", "ce-id: 7", "ce-source: /s", "ce-type: google.cloud.storage.object.v1.archived",
			plainJSON))
		if want := []string{"storage", "archived", "b", "o", row.generation}; !cmp.Equal(e.Key(), want) {
			t.Errorf("%s: key = %q, want %q", row.data, e.Key(), want)
		}
	}
}

// A metadata update that names no metageneration is identified by what brought it.
func TestMetadataUpdateWithoutMetageneration(t *testing.T) {
	t.Parallel()
	const object = `{"bucket":"b","name":"o","generation":"1"}`
	direct := one(t, post(t, object, "ce-specversion: 1.0", "ce-id: 7", "ce-source: //storage.googleapis.com/projects/_/buckets/b",
		"ce-type: google.cloud.storage.object.v1.metadataUpdated", plainJSON))
	if want := []string{"event", "//storage.googleapis.com/projects/_/buckets/b", "7"}; !cmp.Equal(direct.Key(), want) {
		t.Errorf("key = %q, want %q", direct.Key(), want)
	}
	notified := one(t, post(t, pushed(object, map[string]string{"bucketId": "b", "objectId": "o", "objectGeneration": "1",
		"eventType": "OBJECT_METADATA_UPDATE", "payloadFormat": "JSON_API_V1"}), plainJSON))
	if want := []string{"pubsub", subscription, "1"}; !cmp.Equal(notified.Key(), want) {
		t.Errorf("key = %q, want %q", notified.Key(), want)
	}
}

// Messages may carry messages, each of which is a quarter smaller.
func TestNestedMessage(t *testing.T) {
	t.Parallel()
	body := `{"specversion":"1.0","id":"inner","source":"/s","type":"t","data":{"a":1}}`
	for range 20 {
		body = fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"//pubsub.googleapis.com/projects/p/topics/t",`+
			`"type":"google.cloud.pubsub.topic.v1.messagePublished","data":%s}`,
			pushed(body, map[string]string{"content-type": "application/cloudevents+json"}))
	}
	e := one(t, post(t, body, structured))
	if want := []string{"event", "/s", "inner"}; !cmp.Equal(e.Key(), want) {
		t.Errorf("key = %q, want %q", e.Key(), want)
	}
	if string(e.Conf()) != `{"a":1}` || e.Message.Topic != "projects/p/topics/t" || e.Origin().ID != "1" {
		t.Errorf("event = %+v", e)
	}
}

// gzipped is text compressed as a publisher does it.
func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// reserving is a body that counts the memory beside it.
type reserving struct {
	io.ReadCloser
	most int64
}

func (r *reserving) Reserve(bytes int64) error {
	if r.most -= bytes; r.most < 0 {
		return errors.New("none left")
	}
	return nil
}

func TestCompressedDataIsDecoded(t *testing.T) {
	t.Parallel()
	compressed := map[string]string{"contentEncoding": "gzip"}
	e := one(t, post(t, pushed(gzipped(t, `{"a":1}`), compressed), plainJSON))
	if string(e.JSON()) != `{"a":1}` || string(e.Message.JSON()) != `{"a":1}` || string(e.Conf()) != `{"a":1}` {
		t.Errorf("JSON %s, conf %s", e.JSON(), e.Conf())
	}
	if !strings.HasPrefix(string(e.Data), "\x1f\x8b") {
		t.Error("the data is not what came")
	}
	unwrapped := one(t, post(t, gzipped(t, `{"a":1}`), form, "x-goog-pubsub-message-id: 1", "content-encoding: gzip",
		"x-goog-pubsub-subscription-name: "+subscription))
	if string(unwrapped.JSON()) != `{"a":1}` || unwrapped.Message.Attributes["content-encoding"] != "gzip" {
		t.Errorf("unwrapped: JSON %s, attributes %v", unwrapped.JSON(), unwrapped.Message.Attributes)
	}
	if e := one(t, post(t, pushed(`{"a":1}`, compressed), plainJSON)); string(e.JSON()) != `{"a":1}` {
		t.Errorf("not compressed at all: %s", e.JSON())
	}
	for _, row := range []struct{ data, want string }{
		{gzipped(t, `{"a":1}`)[:20], "the message's contentEncoding is gzip, and its data is cut off or damaged: send whole gzip data"},
		{gzipped(t, strings.Repeat(" ", event.MaxBody+1)),
			"the message's data is over 16777216 bytes when it is uncompressed: put the data into an object and send its name"},
	} {
		all, err := event.FromRequest(post(t, pushed(row.data, compressed), plainJSON), event.MaxBody)
		if err != nil || len(all) != 1 || all[0].Invalid == nil || all[0].Invalid.Reason != row.want {
			t.Errorf("%+v, %v: want %q", all, err, row.want)
		}
	}
	r := post(t, pushed(gzipped(t, strings.Repeat(" ", 1<<20)), compressed), plainJSON)
	r.Body = &reserving{r.Body, 1 << 19}
	if all, err := event.FromRequest(r, event.MaxBody); err == nil || len(all) > 0 {
		t.Errorf("without memory: %+v, %v", all, err)
	}
}

// A sender waits until there is memory for the decoded data of its event, and
// for a copy of that.
func TestMemoryForDecodedDataIsReserved(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("x", 90_000)
	encoded := base64.StdEncoding.EncodeToString([]byte(data))
	for _, row := range []struct{ name, body, contentType string }{
		{"push", pushed(data, nil), plainJSON},
		{"structured", `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"` + encoded + `"}`, structured},
		{"batch", `[{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"` + encoded + `"}]`, batch},
	} {
		for most, want := range map[int64]bool{80_000: false, 170_000: false, 181_000: true} {
			r := post(t, row.body, row.contentType)
			r.Body = &reserving{r.Body, most}
			all, err := event.FromRequest(r, event.MaxBody)
			if (err == nil) != want || (len(all) == 1) != want {
				t.Errorf("%s with memory for %d bytes: %d events, %v", row.name, most, len(all), err)
			}
			if err != nil && err.Error() != "none left: send the request again" {
				t.Error(err)
			}
		}
	}
}

// A message that is declared as bytes is bytes, whatever they happen to be.
func TestMessageDeclaredAsBytes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		attributes map[string]string
		isText     bool
	}{
		{map[string]string{"googclient_schemaencoding": "BINARY"}, false},
		{map[string]string{"googclient_schemaencoding": "JSON"}, true},
		{map[string]string{"content-type": "avro/binary"}, false},
		{map[string]string{"Content-Type": "application/octet-stream"}, false},
		{map[string]string{"content-type": "application/x-protobuf"}, false},
		{map[string]string{"content-type": "image/png"}, false},
		{map[string]string{"content-type": "application/json"}, true},
		{map[string]string{"content-type": "text/csv; charset=utf-8"}, true},
		{map[string]string{"content-type": "application/x-ndjson"}, true},
		{nil, true},
	} {
		e := one(t, post(t, pushed(`{"a":1}`, row.attributes), plainJSON))
		if e.Message.IsText() != row.isText || (e.JSON() != nil) != row.isText || strings.Contains(string(e.Conf()),
			`"data_base64":"eyJhIjoxfQ=="`) == row.isText {
			t.Errorf("%v: conf %s, text %t", row.attributes, e.Conf(), e.Message.IsText())
		}
	}
}

// A subscription may transform what a notification brings. What is left out is in
// the attributes.
func TestReducedNotificationIsCompleted(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{"bucketId": "b", "objectId": "o", "objectGeneration": "1", "eventType": "OBJECT_FINALIZE",
		"payloadFormat": "JSON_API_V1"}
	for _, row := range []struct{ data, want string }{
		{`{"name":"o","size":"12"}`, `{"name":"o","size":"12","bucket":"b","generation":"1"}`},
		{" {\"size\": 12 }\n", ` {"size": 12,"bucket":"b","name":"o","generation":"1"}`},
		{`{}`, `{"bucket":"b","name":"o","generation":"1"}`},
		{`gs://b/o`, `{"bucket":"b","name":"o","generation":"1","eventType":"OBJECT_FINALIZE"}`},
		{`[1]`, `{"bucket":"b","name":"o","generation":"1","eventType":"OBJECT_FINALIZE"}`},
		{``, `{"bucket":"b","name":"o","generation":"1","eventType":"OBJECT_FINALIZE"}`},
	} {
		e := one(t, post(t, pushed(row.data, attributes), plainJSON))
		if string(e.Conf()) != row.want || !cmp.Equal(e.Key(), []string{"storage", "finalized", "b", "o", "1"}) {
			t.Errorf("%q: conf = %s, want %s; key %q", row.data, e.Conf(), row.want, e.Key())
		}
	}
}
