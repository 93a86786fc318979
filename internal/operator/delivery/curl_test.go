// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"

	"example.com/dagtrigger/internal/operator/delivery"
)

func TestCurlIsOneOptionALine(t *testing.T) {
	t.Parallel()
	r := delivery.Request{
		Header: []delivery.Header{{Name: "ce-subject", Value: "it's"}, {Name: "x-empty"}},
		Body:   []byte(`@{"a":"'"}`),
	}
	want := `curl -sS 'http://127.0.0.1:8080' \
  -H 'ce-subject: it'\''s' \
  -H 'x-empty;' \
  --data-raw '@{"a":"'\''"}'`
	if got := r.Curl("http://127.0.0.1:8080"); got != want {
		t.Errorf("Curl =\n%s\nwant\n%s", got, want)
	}
}

// TestCurlSendsWhatHTTPSends runs the printed command in a real shell.
func TestCurlSendsWhatHTTPSends(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sh", "curl", "base64"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not there to run the command", program)
		}
	}
	ugly := message()
	ugly.Data = []byte("@file '$(id)' \"\\n\" `id` !x\n\n")
	ugly.Attributes = map[string]string{"quote": "it's $HOME \\", "empty": "", "umlaut": "Größe"}
	binary := ugly
	binary.Data = []byte{0, 0xff, '\'', '\n'}
	hidden := ugly
	hidden.Data = []byte("a\u202etxt.\u200b\u009b31m\x1b[2J")
	large := ugly
	large.Data = []byte(strings.Repeat("0123456789abcdef", 32<<10))
	rows := []struct {
		name  string
		event delivery.Event
		as    delivery.Envelope
	}{
		{"headers", upload(), delivery.Eventarc},
		{"JSON", upload(), delivery.Background},
		{"ugly text", ugly, delivery.PushUnwrapped},
		{"invisible characters", hidden, delivery.PushUnwrapped},
		{"bytes", binary, delivery.PushUnwrapped},
		{"half a mebibyte", large, delivery.PushUnwrapped},
		{"nothing", delivery.Message{ID: "1", Topic: "t", Subscription: "s"}, delivery.PushUnwrapped},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 2)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- read(t, r) }))
			defer server.Close()
			r, err := row.event.Request(row.as)
			if err != nil {
				t.Fatal(err)
			}
			req, err := r.HTTP(t.Context(), server.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			command := exec.CommandContext(t.Context(), "sh")
			text := r.Curl(server.URL)
			if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' }); i >= 0 {
				t.Errorf("a terminal does not show all of %q", text)
			}
			command.Stdin = strings.NewReader(text)
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if http, curl := <-got, <-got; http != curl {
				t.Errorf("curl sent\n%s\nwant\n%s", curl, http)
			}
		})
	}
}

// read writes down a request, less what each client adds itself.
func read(t *testing.T, r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	lines := []string{r.Method + " " + r.URL.String()}
	for name, values := range r.Header {
		if name != "Accept" && name != "Accept-Encoding" && name != "User-Agent" {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n\n" + string(body)
}
