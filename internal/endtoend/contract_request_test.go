// SPDX-License-Identifier: Apache-2.0

package endtoend_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/real/airflowreal"
)

// play is one scenario on one target.
type play struct {
	scenario
	*target
	number   int // tells its runs and its day from other scenarios'
	client   *airflow.Client
	recorder *recorder
	dates    map[string]time.Time // for which a run is to wait
	awaited  string               // the run whose end the step waits for
}

// observation is how a step was answered.
type observation struct {
	step   string
	meant  string // what the client made of it
	status int
	media  string
	header map[string]string // the part of it that a client may go by
	body   string            // normalised; empty for a page
}

func newPlay(t *testing.T, w *target, number int, s scenario) *play {
	t.Helper()
	transport := airflow.NewTransport(8)
	t.Cleanup(transport.CloseIdleConnections)
	return &play{scenario: s, target: w, number: number, recorder: &recorder{base: transport}, dates: map[string]time.Time{}}
}

// bound is how long a scenario may take; it only tells a hang.
const bound = 5 * time.Minute

// perform sends every step, and then reads back each run that it asked for
// and has not read since: what was refused is not there.
func (p *play) perform(t *testing.T) []observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	var all []observation
	var unread []step
	for _, s := range p.steps {
		s = p.resolve(s)
		all = append(all, p.step(ctx, t, s))
		id := s.run.RunID
		if s.starts {
			id = cmp.Or(p.recorder.runID(), id)
		}
		unread = slices.DeleteFunc(unread, func(r step) bool { return r.run.RunID == id && r.run.DAGID == s.run.DAGID })
		if s.starts {
			read := find("a")
			read.run.DAGID, read.run.RunID = s.run.DAGID, id
			unread = append(unread, read)
		}
	}
	for _, s := range unread {
		all = append(all, p.step(ctx, t, p.resolve(s)))
	}
	return all
}

func (p *play) step(ctx context.Context, t *testing.T, s step) observation {
	t.Helper()
	client, err := airflow.New(airflow.Config{
		URL: p.url, API: s.api, Version: p.release, Transport: p.recorder,
		Credentials: p.credentials(s.user), Now: p.now, Timeout: time.Minute, // a busy machine is slow
	})
	if err != nil {
		t.Fatal(err)
	}
	p.client, p.awaited = client, ""
	p.recorder.reset(s)
	meant, err := s.call(ctx, p, s)
	if err != nil {
		meant = p.refusal(err)
	}
	o := p.recorder.observed(p)
	o.meant, o.step = meant, strings.TrimSpace(s.title+" "+s.asset+" "+s.run.RunID+" "+s.path)
	return o
}

// refusal is an error of the client's in short.
func (p *play) refusal(err error) string {
	e, ok := errors.AsType[*airflow.Error](err)
	switch {
	case !ok:
		return err.Error()
	case e.Status == 0:
		return "not sent: " + e.Kind.String()
	}
	text := fmt.Sprintf("%d %s", e.Status, e.Kind)
	if e.Source != airflow.FromAirflow {
		text += ", in " + cmp.Or(e.MediaType, "no media type")
	}
	return text
}

// name is a run id of the scenario's own.
func (p *play) name(short string) string { return fmt.Sprintf("s%03d-%s", p.number, short) }

func (p *play) day() time.Time {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, p.number)
}

// resolve fills a step's placeholders with the run ids and the day of this scenario.
func (p *play) resolve(s step) step {
	s.api = cmp.Or(s.api, p.api)
	if s.user == "" {
		s.user = admin
		if s.api == airflow.Experimental && airflowreal.CompareVersions(p.release, "2.11.0") >= 0 {
			s.user = nobody // it gets in just so, and to check admin's password takes 0.1 s
		}
	}
	if s.minimal {
		s.body = smallest(s.api, s.run.RunID, s.members)
	}
	own := strings.NewReplacer("$a", p.name("a"), "$b", p.name("b"), "$c", p.name("c"), "$day", p.day().Format(time.DateOnly))
	s.run.Conf = []byte(own.Replace(string(s.run.Conf)))
	s.run.RunID, s.body, s.path = own.Replace(s.run.RunID), own.Replace(s.body), own.Replace(s.path)
	if p.ids != nil {
		s.body, s.path = p.ids.Replace(s.body), p.ids.Replace(s.path)
	}
	if s.size > 0 {
		s.body = strings.Replace(s.body, `""`, `"`+strings.Repeat("x", s.size-len(s.body))+`"`, 1)
	}
	if s.dated {
		s.run.LogicalDate = p.day().Add(10*time.Hour + 123456*time.Microsecond)
	}
	if s.ahead > 0 {
		s.run.RunAfter = p.now().Add(s.ahead).Truncate(time.Microsecond)
		p.dates[s.run.RunID] = s.run.RunAfter
		if s.dated {
			s.run.LogicalDate, s.run.RunAfter = s.run.RunAfter, time.Time{}
		}
	}
	return s
}

