// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// experimentalRoutes are the paths of airflow/www_rbac/api/experimental/endpoints.py
// (1.10.15) and airflow/www/api/experimental/endpoints.py (2.11.2) that start
// and watch runs. They know no roles: who gets in may do everything.
func experimentalRoutes() []route {
	const api = "/api/experimental"
	guarded := func(serve func(*call) answer) func(*call) answer {
		return func(c *call) answer { return c.s.experimental(c, serve) }
	}
	return []route{
		{http.MethodPost, api + "/dags/{dag_id}/dag_runs", guarded(experimentalTrigger)},
		{http.MethodGet, api + "/dags/{dag_id}/dag_runs", guarded(experimentalRuns)},
		{http.MethodGet, api + "/dags/{dag_id}/dag_runs/{execution_date}", guarded(experimentalState)},
		{http.MethodGet, api + "/dags/{dag_id}/paused", guarded(experimentalPaused)},
		{http.MethodGet, api + "/dags/{dag_id}/paused/{paused}", guarded(experimentalPause)},
		{http.MethodGet, api + "/latest_runs", guarded(experimentalLatest)},
		{http.MethodGet, api + "/test", guarded(func(c *call) answer { return c.s.jsonify(http.StatusOK, obj("status", "OK")) })},
		{http.MethodGet, api + "/info", guarded(experimentalInfo)},
	}
}

// experimental lets a caller in, or not, before the body is looked at.
func (s *Server) experimental(c *call, serve func(*call) answer) answer {
	a, ok := s.experimentalAuth(c.Request)
	if ok {
		a = serve(c)
	}
	if s.config.Version == Airflow110 {
		return a
	}
	return deprecated(a)
}

// experimentalAuth is requires_authentication of the API's only backend:
// airflow/contrib/auth/backends/password_auth.py and airflow/api/auth/backend/
// deny_all.py on 1.10, their like in the FAB provider on 2.11.
func (s *Server) experimentalAuth(req *http.Request) (answer, bool) {
	plain := func(status int, text string) answer {
		return answer{status: status, mediaType: html, body: []byte(text)}
	}
	_, known := s.basicUser(req)
	given := req.Header.Get("Authorization") != ""
	unauthorized := plain(http.StatusUnauthorized, "Unauthorized")
	switch old := s.config.Version == Airflow110; {
	case s.config.Auth == AuthDenyAll && old:
		return plain(http.StatusForbidden, "Forbidden"), false
	case s.config.Auth == AuthDenyAll:
		return unauthorized, false
	case s.config.Auth == AuthOpen || known:
		return answer{}, true
	case old && given:
		return plain(http.StatusForbidden, "Forbidden"), false
	case old || given:
		return unauthorized.with("WWW-Authenticate", "Basic"), false
	}
	return answer{}, true // 2.11 with basic_auth alone lets callers without credentials pass
}

// deprecated adds what every answer of the experimental API carries on 2.x.
func deprecated(a answer) answer {
	return a.with("Deprecation", "true").with("Link",
		"<https://airflow.apache.org/docs/apache-airflow/"+Airflow211.Release()+
			"/upgrading-to-2.html#migration-guide-from-experimental-api-to-stable-api-v1>; rel=\"deprecation\"; type=\"text/html\"")
}

// jsonify is Flask's.
func (s *Server) jsonify(status int, v any) answer {
	st := flask2Style
	if s.config.Version == Airflow110 {
		st = flask1Style
	}
	return answer{status: status, mediaType: "application/json", body: st.encode(v)}
}

func (s *Server) experimentalError(status int, text string) answer {
	return s.jsonify(status, obj("error", text))
}

// noDAG is DagNotFound. A stale DAG has a row, and no serialized form any more.
func (c *call) noDAG() (string, bool) {
	switch d := c.dag(); {
	case d == nil:
		return "Dag id " + c.vars["dag_id"] + " not found in DagModel", true
	case d.spec.Stale:
		return "Dag id " + c.vars["dag_id"] + " not found", true
	}
	return "", false
}

func experimentalInfo(c *call) answer {
	if c.s.config.Version == Airflow110 {
		return lotsOfCircles // 2.x only
	}
	return c.s.jsonify(http.StatusOK, obj("version", Airflow211.Release()))
}

