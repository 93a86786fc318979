// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route/expression"
)

// upload is a Storage change with all that makes numbers and fields difficult.
func upload() *expression.Scope {
	ev := &event.Event{
		ID: "1", Source: "//storage.googleapis.com/projects/_/buckets/acme", Type: "google.cloud.storage.object.v1.finalized",
		Subject: "objects/a b.csv", Time: time.Date(2026, 11, 22, 1, 2, 3, 500_000_000, time.UTC),
		Extensions: map[string]string{"bucket": "acme"},
		Object: &event.Object{Bucket: "acme", Name: "sales/ü #1%.csv", Generation: "1732832936756275", Resource: []byte(`{
			"bucket": "acme", "name": "sales/ü #1%.csv", "generation": 1732832936756275, "size": 12, "contentType": "text/csv",
			"componentCount": 3, "temporaryHold": false, "md5Hash": null, "metadata": {"owner": "eu", "Odd-Case": "x"},
			"retention": {"mode": "Locked"}, "undeclared": {"b": 1.10, "a": [1, 2.50]}}`)},
	}
	return expression.NewScope(ev).Capture([]string{"region", "rest"}, []string{"eu", ""})
}

// message is a Pub/Sub message that carries data.
func message(data string) *expression.Scope {
	return expression.NewScope(&event.Event{
		ID: "7", Source: "//pubsub.googleapis.com/projects/p/topics/t", Type: "google.cloud.pubsub.topic.v1.messagePublished",
		Message: &event.Message{ID: "7", Topic: "projects/p/topics/t", Data: []byte(data), Attributes: map[string]string{"Kind": "order"},
			PublishTime: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)},
	})
}

// generic is any other event with JSON data.
func generic(data string) *expression.Scope {
	return expression.NewScope(&event.Event{ID: "2", Source: "//acme", Type: "com.acme.made", ContentType: "application/json",
		Data: []byte(data)})
}

const order = `{"id": 12345678901234567890, "amount": 150.10, "count": 150, "big": 1e400, "none": null, "flag": true,
	"items": [{"sku": "a", "price": 1.0}, {"sku": "b", "price": 2}], "text": "x", "half": 150.25, "2026": {"": 1}}`

// gives is a row of an expression that gives a value, as JSON.
func gives(s *expression.Scope, text, json string) row { return row{s: s, text: text, json: json} }

// fails is a row of an expression whose evaluation fails.
func fails(s *expression.Scope, text, err string) row { return row{s: s, text: text, err: err} }

type row struct {
	s               *expression.Scope
	text, json, err string
}

