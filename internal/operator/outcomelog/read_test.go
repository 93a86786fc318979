// SPDX-License-Identifier: Apache-2.0

package outcomelog_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/outcomelog"
)

const (
	liveLine   = `{"severity":"INFO","outcome":"triggered","event_id":"1","event_key":"k","route":"r","dag_id":"d","count":1}`
	shadowLine = `{"severity":"INFO","shadow":"would_trigger","event_id":"1","event_key":"k","shadow_file":"new.yaml","count":1}`
)

// readLog returns the outcomes of a log.
func readLog(in io.Reader) (string, outcomelog.Skipped, error) {
	var read []string
	skipped, err := outcomelog.Read(in, func(l *outcomelog.Line) { read = append(read, l.Outcome+l.Shadow) })
	return strings.Join(read, " "), skipped, err
}

// Each row is a form in which one line of a live route and one of a shadow are kept.
func TestFormsOfALog(t *testing.T) {
	t.Parallel()
	const a, b = liveLine, shadowLine
	entry := func(line string) string {
		return `{"insertId":"x","timestamp":"2026-11-30T10:00:00Z","jsonPayload":` + line + `}`
	}
	var indented strings.Builder
	for _, line := range []string{a, b} {
		text, err := json.MarshalIndent(json.RawMessage(line), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		indented.Write(append(text, '\n'))
	}
	for _, row := range []struct {
		name, log string
		skipped   int
	}{
		{"lines", a + "\n" + b + "\n", 0},
		{"with Windows line ends and blank lines", "\r\n" + a + "\r\n\r\n" + b, 0},
		{"with a byte order mark", "\ufeff" + a + "\n" + b, 0},
		{"an array", "[" + entry(a) + ",\n  " + entry(b) + "]\n", 0},
		{"two arrays", "[" + entry(a) + "]\n[" + entry(b) + "]", 0},
		{"an empty array first", "[]\n[" + entry(a) + "," + entry(b) + "]", 0},
		{"lines of entries", entry(a) + "\n" + entry(b), 0},
		{"indented", indented.String(), 0},
		{"behind a prefix", "dagtrigger-1  | " + a + "\n2026-11-30T10:00:00Z stderr F " + b, 0},
		{"between others", "Listening on 8080\n" + a + "\n{\"severity\":\"INFO\",\"message\":\"starting\"}\n{not JSON\n" + b + "\n\x00\xff", 4},
		{"between other entries", `[{"textPayload":"x"}, "text", 1, null, {"jsonPayload":"y"}, {"outcome":5},` +
			entry(a) + "," + entry(b) + "]", 6},
		{"between outcomes of other programs", `{"outcome":"success"}` + "\n" + a + "\n" + `{"outcome":""}` + "\n" + b, 2},
		{"behind a line that begins like an array", "[2026-11-30] started\n" + a + "\n" + b, 1},
		{"between lines that are too long", strings.Repeat("x", 2<<20) + "\n" + a + "\n" + b, 1},
		{"cut off at the end", a + "\n" + b + "\n" + a[:len(a)/2], 1},
	} {
		read, skipped, err := readLog(strings.NewReader(row.log))
		if err != nil || read != "triggered would_trigger" || skipped.Lines != row.skipped {
			t.Errorf("%s: read %q, %d skipped, %v, want %d", row.name, read, skipped.Lines, err, row.skipped)
		}
	}
}

func TestALogThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const cut = "the JSON array ends within entry 2: read the log again, the download was interrupted"
	const a = liveLine
	long := strings.Repeat("x", 2<<20)
	for _, row := range []struct{ name, log, want string }{
		{"UTF-16", "\xff\xfe[\x00", "it is UTF-16, as PowerShell's > writes: write it as UTF-8, or pipe it"},
		{"an array that is cut off", "[" + a + "," + a[:20], cut},
		{"or between two entries", "[" + a + ",", cut},
		{"invalid JSON", `[{"a" 1}]`, "entry 1 is not JSON: invalid character '1' after object key: read the log with --format=json"},
		{"an entry without an end", "[{\"" + long, "entry 1 has over 1048576 bytes, which no log's entry has: is it a log?"},
		{"something else behind it", "[" + a + "]\n{}", "there is more behind the JSON array: give one array, or a line of JSON for each entry"},
	} {
		_, _, err := readLog(strings.NewReader(row.log))
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: %v, want %s", row.name, err, row.want)
		}
	}
	broken := errors.New("the disk")
	if _, _, err := readLog(io.MultiReader(strings.NewReader(a), errorReader{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type errorReader struct{ error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.error }

// Whatever a log holds, it is read to its end, and only its own errors end it.
func FuzzRead(f *testing.F) {
	const a, b = liveLine, shadowLine
	for _, seed := range []string{
		a + "\n" + b, "[" + a + "," + b + "]", "[{\"jsonPayload\":" + a + "}]", "{\n\"outcome\": \"x\"\n}\n", "[", "]", "x {", "\xff\xfe", "[1]2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, log string) {
		lines := 0
		_, err := outcomelog.Read(strings.NewReader(log), func(l *outcomelog.Line) {
			lines++
			_ = l.At()
		})
		if lines > strings.Count(log, "{") {
			t.Errorf("%d lines of %q", lines, log)
		}
		if strings.IndexByte("[ \t\r\n\xff\xfe\xef", (log + "x")[0]) < 0 && err != nil {
			t.Errorf("%q: %v", log, err)
		}
	})
}
