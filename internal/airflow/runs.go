// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// RunsQuery chooses among a DAG's runs.
type RunsQuery struct {
	States []string // queued, running, success, failed; empty for all
	// StartedBy chooses runs that started at that time or before; zero for all.
	StartedBy time.Time
	// Limit is how many runs to give back; 0 stands for 100, the most that a
	// server gives at once unless it is set otherwise.
	Limit, Offset int
	// LogicalDate chooses the run of that date; zero for any.
	LogicalDate time.Time
	// Prefix is what the run ids begin with; empty for any. It is advice: v2 leaves out
	// most other runs from 3.1, and nothing before it any.
	Prefix string
	// Newest begins with the run that was created last. The experimental API knows the
	// logical date alone, by which it is then sorted.
	Newest bool
}

// filterIDs has v2 choose by the run id. A prefix is found by an index from 3.2.2, but only
// up to its last letter or digit, and in a database that sorts without regard to
// punctuation not even that is safe where a run id has punctuation next
// (airflow/api_fastapi/common/parameters.py, _PrefixPatternParam). Airflow 3.0 ignores both.
func (q RunsQuery) filterIDs(values url.Values, version string) {
	switch {
	case q.Prefix == "":
	case !before(version, "3.2.2") && isAlphanumeric(q.Prefix[len(q.Prefix)-1]):
		values.Set("run_id_prefix_pattern", q.Prefix)
	default:
		values.Set("run_id_pattern", q.Prefix)
	}
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func (q RunsQuery) limit() int {
	if q.Limit <= 0 {
		return maxPage
	}
	return q.Limit
}

// includes reports whether a run has the dates that the query names.
func (q RunsQuery) includes(r DAGRun) bool {
	if !q.LogicalDate.IsZero() && !r.LogicalDate.Equal(q.LogicalDate.Truncate(time.Microsecond)) {
		return false
	}
	return q.StartedBy.IsZero() || !r.StartDate.IsZero() && !r.StartDate.After(q.StartedBy)
}

// Runs are runs of a DAG, and how many there are in all.
type Runs struct {
	Runs  []DAGRun
	Total int
}

// Runs asks for a DAG's runs. States and Newest need Airflow 2.1 on v1. On the
// experimental API, which has no pages, the choice is made here.
func (c *Client) Runs(ctx context.Context, dagID string, query RunsQuery) (Runs, error) {
	if err := checkDAGID(dagID); err != nil {
		return Runs{}, err
	}
	d, err := c.webServer(ctx)
	if err != nil {
		return Runs{}, err
	}
	if d.api == Experimental {
		return c.listRuns(ctx, dagID, query)
	}
	values := url.Values{"state": query.States, "limit": {strconv.Itoa(query.limit())}}
	if !query.StartedBy.IsZero() {
		values.Set("start_date_lte", query.StartedBy.UTC().Format(time.RFC3339Nano))
	}
	if query.Newest {
		values.Set("order_by", "-id")
	}
	if query.Prefix != "" && d.api == V2 {
		query.filterIDs(values, c.knownVersion(ctx, d))
	}
	if query.Offset > 0 {
		values.Set("offset", strconv.Itoa(query.Offset))
	}
	if !query.LogicalDate.IsZero() {
		name := map[API]string{V1: "execution_date", V2: "logical_date"}[d.api]
		date := query.LogicalDate.UTC().Format(microseconds)
		values.Set(name+"_gte", date)
		values.Set(name+"_lte", date)
	}
	path := runsPath(d.api, dagID) + "?" + values.Encode()
	var answer struct {
		Runs  []wireRunWithConf `json:"dag_runs"`
		Total *int              `json:"total_entries"`
	}
	if err := c.get(ctx, d.api, path, &answer, func() bool { return answer.Total != nil }); err != nil {
		return Runs{}, err
	}
	runs := Runs{Total: *answer.Total}
	for _, r := range answer.Runs {
		runs.Runs = append(runs.Runs, r.run())
	}
	return runs, nil
}

// listRuns asks the experimental API once for each state: it filters by one,
// and a list without a filter has every run that there ever was.
func (c *Client) listRuns(ctx context.Context, dagID string, query RunsQuery) (Runs, error) {
	states := query.States
	if len(states) == 0 {
		states = []string{""}
	}
	var all []DAGRun
	choose := func(run DAGRun) bool {
		if query.includes(run) {
			all = append(all, run)
		}
		return true
	}
	for _, state := range states {
		q := ask{api: Experimental, method: http.MethodGet, path: runsPath(Experimental, dagID)}
		if state != "" {
			q.path += "?state=" + url.QueryEscape(state)
		}
		_, err := do(ctx, c, q, func(b *body) (none struct{}, err error) { return none, eachListed(b, choose) })
		if err != nil {
			return Runs{}, err
		}
	}
	if query.Newest {
		slices.SortStableFunc(all, func(a, b DAGRun) int { return b.LogicalDate.Compare(a.LogicalDate) })
	}
	begin := min(query.Offset, len(all))
	return Runs{Runs: all[begin:min(begin+query.limit(), len(all))], Total: len(all)}, nil
}

// findListed looks for a run in the experimental API's list.
func (c *Client) findListed(ctx context.Context, q ask, dagID, runID string) (DAGRun, error) {
	var found DAGRun
	choose := func(run DAGRun) bool {
		if run.DAGID == dagID && run.RunID == runID {
			found = run
		}
		return found.RunID == ""
	}
	_, err := do(ctx, c, q, func(b *body) (none struct{}, err error) { return none, eachListed(b, choose) })
	if err == nil && found.RunID == "" {
		e := &Error{Kind: UnknownRun, API: Experimental, Said: "the DAG's list of runs does not have it"}
		e.Hint = hint(e, "", "")
		return DAGRun{}, e
	}
	return found, err
}
