// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"example.com/dagtrigger/internal/event"
)

// proto builds a protobuf message field by field, so that a test reads like the
// schema: https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/firestore/v1/data.proto
type proto []byte

func (p proto) bytes(num protowire.Number, value string) proto {
	return protowire.AppendString(protowire.AppendTag(p, num, protowire.BytesType), value)
}

func (p proto) varint(num protowire.Number, value int64) proto {
	return protowire.AppendVarint(protowire.AppendTag(p, num, protowire.VarintType), uint64(value))
}

func (p proto) double(num protowire.Number, value float64) proto {
	return protowire.AppendFixed64(protowire.AppendTag(p, num, protowire.Fixed64Type), math.Float64bits(value))
}

// fields is a map of Values as a field of a message.
func (p proto) fields(num protowire.Number, namesAndValues ...string) proto {
	for i := 0; i < len(namesAndValues); i += 2 {
		p = p.bytes(num, string(proto{}.bytes(1, namesAndValues[i]).bytes(2, namesAndValues[i+1])))
	}
	return p
}

func text(s string) string { return string(proto{}.bytes(17, s)) }

// document is the request of a document's change, in Eventarc's form.
func document(t *testing.T, data string) event.Event {
	t.Helper()
	r := post(t, "", "ce-specversion: 1.0", "ce-id: 1", "ce-source: //firestore.googleapis.com/projects/acme/databases/(default)",
		"ce-type: google.cloud.firestore.document.v1.written", "Content-Type: application/protobuf")
	return one(t, withBody(r, []byte(data)))
}

func TestFirestoreDocumentIsDecoded(t *testing.T) {
	t.Parallel()
	at := string(proto{}.varint(1, 1795303736).varint(2, 763855000))
	doc := proto{}.bytes(1, "projects/acme/databases/(default)/documents/orders/7").
		fields(2,
			"total", string(proto{}.double(3, 12.5)),
			"count", string(proto{}.varint(2, -3)),
			"paid", string(proto{}.varint(1, 1)),
			"name", text("M\u00fcller <AG>"),
			"none", string(proto{}.varint(11, 0)),
			"unset", "",
			"at", string(proto{}.bytes(10, at)),
			"raw", string(proto{}.bytes(18, "\x00\xff")),
			"ref", string(proto{}.bytes(5, "projects/acme/documents/a/b")),
			"where", string(proto{}.bytes(8, string(proto{}.double(1, 52.5).double(2, -13.4)))),
			"tags", string(proto{}.bytes(9, string(proto{}.bytes(1, text("a")).bytes(1, string(proto{}.varint(2, 9007199254740993)))))),
			"address", string(proto{}.bytes(6, string(proto{}.fields(1, "city", text("Bonn"), "area", text("N"))))),
			"nan", string(proto{}.double(3, math.NaN())),
			"up", string(proto{}.double(3, math.Inf(1))),
			"down", string(proto{}.double(3, math.Inf(-1))),
		).bytes(3, at).bytes(4, at)
	old := proto{}.bytes(1, "n")
	data := proto{}.bytes(1, string(doc)).bytes(2, string(old)).bytes(3, string(proto{}.bytes(1, "total").bytes(1, "count"))).varint(99, 1)
	const want = `{"value":{"name":"projects/acme/databases/(default)/documents/orders/7",` +
		`"createTime":"2026-11-21T23:28:56.763855Z","updateTime":"2026-11-21T23:28:56.763855Z","fields":{` +
		`"address":{"area":"N","city":"Bonn"},"at":"2026-11-21T23:28:56.763855Z","count":-3,"down":"-Infinity","name":"Müller ` +
		`<AG>","nan":"NaN","none":null,` +
		`"paid":true,"raw":"AP8=","ref":"projects/acme/documents/a/b","tags":["a",9007199254740993],"total":12.5,"unset":null,"up":"Infinity",` +
		`"where":{"latitude":52.5,"longitude":-13.4}}},"oldValue":{"name":"n","fields":{}},"updateMask":{"fieldPaths":["total","count"]}}`
	e := document(t, string(data))
	if got := string(e.JSON()); got != want {
		t.Errorf("JSON =\n%s\nwant\n%s", got, want)
	}
	if got := string(e.Conf()); got != want {
		t.Errorf("conf = %s", got)
	}
	if string(e.Data) != string(data) {
		t.Error("the data is not what came")
	}
}

func TestInvalidDocumentIsKeptAsBytes(t *testing.T) {
	t.Parallel()
	deep := ""
	for range 101 {
		deep = string(proto{}.bytes(9, string(proto{}.bytes(1, deep))))
	}
	for name, data := range map[string]string{
		"cut off":   string(proto{}.bytes(1, "abc"))[:3],
		"text":      "hello",
		"not UTF-8": string(proto{}.bytes(1, string(proto{}.bytes(1, "\xff")))),
		"no year":   string(proto{}.bytes(1, string(proto{}.bytes(3, string(proto{}.varint(1, 1<<60)))))),
		"too deep":  string(proto{}.bytes(1, string(proto{}.fields(2, "a", deep)))),
	} {
		e := document(t, data)
		if want := `{"data_base64":"` + base64.StdEncoding.EncodeToString([]byte(data)) + `"}`; string(e.Conf()) != want {
			t.Errorf("%s: conf = %s, want %s", name, e.Conf(), want)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(proto{}.bytes(1, string(proto{}.fields(2, "a", text("b"))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		e := document(t, string(data))
		if conf := string(e.Conf()); !strings.HasPrefix(conf, "{") || e.Invalid != nil {
			t.Errorf("conf = %s, %v", conf, e.Invalid)
		}
	})
}
