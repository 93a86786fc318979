// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/identity"
)

func TestParseHeaders(t *testing.T) {
	t.Parallel()
	many := ""
	for i := range 33 {
		many += fmt.Sprintf("X-%d: hush\n", i)
	}
	tests := []struct {
		text string
		want http.Header
		err  string
	}{
		{"X-Api-Key: hush", http.Header{"X-Api-Key": {"hush"}}, ""},
		{"x-api-key:hush: hush\r\n\n  Cookie: a=b; c=d \n", http.Header{"X-Api-Key": {"hush: hush"}, "Cookie": {"a=b; c=d"}}, ""},
		{"X-Tag: a\nX-Tag: b", http.Header{"X-Tag": {"a", "b"}}, ""},
		{"", nil, "there are none"},
		{"hush", nil, "line 1 is not of the form Name: value"},
		{"X-Api-Key: hush\nhush hush: x", nil, "line 2 is not of the form Name: value"},
		{"X-Api-Key:", nil, "the value of X-Api-Key is empty or has control characters"},
		{"X-Api-Key: hu\x00sh", nil, "the value of X-Api-Key is empty or has control characters"},
		{"X-Api-Key: hu\rsh", nil, "the value of X-Api-Key is empty or has control characters"},
		{"Host: hush", nil, "Host cannot be set: it follows from AIRFLOW_URL"},
		{"authorization: hush", nil, "authorization cannot be set: AIRFLOW_AUTH sets it"},
		{"Proxy-Authorization: hush", nil, "Proxy-Authorization cannot be set: AIRFLOW_IAP_CLIENT_ID sets it"},
		{"X-Serverless-Authorization: hush", nil, "X-Serverless-Authorization cannot be set: AIRFLOW_AUDIENCE sets it"},
		{"Connection: hush", nil, "Connection cannot be set: it is for one connection"},
		{"transfer-encoding: hush", nil, "transfer-encoding cannot be set: it is for one connection"},
		{"TE: hush", nil, "TE cannot be set: it is for one connection"},
		{"Content-Length: 1", nil, "Content-Length cannot be set: the client sets it"},
		{many, nil, "there are more than 32"},
	}
	for _, tt := range tests {
		got, err := identity.ParseHeaders(tt.text)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || text != tt.err {
			t.Errorf("%q: error %q, want %q (-want +got):\n%s", tt.text, text, tt.err, diff)
		}
	}
}

func FuzzParseHeaders(f *testing.F) {
	f.Add("X-Api-Key: hush\nCookie: a=b")
	f.Add("Host: x\r\n\x00:")
	f.Fuzz(func(t *testing.T, text string) {
		header, err := identity.ParseHeaders(text)
		if err != nil {
			return
		}
		var wire strings.Builder
		if err := header.Write(&wire); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(wire.String(), "\r\n"), "\r\n") {
			name, _, ok := strings.Cut(line, ": ")
			if !ok || strings.EqualFold(name, "Host") || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("sent %q", line)
			}
		}
	})
}