// experimentalRuns lists by execution date; limit and the like are not known.
func experimentalRuns(c *call) answer {
	c.unsimulated("state")
	if text, missing := c.noDAG(); missing {
		return c.s.experimentalError(http.StatusBadRequest, text)
	}
	want := strings.ToLower(c.URL.Query().Get("state"))
	if c.s.config.Version == Airflow211 && want != "" && !isState(want) {
		return ooops(Airflow211) // ValueError: not a valid DagRunState
	}
	list := []any{}
	for _, r := range slices.SortedStableFunc(slices.Values(c.s.runsOf(c.vars["dag_id"])), byLogicalDate) {
		state, start, _ := c.s.state(r, c.now)
		if want == "" || want == state {
			list = append(list, obj("id", r.serial, "run_id", r.ID, "state", state, "dag_id", r.DAG,
				"execution_date", iso(r.LogicalDate), "start_date", orEmpty(iso(start)), "dag_run_url", c.s.runURL(r)))
		}
	}
	return c.s.jsonify(http.StatusOK, list)
}

func (s *Server) runsOf(dagID string) []*run {
	return slices.DeleteFunc(slices.Clone(s.runs), func(r *run) bool { return dagID != "~" && r.DAG != dagID })
}

func byLogicalDate(a, b *run) int { return a.LogicalDate.Compare(b.LogicalDate) }

func isState(name string) bool {
	return slices.Contains([]string{"queued", "running", "success", "failed"}, name)
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

// runURL is url_for of the graph view.
func (s *Server) runURL(r *run) string {
	date := strings.TrimSuffix(isoformat(r.LogicalDate, "+"), "+00:00") + "%2B00:00"
	if s.config.Version == Airflow110 {
		return "/graph?dag_id=" + r.DAG + "&execution_date=" + strings.ReplaceAll(date, ":", "%3A")
	}
	return "/dags/" + r.DAG + "/graph?execution_date=" + date
}

// experimentalState is the state of the run of an execution date: there is no look-up by run id.
func experimentalState(c *call) answer {
	date, ok := parseLoose(c.vars["execution_date"])
	if !ok {
		return c.noDate(c.vars["execution_date"])
	}
	if text, missing := c.noDAG(); missing {
		return c.s.experimentalError(http.StatusNotFound, text)
	}
	r := c.dag().onDate(date)
	if r == nil {
		sep := map[bool]string{true: "T", false: " "}[c.s.config.Version == Airflow110]
		return c.s.experimentalError(http.StatusNotFound, "Dag Run for date "+isoformat(date, sep)+" not found in dag "+c.vars["dag_id"])
	}
	state, _, _ := c.s.state(r, c.now)
	return c.s.jsonify(http.StatusOK, obj("state", state))
}

func (c *call) noDate(text string) answer {
	return c.s.experimentalError(http.StatusBadRequest,
		"Given execution date, "+text+", could not be identified as a date. Example date format: 2015-11-16T14:34:15+00:00")
}

func experimentalPaused(c *call) answer {
	if c.dag() == nil {
		return ooops(c.s.config.Version) // AttributeError on None
	}
	return c.s.jsonify(http.StatusOK, obj("is_paused", c.dag().paused()))
}

func experimentalPause(c *call) answer {
	if c.dag() == nil {
		return ooops(c.s.config.Version)
	}
	c.dag().pause(c.vars["paused"] == "true", c.now)
	return c.s.jsonify(http.StatusOK, obj("response", "ok"))
}

// experimentalLatest is the run with the latest execution date of each DAG.
func experimentalLatest(c *call) answer {
	items := []any{}
	for _, dagID := range c.s.order {
		runs := c.s.runsOf(dagID)
		if len(runs) == 0 {
			continue
		}
		r := slices.MaxFunc(runs, byLogicalDate)
		_, start, _ := c.s.state(r, c.now)
		items = append(items, obj("dag_id", r.DAG, "execution_date", iso(r.LogicalDate),
			"start_date", orEmpty(iso(start)), "dag_run_url", c.s.runURL(r)))
	}
	return c.s.jsonify(http.StatusOK, obj("items", items))
}

// parseLoose reads a date as pendulum does where it is given some: ISO 8601
// down to the year, in UTC where there is no zone.
func parseLoose(text string) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
		"2006-01-02T15:04", "2006-01-02", "20060102T150405", "2006-01", "2006",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Truncate(time.Microsecond), true
		}
	}
	return time.Time{}, false
}

// created is what the experimental API says of a new run: str(dag_run).
func (s *Server) created(r *run, date time.Time, given bool) string {
	if s.config.Version == Airflow110 {
		sep := map[bool]string{true: "T", false: " "}[given] // pendulum prints a T, datetime none
		return fmt.Sprintf("Created <DagRun %s @ %s: %s, externally triggered: True>", r.DAG, isoformat(date, sep), r.ID)
	}
	return fmt.Sprintf("Created <DagRun %s @ %s: %s, state:queued, queued_at: %s. externally triggered: True>",
		r.DAG, isoformat(date, " "), r.ID, isoformat(r.Created, " "))
}
