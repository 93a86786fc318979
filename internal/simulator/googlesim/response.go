// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// interceptor lets a test answer requests in place of the simulator, and records them.
type interceptor struct {
	guard    sync.Mutex
	answer   func(w http.ResponseWriter, r *http.Request) bool
	failing  []int
	message  string
	requests []string
}

// Intercept gives each further request to answer, which answers it by
// returning true. Nil ends it.
func (i *interceptor) Intercept(answer func(w http.ResponseWriter, r *http.Request) bool) {
	i.guard.Lock()
	defer i.guard.Unlock()
	i.answer = answer
}

// FailNext refuses the next requests, one with each status, as a throttled or
// broken service does.
func (i *interceptor) FailNext(message string, statuses ...int) {
	i.guard.Lock()
	defer i.guard.Unlock()
	i.message, i.failing = message, slices.Clone(statuses)
}

// Requests returns the requests so far, each as METHOD PATH.
func (i *interceptor) Requests() []string {
	i.guard.Lock()
	defer i.guard.Unlock()
	return slices.Clone(i.requests)
}

// ForgetRequests empties [interceptor.Requests].
func (i *interceptor) ForgetRequests() {
	i.guard.Lock()
	defer i.guard.Unlock()
	i.requests = nil
}

func (i *interceptor) intercepted(w http.ResponseWriter, r *http.Request) bool {
	i.guard.Lock()
	i.requests = append(i.requests, r.Method+" "+r.URL.Path)
	answer, message, status := i.answer, i.message, 0
	if len(i.failing) > 0 {
		status, i.failing = i.failing[0], i.failing[1:]
	}
	i.guard.Unlock()
	if status != 0 {
		Refuse(w, status, message)
		return true
	}
	return answer != nil && answer(w, r)
}

func unknown(report func(*http.Request), w http.ResponseWriter, r *http.Request) {
	report(r)
	apiError(w, http.StatusNotFound, "NOT_FOUND", "", "googlesim has no answer to this")
}

// Refuse writes an error of Google's JSON APIs:
// https://cloud.google.com/storage/docs/json_api/v1/status-codes
func Refuse(w http.ResponseWriter, status int, message string) {
	one := map[string]any{"message": message, "domain": "global", "reason": http.StatusText(status)}
	writeJSON(w, status, string(encodeJSON(map[string]any{
		"error": map[string]any{"code": status, "message": message, "errors": []any{one}},
	})))
}

// encodeJSON encodes text, numbers, decoded JSON, and lists, maps and structs of them,
// none of which json.Marshal has an error for.
func encodeJSON(v any) json.RawMessage {
	text, _ := json.Marshal(v)
	return text
}

// writeFields writes the part of a resource that the request's "fields" select,
// all of it without them: https://cloud.google.com/storage/docs/json_api#partial-response
func writeFields(w http.ResponseWriter, r *http.Request, resource json.RawMessage) {
	fields := r.URL.Query().Get("fields")
	if fields == "" {
		writeJSON(w, http.StatusOK, string(resource))
		return
	}
	mask, rest := parseFields(fields)
	if rest != "" {
		Refuse(w, http.StatusBadRequest, "Invalid field selection "+fields)
		return
	}
	writeJSON(w, http.StatusOK, string(selected(resource, mask)))
}

// fieldMask is what is selected of an object, or of each object of a list. An
// empty one selects all.
type fieldMask map[string]fieldMask

// parseFields parses a selection as a(b,c),d, up to its end or a closing parenthesis.
func parseFields(text string) (mask fieldMask, rest string) {
	mask = fieldMask{}
	for {
		end := strings.IndexAny(text, ",()")
		if end < 0 {
			mask[text] = nil
			return mask, ""
		}
		name, next := text[:end], text[end:]
		mask[name] = nil
		if next[0] == '(' {
			mask[name], next = parseFields(next[1:])
			next = strings.TrimPrefix(next, ")")
		}
		if !strings.HasPrefix(next, ",") {
			return mask, next
		}
		text = next[1:]
	}
}

func selected(value json.RawMessage, mask fieldMask) json.RawMessage {
	var list []json.RawMessage
	if len(mask) == 0 {
		return value
	}
	if json.Unmarshal(value, &list) == nil {
		for i := range list {
			list[i] = selected(list[i], mask)
		}
		return encodeJSON(list)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return value
	}
	maps.DeleteFunc(object, func(name string, _ json.RawMessage) bool { _, ok := mask[name]; return !ok })
	for name, member := range object {
		object[name] = selected(member, mask[name])
	}
	return encodeJSON(object)
}
