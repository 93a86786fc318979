// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"net/http"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

func TestConfThatOldAirflow3CannotStoreIsNotSent(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ version, conf, refused string }{
		{"3.0.6", `{"text":"a\u0000b"}`, `\u0000`},
		{"3.1.8", `{"a\u0000b":1}`, `\u0000`},
		{"3.2.2", `{"text":"\ud83d"}`, `\ud83d`},
		{"3.1.8", `{"text":"\ud83d\u0041"}`, `\ud83d`},
		{"3.1.8", `{"text":"\ude00"}`, `\ude00`},
		{"3.1.8", `{"text":"\\\u0000"}`, `\u0000`},
		{"3.1.8", `{"text":"\ud83d\ude00 \\u0000 \n\u00e4\""}`, ""},
		{"3.3.0", `{"text":"\u0000"}`, ""}, // it answers 422 by itself
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
			want = "invalid: the conf has " + row.refused + " in a text, which Airflow " + row.version +
				" cannot store; take it out in the route's conf, or pass the text on as base64"
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
