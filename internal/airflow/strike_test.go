// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"bytes"
	"encoding/base64"
	encoding "encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/dagtrigger/internal/airflow"
)

// saidOf is what an Error quotes of words that v2 says in refusing a run with
// this conf, sent with this Authorization.
func saidOf(t testing.TB, conf, authorization, words string) string {
	t.Helper()
	body, err := encoding.Marshal(map[string]string{"detail": words})
	if err != nil {
		t.Fatal(err)
	}
	refusing := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(bytes.NewReader(body)), Request: r,
		}, nil
	})
	client := newClient(t, airflow.Config{
		URL: "http://127.0.0.1", API: airflow.V2, Transport: refusing,
		Credentials: &credentials{kind: "basic", authorization: authorization},
	})
	run := sales()
	run.Conf = []byte(conf)
	_, err = client.Trigger(t.Context(), run)
	e := asError(t, err)
	if e.Status == 0 {
		return "" // it was never sent: these words are no server's
	}
	return e.Said
}

func TestConfIsStruckOut(t *testing.T) {
	t.Parallel()
	paragraph := strings.Repeat("one secret sentence after the other, ", 8)
	for _, row := range []struct{ name, conf, words, want string }{
		{"text", `{"key":"hunter2"}`, `Invalid input for param key: 'hunter2' is not of type 'integer'`, `Invalid input for param key: […] is not of type 'integer'`},
		{"text without quotes", `{"key":"hunter2"}`, `no hunter2, nor hunter23`, `no […], nor […]3`},
		{"its neighbours", `{"a":"hunter2","b":"hunter3"}`, `hunter2hunter3 hunter2`, `[…] […]`},
		{"short text by its quotes", `{"key":"it"}`, `'it' is not "it" but it is`, `[…] is not […] but it is`},
		{"Params keep their names", `{"region":"region"}`, `Invalid input for param size: 'region'`, `Invalid input for param size: […]`},
		{"other keys do not", `{"map":{"alice@example.com":1}}`, `{'map': {'alice@example.com': 1}}`, `{'map': […]}`},
		{"deep", `{"a":[{"b":[["hunter2"]]}]}`, `wrong: hunter2`, `wrong: […]`},
		{"a small list", `{"a":[1,2]}`, `[1, 2] is too short, [1,2] too`, `[…] is too short, […] too`},
		{"a small map", `{"a":{"b":null,"c":[true,false]}}`, `{'b': None, 'c': [True, False]} and {"b": null, "c": [true, false]}`, `[…] and […]`},
		{"truth and null tell nothing", `{"a":true,"b":null}`, `None is not True`, `None is not True`},
		{"numbers", `{"a":1234,"b":12}`, `1234 is more than 12`, `[…] is more than 12`},
		{"beyond 2^53", `{"a":12345678901234567890}`, `12345678901234567890 is too much`, `[…] is too much`},
		{"floats as sent and as read", `{"a":1.50e3,"b":1e22,"c":0.00001,"d":-2.5E-3}`, `1.50e3 1500.0 1e+22 1e-05 -0.0025`, `[…] […] […] […] […]`},
		{"infinite as read", `{"a":-1e999}`, `-inf is too little`, `[…] is too little`},
		{"quotes in Python", `{"a":"it's","b":"say \"it's\""}`, `"it's" and 'say "it\'s"'`, `[…] and […]`},
		{"escapes in Python", `{"a":"tab\there\\","b":"zero\u200bwidth","c":"\ud83d\ude00\u0007"}`, `'tab\there\\' 'zero\u200bwidth' '😀\x07'`, `[…] […] […]`},
		{"escapes in JSON", `{"a":"größe\u0001/","b":"😀😀"}`, `"gr\u00f6\u00dfe\u0001/" "\ud83d\ude00\ud83d\ude00" "größe\u0001/"`, `[…] […] […]`},
		{"as it was, over lines", `{"a":"one\ntwo\tthree"}`, "got one\ntwo\tthree.", `got […].`},
		{"cut short", `{"a":"` + paragraph + `"}`, `'one secret sentence af... is too long`, `[…]... is too long`},
		{"broken into lines by pprint", `{"a":"` + paragraph + `"}`, "('one secret sentence after '\n 'the other, one secret sentence')", `([…]' '[…]')`},
		{"jsonschema's appendix", `{"a":"abc"}`, "7 is not of type 'string'\n\nFailed validating 'type' in schema:\n    {'type': 'string'}\n\nOn instance:\n    7", `7 is not of type 'string'`},
		{"trailing blanks", `{"a":"hunter2  "}`, `got hunter2`, `got […]`},
		{"blanks that fold to a value", `{"a":"one two"}`, `one   two`, `[…]`},
		{"the marker itself", `{"a":"x […] y"}`, `no x […] y`, `no […]`},
		{"a marker for a value", `{"a":"[…]"}`, `anything […]`, ``},
		{"no conf", ``, `'hunter2' is fine`, `'hunter2' is fine`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := saidOf(t, row.conf, "", row.words); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestCredentialsAreStruckOut(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("admin:pä:ss"))
	for _, row := range []struct{ name, authorization, words, want string }{
		{"a token", "Bearer abc.def.ghi", "token abc.def.ghi is expired", "token […] is expired"},
		{"the header", "Bearer abc.def.ghi", "'Bearer abc.def.ghi'", "[…]"},
		{"half a token", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.sig", "bad token eyJhbGciOiJIUzI1Ni...", "bad token[…]..."},
		{"basic", "Basic " + basic, "no " + basic + " for admin", "no[…] for admin"},
		{"a password", "Basic " + basic, `no pä:ss, "p\u00e4:ss" or admin:pä:ss`, "no […], […] or […]"},
		{"a short password", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:x")), "axe", "a[…]e"},
		{"no password", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:")), "admin", "admin"},
		{"not base64", "Basic %%%%", "got %%%%", "got […]"},
		{"a bare key", "abcdef", "key abcdef", "key […]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := saidOf(t, `{}`, row.authorization, row.words); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

// A transport's error may repeat what the server sent in place of an answer.
func TestTransportErrorIsStruckOut(t *testing.T) {
	t.Parallel()
	broken := roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New(`malformed HTTP response "emea"`)
	})
	client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: broken})
	_, err := client.Trigger(t.Context(), sales())
	if e := asKind(t, err, airflow.Network); !strings.HasPrefix(e.Error(), `network: no answer: malformed HTTP response […]; `) {
		t.Error(e)
	}
}

// Much conf and many words are cleared in a time that no web server notices.
func TestLargeConfIsStruckOut(t *testing.T) {
	t.Parallel()
	var conf strings.Builder
	conf.WriteString(`{"rows":[0`)
	for i := range 2_000 {
		conf.WriteString(`,{"name":"secret ` + strings.Repeat("x", i%30) + `"}`)
	}
	conf.WriteString(`]}`)
	words := strings.Repeat("secret xxxx and 'secret xxxxxxx' ", 500)
	said := saidOf(t, conf.String(), "Bearer abc.def.ghi", words)
	if strings.Contains(said, "secret xxxx") || !strings.HasPrefix(said, "[…] and") {
		t.Errorf("got %s", said)
	}
}

// A conf of a size that v1 never takes is not looked for in the words.
func TestWordsAboutAHugeConfAreNotQuoted(t *testing.T) {
	t.Parallel()
	conf := `{"a":"` + strings.Repeat("x", 5<<20) + `"}`
	if said := saidOf(t, conf, "", "no"); said != "" {
		t.Errorf("got %q", said)
	}
}

// leaves calls use with each text and number of a JSON value.
func leaves(value any, use func(string)) {
	switch v := value.(type) {
	case string:
		use(v)
	case encoding.Number:
		use(v.String())
	case []any:
		for _, inner := range v {
			leaves(inner, use)
		}
	case map[string]any:
		for _, inner := range v {
			leaves(inner, use)
		}
	}
}

// No value of the conf of four bytes or more, and no secret, survives in an
// Error, whatever the server makes of it.
func FuzzStrikeOut(f *testing.F) {
	f.Add(`{"a":"hunter2","b":[1234,{"c":"gr\u00f6\u00dfe"}]}`, "abc.def", "'hunter2' and 1234 größe abc.def")
	f.Add(`{"a":" ab ","b":"[…] x","c":"a b"}`, "x", "x ab  x […] x a \n b")
	f.Add(`{"a":"…","b":"12…","c":"\ufffd\ufffd"}`, "…", strings.Repeat("12345 ", 900))
	f.Add(`{"a":"abcabcabc"}`, "cab", "abcabcabcabc")
	f.Fuzz(func(t *testing.T, conf, token, words string) {
		decoder := encoding.NewDecoder(strings.NewReader(conf))
		decoder.UseNumber()
		var members map[string]any
		if decoder.Decode(&members) != nil || decoder.More() || !encoding.Valid([]byte(conf)) || !utf8.ValidString(token) {
			t.Skip("no conf, or no text")
		}
		header := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+token))
		said := saidOf(t, conf, header, words)
		leaves(members, func(v string) {
			if len(v) >= 4 && strings.Contains(said, v) {
				t.Errorf("%q survives in %q", v, said)
			}
		})
		if token != "" && strings.Contains(said, token) {
			t.Errorf("the token %q survives in %q", token, said)
		}
		if n := len([]rune(said)); n > airflow.MaxSaid {
			t.Errorf("%d characters are quoted", n)
		}
		if strings.ContainsAny(said, "\n\r\t\x00\x1b") {
			t.Errorf("%q is more than a line", said)
		}
	})
}
