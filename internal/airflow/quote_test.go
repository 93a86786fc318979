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
	"time"
	"unicode/utf8"

	"example.com/dagtrigger/internal/airflow"
)

// saidOf is what an Error quotes of words that v2 says in refusing a run with
// this conf, sent with this Authorization; front has a gateway say them.
func saidOf(t testing.TB, conf, authorization, words string, front bool) string {
	t.Helper()
	name := "detail"
	if front {
		name = "message"
	}
	body, err := encoding.Marshal(map[string]string{name: words})
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

func TestQuotesNoValueOfTheConf(t *testing.T) {
	t.Parallel()
	const param = "Invalid input for param "
	for _, row := range []struct{ name, conf, words, want string }{
		{"text", `{"key":"hunter"}`, param + `key: 'hunter' is not of type 'integer'`, param + `key: '…' is not of type 'integer'`},
		{"glued to other text", `{"key":"hunter"}`, `given xhunterx, unhunted`, `given …`},
		{"in another case", `{"key":"hunter"}`, `no such name: HUNTER`, `no such name: …`},
		{"escaped", `{"key":"\u0068unter"}`, `no such name: hunter`, `no such name: …`},
		{"a number as Python writes it", `{"a":1.50e3}`, `1500.0 is greater than the maximum of 100`, `… is greater than the maximum of …`},
		{"what is not ASCII", `{"a":"größe"}`, `größe is too long`, `… is too long`},
		{"a parameter's name", `{"region":"region"}`, param + `region: 'emea' is too short`, param + `region: 'emea' is too short`},
		{"a parameter that the conf lacks", `{"a":1}`, param + `size: None is not of type 'integer'`,
			param + `size: None is not of type 'integer'`},
		{"a value in place of a parameter's name", `{"a":"hunter"}`, param + `hunter: None`, param + `…: None`},
		{"other keys", `{"map":{"alice":1}}`, `{'map': {'alice': 1}}`, `{'…}}`},
		{"the run's own ids", `{"a":"load_sales"}`, `run dagtrigger__sales__5f3c of load_sales`, `run dagtrigger__sales__5f3c of load_sales`},
		{"jsonschema's appendix", `{}`, "None is not of type 'string'\n\nFailed validating 'type' in schema:\n    {'type': 'string'}",
			`None is not of type 'string'`},
		{"unknown words", `{"a":"hunter"}`, `The Flux Capacitor is out of Gigawatts`, `The Flux Capacitor is out of Gigawatts`},
		{"nothing but a value", `{"a":"hunter"}`, `'hunter'`, ``},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := saidOf(t, row.conf, "", row.words, false); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestQuotesNoCredentials(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("admin:swordfish"))
	for _, row := range []struct{ name, authorization, words, want string }{
		{"a token", "Bearer abcd.efgh.ijkl", "token abcd.efgh.ijkl is expired", "token … is expired"},
		{"half a token", "Bearer eyJhbGciOiJIUzI.e.s", "token eyJhbGciOiJIU...", "token …..."},
		{"basic", "Basic " + basic, "not valid: " + basic, "not valid: …"},
		{"a password", "Basic " + basic, "wrong credentials swordfish of admin", "wrong credentials … of …"},
		{"a bare key", "abcdef", "key abcdef", "key …"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := saidOf(t, `{}`, row.authorization, row.words, false); strings.TrimRight(got, "=.") != strings.TrimRight(row.want, ".") {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

// A transport's error may repeat what the server sent in place of an answer.
func TestTransportErrorQuotesNothingOfTheServer(t *testing.T) {
	t.Parallel()
	broken := roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New(`malformed HTTP response "emea"`)
	})
	client := newClient(t, airflow.Config{URL: "http://127.0.0.1", API: airflow.V2, Transport: broken})
	_, err := client.Trigger(t.Context(), sales())
	if e := asKind(t, err, airflow.Network); !strings.HasPrefix(e.Error(), `network: no answer: malformed HTTP response …; `) {
		t.Error(e)
	}
}

// Large and deeply nested confs cost one pass over their bytes.
func TestQuotingALargeConfTakesOnePass(t *testing.T) {
	t.Parallel()
	deep := `{"a":` + strings.Repeat(`{"a":[`, 90) + `"` + strings.Repeat("secret words ", 250_000) + `"` + strings.Repeat(`]}`, 90) + `}`
	began := time.Now()
	said := saidOf(t, deep, "Bearer abc", strings.Repeat("these secret words are unknown; ", 100), false)
	if strings.Contains(said, "secret") || !strings.Contains(said, "unknown") {
		t.Errorf("got %s", said)
	}
	if took := time.Since(began); took > 5*time.Second { // it took minutes when every value was spelled
		t.Errorf("it took %s", took)
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

// says reports whether a quote repeats a word of at least four characters of a
// value, unless the word is one that is quoted whatever the conf is.
func says(said, value string) bool {
	for _, word := range strings.FieldsFunc(value, airflow.IsNoWord) {
		if len(word) >= 4 && !airflow.IsVocabulary(word) && strings.Contains(said, word) {
			return true
		}
	}
	return false
}

// No word of a value of the conf, and no secret, is in an Error, whatever the
// server says.
func FuzzQuote(f *testing.F) {
	f.Add(`{"a":"hunter2","b":[1234,{"c":"gr\u00f6\u00dfe"}]}`, "abc.def", "'hunter2' and 1234 größe abc.def", false)
	f.Add(`{"a":" ab ","b":"[…] x","c":"a b"}`, "x", "x ab  x […] x a \n b", true)
	f.Add(`{"a":"…","b":"12…","c":"\ufffd\ufffd"}`, "…", strings.Repeat("12345 ", 900), false)
	f.Add(`{"a":"abcabcabc"}`, "cabbage", "abcabcabcabc xcabbagex", true)
	f.Add(`{"a":"hunt","hunt":1}`, "swordfish", "Invalid input for param hunt: swordfishes", false)
	f.Fuzz(func(t *testing.T, conf, token, words string, front bool) {
		decoder := encoding.NewDecoder(strings.NewReader(conf))
		decoder.UseNumber()
		var members map[string]any
		if decoder.Decode(&members) != nil || decoder.More() || !encoding.Valid([]byte(conf)) || !utf8.ValidString(token) {
			t.Skip("no conf, or no text")
		}
		header := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+token))
		said := saidOf(t, conf, header, words, front)
		known := "dagtrigger__sales__5f3c load_sales something before Airflow answered"
		leaves(members, func(v string) {
			if _, isKey := members[v]; !isKey && !strings.Contains(known, v) && says(said, v) {
				t.Errorf("%q is quoted in %q", v, said)
			}
		})
		if says(said, token) && !strings.Contains(known, token) {
			t.Errorf("the token %q is quoted in %q", token, said)
		}
		if n := len([]rune(said)); n > airflow.MaxSaid {
			t.Errorf("%d characters are quoted", n)
		}
		if strings.ContainsAny(said, "\n\r\t\x00\x1b") {
			t.Errorf("%q is more than a line", said)
		}
	})
}
