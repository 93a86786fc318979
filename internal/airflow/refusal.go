// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal makes an Error of an answer that is no 2xx: the one place where a
// status becomes a kind.
func (c *Client) refusal(q ask, req *http.Request, resp *http.Response) *Error {
	said := readSaid(resp)
	e := &Error{
		Kind:       kindOf(q, resp.StatusCode, said),
		Dialect:    q.api,
		Status:     resp.StatusCode,
		MediaType:  mediaType(resp.Header),
		Source:     source(resp.Header),
		RetryAfter: RetryAfter(resp.Header, c.now()),
		Challenge:  challenge(resp.Header),
	}
	switch e.Kind {
	case LoginRedirect:
		said.title, said.detail = "redirect to "+targetHost(resp), ""
	case Conflict, ServerFailure, Timeout, Unexpected:
		e.InDoubt = q.run != nil
	}
	e.Said = quote(said.title, said.detail, q.run, req.Header)
	e.Hint = c.hint(e, c.version())
	return e
}

// kindOf is the table of what each status means, from Airflow's own code: see
// the tests for every row. A question (q.run nil) holds nothing of an event, so
// that no refusal of one is the event's fault.
func kindOf(q ask, status int, said said) Kind {
	experimental := q.api == Experimental
	switch {
	case status/100 == 3:
		return LoginRedirect
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusNotFound:
		return said.missing()
	case experimental && q.run == nil && status == http.StatusBadRequest && said.missing() == UnknownDAG:
		return UnknownDAG // its list of runs answers so
	case status == http.StatusMethodNotAllowed:
		return APIAbsent
	case status == http.StatusRequestTimeout:
		return Timeout
	case status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return Throttled
	case experimental && q.run != nil && status == http.StatusInternalServerError && said.faultsRequest():
		return Invalid
	case status >= http.StatusInternalServerError:
		return ServerFailure
	case q.run == nil:
		return Unexpected
	}
	return kindOfTrigger(q, status, said)
}

func kindOfTrigger(q ask, status int, said said) Kind {
	switch status {
	case http.StatusBadRequest:
		switch {
		case q.api == Experimental && said.faultsDuplicate():
			return Conflict
		case said.begins("DAG with dag_id: '" + q.run.DAGID + "' has import errors"):
			return BrokenDAG
		}
		return Invalid
	case http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return Invalid
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusConflict:
		// Without a logical date only the run id can clash on v2.
		if said.namesRun(q.run.RunID) || q.api == V2 && q.run.LogicalDate.IsZero() && said.title == "Unique constraint violation" {
			return RunExists
		}
		return Conflict
	}
	return Unexpected
}

// said is what an answer says of a refusal, in JSON of a shape that Airflow uses.
type said struct {
	title, detail string
	database      string // the database's own error, which may repeat the conf; hidden from 3.2
}

// namesRun reports whether a conflict is one of the run id asked for: v1 says
// so (post_dag_run in airflow/api_connexion/endpoints/dag_run_endpoint.py), v2
// by the key that PostgreSQL, MySQL or SQLite found taken.
func (s said) namesRun(id string) bool {
	return strings.Contains(s.detail, "DAGRun ID: '"+id+"' already exists") ||
		strings.Contains(s.database, "dag_run_dag_id_run_id_key") || strings.Contains(s.database, "dag_run.dag_id, dag_run.run_id")
}

// text is the detail, or the title where v1 gives nothing else, as its PATCH of an unknown DAG.
func (s said) text() string { return cmp.Or(s.detail, s.title) }

// begins ignores case: "DAG" became "Dag" in Airflow 3.
func (s said) begins(with ...string) bool {
	text := s.text()
	return slices.ContainsFunc(with, func(w string) bool {
		return len(text) >= len(w) && strings.EqualFold(text[:len(w)], w)
	})
}

// missing tells what a 404 is about: the run and the DAG only in Airflow's own
// words, else the path, whoever says so.
func (s said) missing() Kind {
	switch {
	case s.begins("DAGRun with", "The DagRun with") && strings.Contains(s.text(), "not found"):
		return UnknownRun
	case s.begins("DAG with", "The DAG with", "Dag id ") && strings.Contains(s.text(), "not found"),
		s.begins("Unable to obtain dag with id"):
		return UnknownDAG
	}
	return APIAbsent
}

// faultsRequest tells the experimental API's 500 for a request that can never
// pass: any AirflowException without a status of its own becomes one.
func (s said) faultsRequest() bool {
	return s.begins("Invalid input for param", "The provided run ID")
}

