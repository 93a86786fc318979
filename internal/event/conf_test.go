// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"

	"example.com/dagtrigger/internal/event"
)

func TestDefaultConf(t *testing.T) {
	t.Parallel()
	change := func(resource string) event.Event {
		return event.Event{Object: &event.Object{Resource: []byte(resource)}}
	}
	message := func(data string, attributes map[string]string) event.Event {
		return event.Event{Message: &event.Message{Data: []byte(data), Attributes: attributes}}
	}
	generic := func(contentType, data string) event.Event {
		return event.Event{ContentType: contentType, Data: []byte(data)}
	}
	for _, row := range []struct {
		name string
		ev   event.Event
		want string
	}{
		{"object, as carried", change(` {"generation": "1", "size":1.10, "x":{"y":9007199254740993}, "n":"<&>"} `),
			` {"generation": "1", "size":1.10, "x":{"y":9007199254740993}, "n":"<&>"} `},

		{"message, object", message(`{"total": 1.10, "n":"<&>"}`, map[string]string{"a": "b"}), `{"total": 1.10, "n":"<&>"}`},
		{"message, text", message(`hello <world> & more`, map[string]string{"b": "<2>", "a": "1"}),
			`{"data":"hello <world> & more","attributes":{"a":"1","b":"<2>"}}`},
		{"message, no attributes", message(`hello`, nil), `{"data":"hello","attributes":{}}`},
		{"message, array", message(`[1, 2]`, nil), `{"data":"[1, 2]","attributes":{}}`},
		{"message, number", message(`1.10`, nil), `{"data":"1.10","attributes":{}}`},
		{"message, broken JSON", message(`{"a":`, nil), `{"data":"{\"a\":","attributes":{}}`},
		{"message, two JSON texts", message(`{}{}`, nil), `{"data":"{}{}","attributes":{}}`},
		{"message, bytes", message("\x00\xff", map[string]string{"a": "1"}), `{"data_base64":"AP8=","attributes":{"a":"1"}}`},
		{"message, JSON that is no UTF-8", message("{\"a\":\"\xff\"}", nil), `{"data_base64":"eyJhIjoi/yJ9","attributes":{}}`},
		{"message, nothing", message(``, map[string]string{"a": "1"}), `{"data":"","attributes":{"a":"1"}}`},

		{"JSON object", generic("application/json", `{"a": 1.10, "n":"<&>"}`), `{"a": 1.10, "n":"<&>"}`},
		{"JSON object, charset", generic("application/json; charset=utf-8", `{"a":1}`), `{"a":1}`},
		{"JSON object, upper case", generic("Application/JSON", `{"a":1}`), `{"a":1}`},
		{"JSON object, text/json", generic("text/json", `{"a":1}`), `{"a":1}`},
		{"JSON object, +json", generic("application/vnd.acme+json;v=1", `{"a":1}`), `{"a":1}`},
		{"JSON object, no content type", generic("", `{"a":1}`), `{"a":1}`},
		{"JSON array", generic("application/json", ` [1.10, "<&>"] `), `{"data": [1.10, "<&>"] }`},
		{"JSON text", generic("application/json", `"<&>"`), `{"data":"<&>"}`},
		{"JSON null", generic("application/json", `null`), `{"data":null}`},
		{"JSON number", generic("", `9007199254740993`), `{"data":9007199254740993}`},
		{"broken JSON", generic("application/json", `{"a":`), `{"data":"{\"a\":"}`},
		{"JSON that is no UTF-8", generic("application/json", "{\"a\":\"\xff\"}"), `{"data_base64":"eyJhIjoi/yJ9"}`},
		{"text that looks like JSON", generic("text/plain", `{"a":1}`), `{"data":"{\"a\":1}"}`},
		{"text", generic("text/csv", "a;<b>\n"), `{"data":"a;<b>\n"}`},
		{"text, no content type", generic("", "a;b"), `{"data":"a;b"}`},
		{"text that is no UTF-8", generic("text/plain", "\xff"), `{"data_base64":"/w=="}`},
		{"bytes", generic("image/png", "\x89PNG"), `{"data_base64":"iVBORw=="}`},
		{"protobuf that happens to be text", generic("application/protobuf", "\n\x02hi"), `{"data_base64":"CgJoaQ=="}`},
		{"octets that happen to be text", generic("application/octet-stream", "hi"), `{"data_base64":"aGk="}`},
		{"nothing", generic("", ""), `{}`},
		{"nothing, of protobuf", generic("application/protobuf", ""), `{}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := string(row.ev.Conf()); got != row.want {
				t.Errorf("conf = %s\nwant   %s", got, row.want)
			}
		})
	}
}

func TestEventJSON(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		ev   event.Event
		want string // empty for none
	}{
		{"object", event.Event{Object: &event.Object{Resource: []byte(`{"a":1}`)}}, `{"a":1}`},
		{"message", event.Event{Message: &event.Message{Data: []byte(`[1]`)}}, `[1]`},
		{"message, text", event.Event{Message: &event.Message{Data: []byte(`hi`)}}, ``},
		{"JSON", event.Event{ContentType: "application/json", Data: []byte(`1.10`)}, `1.10`},
		{"text", event.Event{ContentType: "text/plain", Data: []byte(`1.10`)}, ``},
		{"nothing", event.Event{}, ``},
	} {
		if got := row.ev.JSON(); string(got) != row.want || got == nil != (row.want == "") {
			t.Errorf("%s: JSON = %q, want %q", row.name, got, row.want)
		}
	}
}
