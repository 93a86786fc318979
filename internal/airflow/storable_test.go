// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"net/http"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

func TestConfThatOldAirflow3CannotStoreIsNotSent(t *testing.T) {
	t.Parallel()
	inText := func(escape string) string { return escape + " in a text; the text on as base64" }
	number := func(text string) string { return "the number " + text + "; it on as text" }
	for _, row := range []struct{ version, conf, refused string }{
		{"3.0.6", `{"text":"a\u0000b"}`, inText(`\u0000`)},
		{"3.1.8", `{"a\u0000b":1}`, inText(`\u0000`)},
		{"3.2.2", `{"text":"\ud83d"}`, inText(`\ud83d`)},
		{"3.1.8", `{"text":"\ud83d\u0041"}`, inText(`\ud83d`)},
		{"3.1.8", `{"text":"\ude00"}`, inText(`\ude00`)},
		{"3.1.8", `{"text":"\\\u0000"}`, inText(`\u0000`)},
		{"3.1.8", `{"text":"\ud83d\ude00 \\u0000 \n\u00e4\""}`, ""},
		{"3.3.0", `{"text":"\u0000"}`, ""}, // it answers 422 by itself
		{"3.0.6", `{"n":1e400}`, number("1e400")},
		{"3.2.2", `{"1e5":[-1.5,"1e400\"1e400",{"b":-2.5E+999}],"c":1e500}`, number("-2.5E+999")},
		{"3.1.8", `[1e400` + strings.Repeat("0", 100) + `]`, number("1e400" + strings.Repeat("0", 35))},
		{"3.1.8", `{"n":` + strings.Repeat("7", 400) + `,"m":1.7976931348623157e308,"l":1e-400}`, ""},
		{"3.3.0", `{"n":1e400}`, ""},
		{"", `{"text":"\u0000"}`, ""},
	} {
		client, err := airflow.New(airflow.Config{
			URL: "http://127.0.0.1:1", API: airflow.V2, Version: row.version, Transport: http.DefaultTransport,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Request(t.Context(), airflow.Run{DAGID: "d", RunID: "r", Conf: []byte(row.conf)})
		want := ""
		if row.refused != "" {
			what, fix, _ := strings.Cut(row.refused, "; ")
			want = "invalid: the conf has " + what + ", which Airflow " + row.version +
				" cannot store; take it out in the route's conf, or pass " + fix
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s on %q: %s\nwant %s", row.conf, row.version, got, want)
		}
	}
}
