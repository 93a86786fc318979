// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
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
	said := readSaid(q.api, resp)
	e := &Error{
		Kind:       kindOf(q, resp.StatusCode, said),
		API:        q.api,
		Status:     resp.StatusCode,
		MediaType:  mediaType(resp.Header),
		Source:     said.source,
		Front:      said.front,
		RetryAfter: RetryAfter(resp.Header, c.now()),
		Challenge:  challenge(resp.Header),
	}
	switch e.Kind {
	case Conflict, ServerFailure, Timeout:
		e.InDoubt = q.run != nil
	case Unexpected:
		e.InDoubt = q.run != nil && !isUnread(e.Status)
	}
	e.Said = sayRefusal(e, said, q, req.Header, resp)
	e.Hint = c.hint(e, c.version())
	return e
}

// isUnread reports whether a server that answers so has not passed the request on.
func isUnread(status int) bool {
	return slices.Contains([]int{400, 411, 414, 415, 417, 422, 431}, status)
}

// sayRefusal is what the error says of an answer: whose it is where it is not
// Airflow's, and its own words.
func sayRefusal(e *Error, said said, q ask, header http.Header, resp *http.Response) string {
	words, credentials := joined(said.title, said.detail), secretsOf(ask{}, header).header
	if e.Kind == LoginRedirect {
		return oneLine(joined("redirect to "+targetHost(resp), describeFront(e, resp, credentials)))
	}
	front := describeFront(e, resp, credentials)
	if e.Source == FromElsewhere && front == "" && e.MediaType == "text/html" {
		return "" // an older Airflow may have made it
	}
	return shorten(joined(front, quote(words, q, header)), MaxSaid)
}

// describeFront says who answered before Airflow, empty where it was Airflow or
// nothing shows it.
func describeFront(e *Error, resp *http.Response, credentials string) string {
	who := describe(e.Front, resp.Header, credentials)
	switch {
	case e.Source != FromElsewhere:
		return ""
	case e.Kind == Unexpected || e.Kind == TooLarge && e.Front != "":
		return joined("something before Airflow answered", who)
	case e.Front != "":
		return joined("answered by", who)
	}
	return ""
}

// joined joins two texts, of which either may be empty.
func joined(first, second string) string {
	switch {
	case first == "" || second == "":
		return first + second
	case first == "answered by":
		return first + " " + second
	}
	return first + ": " + second
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
	if said.source != FromAirflow && status != http.StatusRequestEntityTooLarge {
		return Unexpected // only Airflow's own words are a refusal
	}
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
		if said.begins("More than one DAG materializes asset") {
			return Invalid
		}
		// Without a logical date only the run id can clash on v2.
		if said.namesRun(q.run.RunID) || q.api == V2 && q.run.LogicalDate.IsZero() && said.title == "Unique constraint violation" {
			return RunExists
		}
		return Conflict
	}
	return Unexpected
}

// said is what an answer says of a refusal, and who says so.
type said struct {
	source        Source
	front         Front
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

// missing is what a 404 is about: the run and the DAG only in Airflow's own
// words, else the path, in any words.
func (s said) missing() Kind {
	switch {
	case s.begins("DAGRun with", "The DagRun with") && strings.Contains(s.text(), "not found"):
		return UnknownRun
	case s.begins("DAG with", "The DAG with", "Dag id ") && strings.Contains(s.text(), "not found"),
		s.begins("Unable to obtain dag with id"):
		return UnknownDAG
	case s.begins("Asset with ID", "Dataset with uri", "No DAG materializes asset"):
		return UnknownAsset
	}
	return APIAbsent
}

// faultsRequest recognises the experimental API's 500 for a request that can never
// pass: any AirflowException without its own status becomes one.
func (s said) faultsRequest() bool {
	return s.begins("Invalid input for param", "The provided run ID")
}

// faultsDuplicate recognises the 400 by which the experimental API means a conflict,
// in the words of 1.10 and of 2.
func (s said) faultsDuplicate() bool {
	return s.begins("Run id ", "A DAG Run already exists for DAG ") && strings.Contains(s.detail, "already exists")
}

// readSaid understands problem JSON (v1), FastAPI's detail as text, list or
// database error (v2), and {"error"} (experimental, and the 404s of Airflow 3).
// Of another answer it reads a short text.
func readSaid(api API, resp *http.Response) said {
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil {
		return said{source: FromElsewhere}
	}
	var answer map[string]json.RawMessage
	if isJSON(resp.Header) && json.Unmarshal(page, &answer) == nil && isAirflows(api, resp.StatusCode, answer) {
		s := readDetail(answer["detail"])
		if title := readText(answer["title"]); title != "" {
			s.title = title
		}
		s.source, s.detail = FromAirflow, cmp.Or(s.detail, readText(answer["error"]))
		return s
	}
	if detail, ok := beginOf(page); ok && isJSON(resp.Header) {
		return said{source: FromAirflow, detail: detail}
	}
	s := said{source: FromElsewhere, front: frontOf(resp.Header, page), detail: pageSaid(page, resp.StatusCode)}
	if s.front == FrontIAP {
		s.source, s.title = FromIAP, "IAP"
	}
	if len(s.detail) > maxPageSaid { // no message of a front is that long
		s.detail = ""
	}
	return s
}

// beginOf is the beginning of the detail of an answer that is longer than what
// is read of it: Airflow repeats a parameter's value, which may be large.
func beginOf(page []byte) (detail string, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(page, " \r\n"), []byte(`{"detail":`))
	rest, isText := bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte(`"`))
	if !ok || !isText || len(page) < maxRefusal {
		return "", false
	}
	detail, _, _ = strings.Cut(string(rest[:maxScanned]), `\`)
	return detail, true
}

// maxPageSaid bounds the text of a front's page that is quoted, in bytes.
const maxPageSaid = 300

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

// isJSON reports whether an answer says that it is JSON.
func isJSON(h http.Header) bool {
	media := mediaType(h)
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
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
