// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/dagtrigger/internal/operator/delivery"
)

// whole is the whole story of an event.
type whole struct {
	Row
	Headers []delivery.Header `json:"headers"`
	Body    string            `json:"body"`
	// Note says why a part is missing.
	Note        string      `json:"note,omitempty"`
	Explanation []Explained `json:"explanation"`
	Calls       []call      `json:"calls"`
	Response    string      `json:"response"`
	Lines       []string    `json:"lines"`
}

// event sends the story of an event.
func (p *Page) event(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		fail(w, http.StatusBadRequest, errors.New("an event has a number"))
		return
	}
	k := p.recorder.find(number)
	if k == nil {
		fail(w, http.StatusNotFound, fmt.Errorf("the event %d is not kept: the page keeps the last %d", number, MaxEvents))
		return
	}
	t := whole{Row: k.Row, Headers: shownHeaders(k.story.header)}
	k.story.mu.Lock()
	body, hasBody := k.story.body, k.story.hasBody
	t.Response = k.story.response
	t.Calls, t.Lines = slices.Clone(k.story.calls), slices.Clone(k.story.lines)
	k.story.mu.Unlock()
	t.only()
	switch {
	case hasBody:
		t.Body = text(body)
		t.explain(r, k.story, body)
	case p.Log == "":
		t.Note = "the request's body is not kept: it is too large, or too many came after it"
	default:
		t.Note = "a log has no envelope: Try shows what the routes make of the event today"
	}
	answer(w, t)
}

// explain adds what the routes made of the event, by those in force when it came.
func (t *whole) explain(r *http.Request, s *story, body []byte) {
	request := delivery.Request{Body: body}
	for name, values := range s.header {
		for _, value := range values {
			request.Header = append(request.Header, delivery.Header{Name: name, Value: value})
		}
	}
	all, err := s.explain(r.Context(), request)
	if err != nil {
		t.Note = err.Error()
	}
	for _, e := range all {
		if len(all) == 1 || e.EventID == t.ID {
			t.Explanation = append(t.Explanation, e)
		}
	}
}

// only leaves out what is about other events of the same batch.
func (t *whole) only() {
	if t.ID == "" {
		return
	}
	t.Lines = slices.DeleteFunc(t.Lines, func(line string) bool {
		return strings.Contains(line, `"event_id":`) && !strings.Contains(line, `"event_id":`+quoted(t.ID))
	})
	t.Calls = slices.DeleteFunc(t.Calls, func(c call) bool {
		return strings.Contains(c.Body, `"dag_run_id":`) && !slices.ContainsFunc(t.Outcomes, func(o Outcome) bool {
			return o.RunID != "" && strings.Contains(c.Body, quoted(o.RunID))
		})
	})
}

// text is a body as text, or in base64 where it is none.
func text(body []byte) string {
	if utf8.Valid(body) {
		return string(body)
	}
	return "base64: " + base64.StdEncoding.EncodeToString(body)
}
