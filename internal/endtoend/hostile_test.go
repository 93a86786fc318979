// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/dagtrigger"
	"example.com/dagtrigger/internal/cloudlog"
	"example.com/dagtrigger/internal/config"
)

// What routes compute: as operators write it, and as nobody should. A line is
// the keys of a route.
var (
	naturalRoutes = []string{
		`when: data.region == "eu"`, `when: has(data.region)`, `when: data.items.exists(i, i.region == data.region)`,
		`when: data.items.all(i, i.n > 0)`, `when: size(data.items) > 10`, `when: '"a" in data.tags'`,
		`when: data.text.startsWith("x")`, `when: data.text.contains("ERROR")`, `when: data.text.matches("^x+$")`,
		`conf: {first: "${data.items[0]}"}`, `conf: {all: "${data}"}`, `conf: {ids: "${data.items.map(i, i.id)}"}`,
		`conf: {large: "${data.items.filter(i, i.n > 5)}"}`, `conf: {text: "${data.?text.orValue('none')}"}`, `conf: {n: "${size(data.items)}"}`,
		`run_id: ${data.region}`, `note: about ${data.region}`, `conf: {attributes: "${message.attributes}"}`,
		`conf: {json: "${message.json}", id: "${message.id}"}`, `when: message.text != ""`,
	}
	hostileRoutes = []string{
		`when: data.tags.all(t, t in data.tags)`, `when: data.items.all(i, data.items.exists(j, i == j))`, `when: data.items == data.items + []`,
		`when: data.text.matches("(.*,){30}x")`, `when: data.text.matches("(x+x+)+y")`, `when: data.text + data.text != data.text`,
		`when: data.items.all(i, size(data.text) > 0)`, `when: data.tags.sort() != []`, `when: data.tags.distinct() != []`,
		`when: data.tags.map(t, data.tags.reverse()) != []`, `when: math.greatest(data.tags.map(t, 1)) > 0`, `when: '"%s".format([data]) != ""'`,
		`when: base64.encode(bytes(data.text)) != ""`, `when: data.text.replace("x", data.text) != ""`,
		`when: data.text.split("").join("ab") != ""`,
		`when: data.tags.all(t, data[t] == 1)`, `when: data.exists(k, data[k] == 1)`,
		`conf: {a: '${data.items.map(i, {"item": i, "order": data})}'}`, `conf: {a: "${data.items.map(i, data.text)}"}`,
		`conf: {a: "${[data, data, data, data, data, data, data, data]}"}`,
	}
)

// hostileMessages are of some size bytes each. Pub/Sub takes 10 MB.
func hostileMessages(size int) map[string]string {
	fill := func(head, part, tail string) string {
		return head + strings.Repeat(part, (size-len(head)-len(tail))/len(part)) + tail
	}
	return map[string]string{
		"items":         fill(`{"region":"us","text":"x","tags":["b"],"items":[`, `{"id":"i","region":"eu","n":7},`, `{}]}`),
		"text":          fill(`{"region":"eu","items":[],"tags":[],"text":"`, `x`, `"}`),
		"escaped text":  fill(`{"region":"eu","items":[],"tags":[],"text":"`, `\n`, `"}`),
		"tags":          fill(`{"region":"eu","text":"x","items":[],"tags":[`, `"t",`, `"u"]}`),
		"empty objects": fill(`{"tags":[],"text":"","items":[`, `{},`, `{}]}`),
		"nested lists":  fill(`{"tags":[],"text":"","items":[`, strings.Repeat("[", 100)+strings.Repeat("]", 100)+",", `0]}`),
		"members":       fill(`{"tags":["a"],"text":"","items":[]`, `,"\u0061":1`, `}`),
		"long number":   fill(`{"tags":[1],"text":"","items":[`, `1`, `]}`),
		"not JSON":      fill(``, `x`, ``),
	}
}

// obliging is an Airflow that starts whatever it is asked for.
type obliging struct{}