func rows() []row {
	up, msg, ord := upload(), message(order), generic(order)
	plain, binary, empty := message("plain text"), message("\xff\x00"), message("")
	const ask = ": test it with has(%[1]s), or give a default with %[2]s.?%[3]s.orValue(…)"
	return []row{
		// The event.
		gives(up, `event.id`, `"1"`),
		gives(up, `event.time`, `"2026-11-22T01:02:03.5Z"`),
		gives(up, `event.time.getFullYear()`, `2026`),
		gives(up, `event.extensions.bucket`, `"acme"`),
		gives(up, `event.extensions`, `{"bucket":"acme"}`),
		gives(msg, `has(event.subject)`, `false`),
		gives(msg, `has(event.time)`, `false`),
		fails(msg, `event.subject`, "evaluating event.subject: the event has no event.subject"+fmt.Sprintf(ask, "event.subject", "event",
			"subject")),
		fails(msg, `event.time > timestamp("2026-01-01T00:00:00Z")`,
			`evaluating event.time > timestamp("2026-01-01T00:00:00Z"): the event has no event.time`+fmt.Sprintf(ask, "event.time", "event",
				"time")),
		gives(msg, `event`, `{"extensions":{},"id":"7","source":"//pubsub.googleapis.com/projects/p/topics/t",`+
			`"type":"google.cloud.pubsub.topic.v1.messagePublished"}`),

		// The object: int64 fields are text, whichever way they came.
		gives(up, `object.name`, `"sales/ü #1%.csv"`),
		gives(up, `object.generation`, `"1732832936756275"`),
		gives(up, `object.size`, `"12"`),
		gives(up, `int(object.size) * 2`, `24`),
		gives(up, `object.componentCount + 1`, `4`),
		gives(up, `!object.temporaryHold`, `true`),
		gives(up, `object.metadata["Odd-Case"]`, `"x"`),
		gives(up, `object.metadata.owner + object.retention.mode`, `"euLocked"`),
		gives(up, `has(object.md5Hash)`, `false`), // null is absent
		gives(up, `has(object.metadata.none)`, `false`),
		gives(up, `has(object.contentEncoding) || has(object.customerEncryption.keySha256)`, `false`),
		gives(up, `object.?metadata.?none.orValue("-") + object.?etag.orValue("-")`, `"--"`),
		fails(up, `object.etag`, "evaluating object.etag: the event has no object.etag"+fmt.Sprintf(ask, "object.etag", "object", "etag")),
		fails(up, `object.metadata.none`, "evaluating object.metadata.none: the event has no object.metadata.none"+
			fmt.Sprintf(ask, "object.metadata.none", "object.metadata", "none")),
		fails(up, `object.metadata.none + "x"`, `evaluating object.metadata.none + "x": no such key: none: `+
			`test with has(…), in or size(…), or give a default with .?name.orValue(…)`),
		gives(msg, `has(object.name)`, `false`),
		fails(msg, `object.name`, "evaluating object.name: the event has no object.name"+fmt.Sprintf(ask, "object.name", "object", "name")),
		gives(up, `{"undeclared": data.undeclared}`, `{"undeclared":{"a":[1,2.50],"b":1.10}}`),
		gives(up, `{"o": data}["o"]["undeclared"]["b"] == 1.1`, `true`),

		// The captures.
		gives(up, `path.region + "/" + path.rest`, `"eu/"`),
		gives(up, `path`, `{"region":"eu","rest":""}`),
		gives(up, `has(path.region) && !has(path.other)`, `true`),

		// The message.
		gives(msg, `message.id + message.topic`, `"7projects/p/topics/t"`),
		gives(msg, `message.attributes.Kind`, `"order"`),
		gives(msg, `"kind" in message.attributes`, `false`),
		gives(msg, `message.publish_time.getDate()`, `22`),
		gives(msg, `has(message.ordering_key) || has(message.subscription)`, `false`),
		gives(msg, `message.json.count`, `150`),
		gives(plain, `message.json`, `null`),
		gives(plain, `message.text`, `"plain text"`),
		gives(plain, `message.data_base64`, `"cGxhaW4gdGV4dA=="`),
		gives(binary, `has(message.text)`, `false`),
		gives(binary, `message.data_base64`, `"/wA="`),
		gives(empty, `message.text + message.data_base64`, `""`),
		gives(message(`null`), `message.json == null && data == null`, `true`),
		gives(up, `has(message.id)`, `false`),

		// The data, of any type.
		gives(up, `data.undeclared.b`, `1.10`),
		gives(plain, `data`, `"plain text"`),
		gives(binary, `data`, `"/wA="`),
		gives(binary, `size(data)`, `2`),
		gives(empty, `data`, `""`),
		gives(generic(`[1, 2]`), `data[1]`, `2`),
		gives(generic(`"x"`), `data + "y"`, `"xy"`),
		gives(generic(` 7 `), `data`, ` 7 `),
		gives(generic(``), `data`, `null`),
		gives(generic(order), `data["2026"][""]`, `1`),
		gives(ord, `has(data.none) && data.none == null`, `true`),
		gives(ord, `has(data.nothing.at.all)`, `false`),
		gives(ord, `has(data.text.at.all)`, `false`),
		fails(ord, `data.nothing`, "evaluating data.nothing: the event has no data.nothing"+fmt.Sprintf(ask, "data.nothing", "data", "nothing")),
		fails(ord, `data.text.length`,
			"evaluating data.text.length: the event has no data.text.length"+fmt.Sprintf(ask, "data.text.length", "data.text", "length")),
		fails(ord, `data.items[2]`, `evaluating data.items[2]: the event has no data.items[2]: test with in or size(…)`),
		fails(ord, `data.items[data.count].sku`, `evaluating data.items[data.count].sku where data.count is 150: `+
			`index out of bounds: 150: test with has(…), in or size(…), or give a default with .?name.orValue(…)`),

		// Numbers: a lone selection keeps its text, whatever it is.
		gives(ord, `data.id`, `12345678901234567890`),
		gives(ord, `data.amount`, `150.10`),
		gives(ord, `data.big`, `1e400`),
		gives(ord, `data["items"][0].price`, `1.0`),
		gives(ord, `(data.amount)`, `150.10`),
		gives(ord, `data.items`, `[{"price":1.0,"sku":"a"},{"price":2,"sku":"b"}]`),
		gives(ord, `data.items.filter(i, i.sku == "a")`, `[{"price":1.0,"sku":"a"}]`),
		// Integers are int, and others double; the two mix.
		gives(ord, `type(data.count) == int && type(data.half) == double && type(data.items[0].price) == double`, `true`),
		gives(ord, `data.count * 2`, `300`),
		gives(ord, `data.half * 2`, `300.5`),
		gives(ord, `data.count + data.half`, `300.25`),
		gives(ord, `data.half - data.count`, `0.25`),
		gives(ord, `data.count / 4`, `37`),
		gives(ord, `data.half / 4`, `37.5625`),
		gives(ord, `2 * data.half`, `300.5`),
		gives(ord, `int(data.half) / 2.0`, `75`),
		gives(ord, `data.count < data.half && data.half <= 151 && 150 < data.half && data.count >= 149.5`, `true`),
		gives(ord, `data.count == 150.0 && data.count != data.half && 150 == 150.0 && 1 != 1.5`, `true`),
		gives(ord, `data.items.exists(i, i.price == 2.0) && 150.0 in [data.count]`, `true`),
		gives(ord, `math.greatest(data.count, data.half)`, `150.25`),
		gives(ord, `9007199254740993 + 0`, `9007199254740993`),
		gives(ord, `string(9007199254740993)`, `"9007199254740993"`),
		gives(ord, `0.1 + 0.2`, `0.30000000000000004`),
		gives(ord, `1e21 + 0`, `1e+21`),
		fails(ord, `data.id + 1`, `evaluating data.id + 1 where data.id is 12345678901234567890: `+
			`12345678901234567890 is beyond 64 bits: pass it on as it is, as a lone selection`),
		fails(ord, `data.big > 1`, `evaluating data.big > 1 where data.big is 1e400: 1e400 is beyond a double: pass it on as it is, as a lone `+
			`selection`),
		fails(ord, `data.count / 0`,
			`evaluating data.count / 0 where data.count is 150: division by zero: guard the expression, or fix what sends such events`),
		fails(ord, `data.half / 0.0`,
			`evaluating data.half / 0.0 where data.half is 150.25: it gives +Inf, which is not JSON: test with math.isFinite(…)`),
		fails(ord, `data.text + 1`, `evaluating data.text + 1 where data.text is "x": no such overload: `+
			`convert with int(…), double(…), string(…) or timestamp(…), or test with type(…)`),

		// What JSON cannot hold, and what it can.
		gives(ord, `[1, 2.5, "x", true, null, [], {}]`, `[1,2.5,"x",true,null,[],{}]`),
		gives(ord, `{"b": 1, "a": {"<&>": "\u2028\n\""}}`, `{"a":{"<&>":"\u2028\n\""},"b":1}`),
		gives(ord, `{?"x": data.?nothing, ?"y": data.?text}`, `{"y":"x"}`),
		gives(ord, `b"\xff"`, `"/w=="`),
		gives(ord, `duration("90s")`, `"90s"`),
		gives(ord, `18446744073709551615u`, `18446744073709551615`),
		fails(ord, `{1: 2}`, `evaluating {1: 2}: a map has the key 1, which is not text: JSON has no others`),
		fails(ord, `[type(1)]`, `evaluating [type(1)]: it gives a type, which is not JSON: give text, a number, a map or a list`),
		fails(ord, `[data.?nothing]`, `evaluating [data.?nothing]: it gives an optional without a value: end it in .orValue(…)`),

		// The libraries.
		gives(ord, `"a/b/c".split("/")[1] + "abc".substring(1) + "%d".format([7])`, `"bbc7"`),
		gives(ord, `base64.encode(b"hi") + string(base64.decode("aGk="))`, `"aGk=hi"`),
		gives(ord, `[3, 1, 2].sort().map(i, i * 2).slice(0, 2)`, `[2,4]`),
		gives(ord, `regex.extract("a_20261122.csv", "_([0-9]{8})[.]").orValue("")`, `"20261122"`),
		gives(ord, `"Ab-12".matches("^[A-Z][a-z]-[0-9]+$")`, `true`),
		gives(up, `format_date(event.time, "%b %B %a %A %I %p")`, `"Nov November Sun Sunday 01 AM"`),
		gives(up, `event.time.strftime("%Y/%m/%d %y%j %H:%M:%S.%f %z %s %G-W%V-%u 100%%")`,
			`"2026/11/22 26326 01:02:03.500000 +0000 1795309323 2026-W47-7 100%"`),
		gives(up, `timestamp("2026-11-22T23:30:00Z").strftime("%d %H", "Europe/Berlin")`, `"23 00"`),

		// Bounds.
		fails(ord, `lists.range(1000).map(i, lists.range(1000).map(j, i * j)).size() > 0`,
			`evaluating lists.range(1000).map(i, lists.range(1000).map(j, i * j)).size() > 0: operation cancelled: `+
				`actual cost limit exceeded: make the expression do less: it may take one million steps`),
		gives(ord, `["a-b".replace("-", "+"), "aaa".replace("a", "b", 2), "a,b".split(",").join("; "), regex.replace("2026-11", `+
			`"([0-9]+)-([0-9]+)", "\\2 \\1"), string("abc".indexOf("c"))]`,
			`["a+b","bba","a; b","11 2026","2"]`),
		gives(ord, `[[1, 2, 1].distinct(), ["a"].hasAny(["b"]), ["a"].hasAll(["a"]), regex.replace("aaa", "a", "b", 1) == "baa"]`,
			`[[1,2],false,true,true]`),
		fails(generic(`"`+strings.Repeat("é", 200)+`"`), `int(data)`, `evaluating int(data) where data is "`+strings.Repeat("é", 79)+
			`…: type conversion error from 'string' to 'int': guard the expression, or fix what sends such events`),
		fails(generic(`{"password": "x", "n": 1}`), `[data, data.n][5] == 1`, `evaluating [data, data.n][5] == 1 where data.n is 1: `+
			`index out of bounds: 5: test with has(…), in or size(…), or give a default with .?name.orValue(…)`),
	}
}