// runID is the id in the last answer.
func (r *recorder) runID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var answer struct {
		ID           string `json:"dag_run_id"`
		Experimental string `json:"run_id"`
	}
	_ = json.Unmarshal(r.text, &answer) // only a run has an id
	return cmp.Or(answer.ID, answer.Experimental)
}

// times are when a run has started and ended, by the last answer: the run
// itself, or the experimental API's list, which has no end dates.
func (r *recorder) times(id string) (start, end time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	type run struct {
		ID    string `json:"run_id"`
		Start string `json:"start_date"`
		End   string `json:"end_date"`
	}
	var one run
	var all []run
	if json.Unmarshal(r.text, &one) != nil && json.Unmarshal(r.text, &all) == nil {
		for _, listed := range all {
			if listed.ID == id {
				one = listed
			}
		}
	}
	start, _ = time.Parse(time.RFC3339, one.Start) // a run that has not started has waited for nothing
	end, _ = time.Parse(time.RFC3339, one.End)
	return start, end
}

// recorder sends a step's own request in place of the client's, and keeps the last answer.
type recorder struct {
	base http.RoundTripper

	mu     sync.Mutex // guards all below
	step   step
	status int
	header http.Header
	text   []byte
}

func (r *recorder) reset(s step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step, r.status, r.header, r.text = s, 0, nil, nil
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	s := r.step
	r.mu.Unlock()
	body, err := s.bodyOf(req)
	if err != nil {
		return nil, err
	}
	resp, text, err := r.send(req, s, body)
	// Airflow 2 refuses a large body before it is sent, and closes the
	// connection: which of the two the client notices first is chance.
	for range 20 {
		if err == nil || len(body) < 1<<20 {
			break
		}
		resp, text, err = r.send(req, s, body)
	}
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.header, r.text = resp.StatusCode, resp.Header, text
	return resp, nil
}

// bodyOf is what the step sends: its own body, or the client's.
func (s step) bodyOf(req *http.Request) ([]byte, error) {
	if s.replace {
		return []byte(s.body), nil
	}
	if req.Body == nil {
		return nil, nil
	}
	return io.ReadAll(req.Body)
}

// send sends the request with that body, and reads the whole answer.
func (r *recorder) send(req *http.Request, s step, body []byte) (*http.Response, []byte, error) {
	req = req.Clone(req.Context())
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		req.Body = http.NoBody
	}
	for name, value := range s.header {
		req.Header.Set(name, value)
		if value == "" {
			req.Header.Del(name)
		}
	}
	resp, err := r.base.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(resp.Body)
	return resp, text, errors.Join(err, resp.Body.Close())
}

func (r *recorder) observed(p *play) observation {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.step.title == raceTitle || r.step.title == waitTitle && r.status == http.StatusOK { // which answers came is chance
		return observation{}
	}
	media, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	o := observation{status: r.status, media: media, header: map[string]string{}}
	for _, name := range []string{"Allow", "Deprecation", "Location", "Retry-After", "Www-Authenticate"} {
		if value := r.header.Get(name); value != "" {
			o.header[name] = value
		}
	}
	if media != "text/html" {
		o.body = p.normal(r.text)
	}
	return o
}

// String is the observation as failing tests show it, one fact a line.
func (o observation) String() string {
	lines := []string{"the client: " + o.meant, strings.TrimSpace(strconv.Itoa(o.status) + " " + o.media)}
	for _, name := range sorted(o.header) {
		lines = append(lines, name+": "+o.header[name])
	}
	return strings.Join(append(lines, o.body), "\n")
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// beside shows two texts side by side, with a mark where they differ.
func beside(left, right string) string {
	const width = 78
	a, b := strings.Split(left, "\n"), strings.Split(right, "\n")
	var out strings.Builder
	for i := range max(len(a), len(b)) {
		l, r := at(a, i), at(b, i)
		mark := " "
		if l != r {
			mark = "≠"
		}
		for l != "" || r != "" || mark != "" {
			fmt.Fprintf(&out, "%-*s %s %s\n", width, cut(&l, width), mark, cut(&r, width))
			mark = ""
		}
	}
	return out.String()
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// cut takes the next so many characters of a line.
func cut(line *string, width int) string {
	runes := []rune(*line)
	n := min(width, len(runes))
	*line = string(runes[n:])
	return string(runes[:n])
}
