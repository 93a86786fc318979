// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"example.com/dagtrigger/internal/deadletter"
)

// hostile is text that clears a terminal, sets its title, ends in an 8-bit control
// sequence, reverses what follows, hides letters, and pretends to be another line.
const hostile = "a\x1b[2J\x1b]0;owned\x07\r\u009b31m\u202etxt.\u2066\u200b\ufeff\U000e0041\nb matches"

// shown is hostile as a line of output has it.
const shown = `a\u001b[2J\u001b]0;owned\u0007\u000d\u009b31m\u202etxt.\u2066\u200b\ufeff\udb40\udc41\u000ab matches`

func TestOutputHasNoControlCharacters(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"text", "größer, 日本語, e\u0301, 😀\n\tx", "größer, 日本語, e\u0301, 😀\n\tx"},
		{"every kind", hostile, strings.Replace(shown, `\u000a`, "\n", 1)},
		{"invalid UTF-8", "a\x9b31m\xff", `a\x9b31m\xff`},
		{"half a character", "a\xe2\x80", `a\xe2\x80`},
		{"a forged colour", "\x1b[32mgood\x1b[0m", `\u001b[32mgood\u001b[0m`},
		{"U+FFFD itself", "a\ufffd", "a\ufffd"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if n, err := newPrintable(&out).Write([]byte(tt.text)); n != len(tt.text) || err != nil {
			t.Errorf("%s: wrote %d, %v", tt.name, n, err)
		}
		if out.String() != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, &out, tt.want)
		}
	}
	if got := visible(hostile); got != shown {
		t.Errorf("in a line: %q, want %q", got, shown)
	}
}

func TestUntrustedTextCannotSetColours(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := newPrintable(&out)
	paint := painter{w.mark}
	_, _ = w.Write([]byte(paint.good("ok \x1b[31m") + " \x1b[31mred\x1b[0m"))
	if want := "\x1b[32mok \\u001b[31m\x1b[0m \\u001b[31mred\\u001b[0m"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
	if w.mark == newPrintable(&out).mark {
		t.Error("the mark can be guessed")
	}
}

// What others wrote into an event is in the output of these commands.
func TestEveryCommandEscapesUntrustedText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := letter(1)
	l.RunID, l.Reason = "run-"+strings.ReplaceAll(hostile, "\n", ""), hostile
	l.Event.ID, l.Event.Subject = hostile, hostile
	l.Event.ContentType, l.Event.Data = "text/plain", []byte("data "+hostile)
	store(t, dir, l)
	event := filepath.Join(t.TempDir(), "event.json")
	data, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": hostile, "source": "//example.com/orders", "type": "paid", "subject": hostile,
		"data": map[string]any{"x": hostile},
	})
	if err == nil {
		err = os.WriteFile(event, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	const matches = "\nroutes:\n- {name: a, on: paid, dag: load, when: data.x != '', conf: {x: '${data.x}'}}\n" +
		"- {name: b, on: paid, dag: load, when: data.x == 'y'}\n"
	const fails = "\nroutes: [{name: a, on: paid, dag: load, conf: {x: '${int(data.x)}'}}]\n"
	tests := []struct {
		name   string
		status int
		args   []string
		routes string
		want   string
	}{
		{"explain", exitOK, []string{"explain", event, "--as", "structured"}, matches, "  id       " + shown},
		{"explain as JSON", exitOK, []string{"explain", event, "--json"}, matches, `\u202etxt.`},
		{"explain a failure", exitFailed, []string{"explain", event}, fails, "fails"},
		{"explain an object", exitOK, []string{"explain", "gs://acme/" + hostile}, matches, `\u202etxt.`},
		{"list", exitOK, []string{"dead-letters", "list", "--store", "file://" + dir}, matches, "event " + shown},
		{"list as JSON", exitOK, []string{"dead-letters", "list", "--store", "file://" + dir, "--json"}, matches, `\u202etxt.`},
		{"show", exitOK, []string{"dead-letters", "show", l.Name(), "--store", "file://" + dir}, matches, `\u202etxt.`},
		{"an error", exitFailed, []string{"dead-letters", "show", "\u202e", "--store", "file://" + dir}, matches, `named \u202e`},
		{"a wrong call", exitUsage, []string{"version", hostile}, matches, `\u202e`},
		{"an unknown command", exitUsage, []string{hostile}, matches, `\u202e`},
	}
	for _, tt := range tests {
		out, log := newOutput(), newOutput()
		settings := map[string]string{"AIRFLOW_URL": "http://127.0.0.1:1", "DAGTRIGGER_CONFIG": tt.routes}
		if got := run(t.Context(), tt.args, set(settings), nil, out, log); got != tt.status {
			t.Errorf("%s: ended with %d, want %d", tt.name, got, tt.status)
		}
		text := out.String() + log.String()
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }); i >= 0 {
			t.Errorf("%s: %q in %q", tt.name, text[i:min(i+4, len(text))], text)
		}
		if !strings.Contains(text, tt.want) {
			t.Errorf("%s: no %q in\n%s", tt.name, tt.want, text)
		}
		if strings.Contains(text, "\nb matches") {
			t.Errorf("%s: an event has written a line:\n%s", tt.name, text)
		}
	}
}

// A program that reads the JSON gets what was sent.
func TestEscapedJSONDecodesToTheSameText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := letter(1)
	l.Reason = hostile
	store(t, dir, l)
	out, _ := commanded(t.Context(), t, exitOK, nil, "", "dead-letters", "list", "--store", "file://"+dir, "--json")
	var read struct{ Reason string }
	if err := json.Unmarshal([]byte(out), &read); err != nil || read.Reason != hostile {
		t.Errorf("%q, %v, want %q in %s", read.Reason, err, hostile, out)
	}
}

// store puts a dead letter into a folder.
func store(t *testing.T, dir string, r deadletter.Record) {
	t.Helper()
	s, err := deadletter.Open("file://"+dir, deadletter.Options{})
	if err == nil {
		err = s.Put(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
}