// faultsDuplicate tells the 400 by which the experimental API means a conflict,
// in the words of 1.10 and of 2.
func (s said) faultsDuplicate() bool {
	return s.begins("Run id ", "A DAG Run already exists for DAG ") && strings.Contains(s.detail, "already exists")
}

// readSaid understands problem JSON (v1), FastAPI's detail as text, list or
// database error (v2), and {"error"} (experimental, and the 404s of Airflow 3).
func readSaid(resp *http.Response) said {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil {
		return said{}
	}
	switch source(resp.Header) {
	case FromIAP: // one plain sentence, whatever its media type
		if len(text) > MaxSaid || strings.ContainsRune(string(text), '<') {
			return said{}
		}
		return said{title: "IAP", detail: string(text)}
	case FromElsewhere:
		return front(resp.Header, plainText(resp.Header, text))
	}
	var answer map[string]json.RawMessage
	_ = json.Unmarshal(text, &answer)
	s := readDetail(answer["detail"])
	if title := readText(answer["title"]); title != "" {
		s.title = title
	}
	if s.detail == "" {
		s.detail = readText(answer["error"])
	}
	if s == (said{}) { // in no shape of Airflow's: Kong, AWS
		return front(resp.Header, readText(answer["message"]))
	}
	return s
}

// plainText is a short answer in plain text, such as Istio's.
func plainText(h http.Header, text []byte) string {
	const longest = 200
	if mediaType(h) != "text/plain" || len(text) > longest || strings.ContainsRune(string(text), '<') {
		return ""
	}
	return string(text)
}

// front is what something before Airflow says, who it is, and what it wants.
// None of it is Airflow's detail, by which an answer is classified.
func front(h http.Header, words string) said {
	var parts []string
	for _, part := range []string{words, h.Get("Server")} {
		if part = strings.TrimSpace(part); part != "" && len(part) <= MaxSaid {
			parts = append(parts, part)
		}
	}
	if scheme := challenge(h); scheme != "" {
		parts = append(parts, "WWW-Authenticate: "+scheme)
	}
	return said{title: strings.Join(parts, ", ")}
}

// readDetail leaves out what repeats the request: a list's "input", a database
// error's statement and parameters.
func readDetail(detail json.RawMessage) said {
	var database struct {
		Reason, Message string
		Error           string `json:"orig_error"`
	}
	if json.Unmarshal(detail, &database) == nil {
		return said{title: database.Reason, detail: database.Message, database: database.Error}
	}
	var faults []struct {
		Loc []any
		Msg string
	}
	if json.Unmarshal(detail, &faults) != nil {
		return said{detail: readText(detail)}
	}
	var texts []string
	for _, f := range faults {
		where := strings.Trim(strings.ReplaceAll(fmt.Sprint(f.Loc), " ", "."), "[]")
		texts = append(texts, where+": "+f.Msg)
	}
	return said{detail: strings.Join(texts, "; ")}
}

// readText gives a JSON string's text, and nothing of any other value.
func readText(value json.RawMessage) (text string) {
	_ = json.Unmarshal(value, &text)
	return text
}

// source tells who answered. Google's proxy marks what it answers itself
// (https://cloud.google.com/iap/docs/faq).
func source(h http.Header) Source {
	media := mediaType(h)
	switch {
	case strings.EqualFold(h.Get("X-Goog-IAP-Generated-Response"), "true"):
		return FromIAP
	case media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"):
		return FromAirflow
	}
	return FromElsewhere
}

// challenge is the scheme that an answer wants, empty where it names none.
func challenge(h http.Header) string {
	scheme, _, _ := strings.Cut(h.Get("WWW-Authenticate"), " ")
	isLetter := func(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }
	if len(scheme) > 20 || strings.ContainsFunc(scheme, func(r rune) bool { return !isLetter(r) }) {
		return ""
	}
	return scheme
}

// mediaType is empty where the header has none that is well formed.
func mediaType(h http.Header) string {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || len(media) > 100 || !strings.Contains(media, "/") {
		return ""
	}
	return media
}

// targetHost never tells a redirect's path or query, which hold a login's state.
func targetHost(resp *http.Response) string {
	target, err := url.Parse(resp.Header.Get("Location"))
	switch {
	case err != nil:
		return "an address that cannot be read"
	case target.Host == "":
		return "the same host"
	}
	return target.Host
}

// RetryAfter reads how long a server asks to be left alone, in seconds or as a
// date (RFC 9110, section 10.2.3): at most a day, zero where it does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	wait := 24 * time.Hour
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = min(wait, time.Duration(min(seconds, 1<<20))*time.Second)
	} else if date, err := http.ParseTime(text); err == nil {
		wait = min(wait, date.Sub(now))
	} else {
		return 0
	}
	return max(wait, 0)
}