func TestEvaluation(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for _, row := range rows() {
		e, _, problems := c.Expression(row.text)
		if len(problems) > 0 {
			t.Errorf("%s does not compile: %+v", row.text, problems)
			continue
		}
		b := expression.Output{Most: 1 << 20}
		err := e.JSON(t.Context(), row.s, &b)
		switch {
		case row.err == "" && (err != nil || b.String() != row.json):
			t.Errorf("%s gives %s, %v\nwant %s", row.text, &b, err, row.json)
		case row.err != "" && (err == nil || err.Error() != row.err):
			t.Errorf("%s gives %s, %v\nwant the error %s", row.text, &b, err, row.err)
		}
	}
}

func compiler(t testing.TB) *expression.Compiler {
	t.Helper()
	c, err := expression.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachTextCompilesOnce(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	first, _, _ := c.Expression("object.name")
	second, _, _ := c.Expression("object.name")
	if first != second {
		t.Error("one text became two expressions")
	}
}

func TestWhenMustBeBool(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for text, want := range map[string]string{
		"data.flag":        "",
		"data.count > 100": "",
		"data.text":        `evaluating data.text where data.text is "x": it gives neither true nor false: compare it with something`,
	} {
		e, _, _ := c.Expression(text)
		ok, err := e.Bool(t.Context(), generic(order))
		if got := fmt.Sprint(err); want == "" && !ok || want != "" && got != want {
			t.Errorf("%s: %v, %v, want %s", text, ok, err, want)
		}
	}
}

func TestUsesListVariablesAndPositions(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for text, want := range map[string]string{
		"1 + 1":                     "[]",
		"object.name":               "[{object  0}]",
		"path.a + 'ü' + path.b":     "[{path a 0} {path b 16}]",
		"path.?c.orValue('')":       "[{path c 0}]",
		"has(path.d)":               "[{path d 4}]",
		"path":                      "[{path  0}]",
		"data.items.map(i, i.path)": "[{data  0}]",
		"message.attributes.exists(k, k == path.e)": "[{message  0} {path e 34}]",
	} {
		if _, uses, problems := c.Expression(text); fmt.Sprint(uses) != want || problems != nil {
			t.Errorf("%s uses %v, want %s; %v", text, uses, want, problems)
		}
	}
}