var runIDOf = regexp.MustCompile(`"dag_run_id":"([^"]+)"`)

func (obliging) RoundTrip(r *http.Request) (*http.Response, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(r.Body, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, r.Body)
	id := "unknown"
	if found := runIDOf.FindSubmatch(head[:n]); found != nil {
		id = string(found[1])
	}
	return canned{id}.RoundTrip(r)
}

// BenchmarkHostile prints what the worst of the messages costs with each of the
// routes, and how long an innocent event waits beside it.
func BenchmarkHostile(b *testing.B) {
	messages := hostileMessages(10 << 20)
	for b.Loop() {
		out := b.Output()
		_, _ = fmt.Fprint(out, "| the route | the worst message | CPU, ms | an innocent event, ms | it ends |\n|---|---|--:|--:|---|\n")
		for _, keys := range slices.Concat(naturalRoutes, hostileRoutes) {
			f := hostileFunction(b, keys)
			var worst hostileCase
			for name, message := range messages {
				if c := f.try(b, name, message); c.cpu > worst.cpu {
					worst = c
				}
			}
			_, _ = fmt.Fprintf(out, "| `%s` | %s | %d | %d | %s |\n", strings.ReplaceAll(keys, "|", `\|`), worst.name,
				worst.cpu.Milliseconds(), worst.innocent.Milliseconds(), worst.outcome)
		}
	}
}

type hostile struct{ http.Handler }

type hostileCase struct {
	name, outcome string
	cpu, innocent time.Duration
}

func hostileFunction(b *testing.B, keys string) hostile {
	b.Helper()
	path := filepath.Join(b.TempDir(), "routes.yaml")
	write(b, path, "routes:\n  - name: tried\n    on: message.published\n    subscription: tried\n    dag: load\n    "+keys+
		"\n  - name: innocent\n    on: message.published\n    subscription: innocent\n    when: message.json.n > 1\n    dag: load\n")
	settings := map[string]string{"DAGTRIGGER_CONFIG": path, "AIRFLOW_URL": "http://127.0.0.1:1", "AIRFLOW_API": "v2"}
	c, err := config.FromEnv(func(name string) string { return settings[name] })
	if err != nil {
		b.Fatal(err)
	}
	f, err := dagtrigger.New(c, cloudlog.New(io.Discard, slog.LevelInfo), obliging{})
	if err != nil {
		b.Fatal(err)
	}
	return hostile{f}
}

// wrappedPush is the body of a push that delivers a message.
func wrappedPush(t testing.TB, id, subscription, message string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"message":      map[string]any{"messageId": id, "data": []byte(message), "publishTime": "2026-11-22T00:00:00Z"},
		"subscription": "projects/p/subscriptions/" + subscription,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (h hostile) push(b *testing.B, subscription, message string) string {
	b.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(wrappedPush(b, "7", subscription, message)))
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	var answer struct {
		Outcomes []struct{ Outcome string }
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil || len(answer.Outcomes) == 0 {
		b.Fatalf("answered %d %.300s", recorder.Code, recorder.Body)
	}
	return answer.Outcomes[0].Outcome
}

func (h hostile) try(b *testing.B, name, message string) hostileCase {
	b.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	before := cpuTime(b)
	innocent := make(chan time.Duration, 1)
	go func() {
		<-time.After(20 * time.Millisecond)
		began := time.Now()
		if outcome := h.push(b, "innocent", `{"n": 2}`); outcome != "triggered" {
			b.Errorf("an innocent event ended %s", outcome)
		}
		innocent <- time.Since(began)
	}()
	outcome := h.push(b, "tried", message)
	c := hostileCase{name: name, outcome: outcome, innocent: <-innocent, cpu: cpuTime(b) - before}
	if c.cpu > 10*time.Second || c.innocent > 10*time.Second { // detects only a hang
		b.Errorf("%s took %s, an innocent event %s", name, c.cpu, c.innocent)
	}
	return c
}

// cpuTime is what the process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
