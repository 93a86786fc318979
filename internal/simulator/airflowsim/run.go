// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"cmp"
	"slices"
	"time"
)

// dag is a DAG with its runs, under the two unique keys of the table dag_run:
// (dag_id, run_id) everywhere, and (dag_id, execution_date), logical_date in
// 3.x, where many a run without a date does not clash.
type dag struct {
	spec   DAG
	params []param
	parsed time.Time
	byID   map[string]*run
	byDate map[int64]*run // by UnixMicro
	pauses []pause
	// draining lasts until no run is queued or running; see finishDrain.
	draining bool
}

// run is a DAG run with what only the answers tell.
type run struct {
	Run
	serial        int // its place among all runs, from 1
	conf          *object
	from          time.Time // when it could start at the earliest
	dataInterval  [2]time.Time
	user, trigger string
}

type pause struct{ begin, end time.Time } // end is zero while it lasts

func newDAG() *dag { return &dag{byID: map[string]*run{}, byDate: map[int64]*run{}} }

func (d *dag) paused() bool {
	return len(d.pauses) > 0 && d.pauses[len(d.pauses)-1].end.IsZero()
}

// The scheduling states of a DAG: DagSchedulingState of airflow/utils/state.py (3.4).
const (
	activeState   = "active"
	drainingState = "draining"
	pausedState   = "paused"
)

func (d DAG) schedulingState() string {
	switch {
	case d.Paused:
		return pausedState
	case d.Draining:
		return drainingState
	}
	return activeState
}

func (d *dag) state() string {
	switch {
	case d.paused():
		return pausedState
	case d.draining:
		return drainingState
	}
	return activeState
}

// setState is DagModel.set_scheduling_state of airflow/models/dag.py.
func (d *dag) setState(state string, now time.Time) {
	d.draining = state == drainingState
	d.pause(state == pausedState, now)
}

// finishDrain pauses a draining DAG that has no unfinished run, as the
// scheduler does every 5 s (_finalize_draining_dags of scheduler_job_runner.py).
func (s *Server) finishDrain(d *dag) {
	if d == nil || !d.draining || s.config.NoScheduler {
		return
	}
	for _, r := range d.byID {
		if state, _, _ := s.state(r, s.now()); state != "success" && state != "failed" {
			return
		}
	}
	d.setState(pausedState, s.now())
}

func (d *dag) pause(paused bool, now time.Time) {
	switch {
	case paused == d.paused():
	case paused:
		d.pauses = append(d.pauses, pause{begin: now})
	default:
		d.pauses[len(d.pauses)-1].end = now
	}
}

// after is when work that begins at a time has gone on for so long, with the
// DAG's pauses taken out; false where a pause that lasts holds it.
func (d *dag) after(begin time.Time, work time.Duration) (time.Time, bool) {
	for _, p := range d.pauses {
		if !p.end.IsZero() && !p.end.After(begin) {
			continue
		}
		if !begin.Add(work).After(p.begin) {
			break
		}
		if p.end.IsZero() {
			return time.Time{}, false
		}
		work -= max(0, p.begin.Sub(begin))
		begin = p.end
	}
	return begin.Add(work), true
}

// clash finds the run that holds the run id or the logical date, the older of
// two, as SELECT ... WHERE run_id OR date LIMIT 1 meets them in PostgreSQL.
func (d *dag) clash(runID string, date time.Time) (first *run, both bool) {
	byID, byDate := d.byID[runID], d.onDate(date)
	switch {
	case byID == nil:
		return byDate, false
	case byDate == nil || byDate == byID:
		return byID, false
	}
	return slices.MinFunc([]*run{byID, byDate}, func(a, b *run) int { return cmp.Compare(a.serial, b.serial) }), true
}

// onDate is the run of a logical date, nil where there is none.
func (d *dag) onDate(date time.Time) *run {
	if date.IsZero() {
		return nil
	}
	return d.byDate[date.UnixMicro()]
}

// insert keeps a run whose keys do not clash. Until begin it waits.
func (s *Server) insert(d *dag, r *run, begin time.Time) {
	r.serial = len(s.runs) + 1
	r.from = r.Created
	if begin.After(r.from) {
		r.from = begin
	}
	s.runs = append(s.runs, r)
	d.byID[r.ID] = r
	if !r.LogicalDate.IsZero() {
		r.LogicalDate = r.LogicalDate.UTC()
		d.byDate[r.LogicalDate.UnixMicro()] = r
	}
}

// waitsFor is the date that holds a run of 1.10 and 2.11 back, unless
// allow_trigger_in_future (airflow/models/dagrun.py).
func (s *Server) waitsFor(logicalDate time.Time) time.Time {
	if s.config.AllowTriggerInFuture {
		return time.Time{}
	}
	return logicalDate
}

// state is a run's state by now, and its start and end, zero while there is none.
// On 1.10 a run is running as soon as it is made.
func (s *Server) state(r *run, now time.Time) (state string, start, end time.Time) {
	if s.config.Version == Airflow110 {
		state, start = "running", r.Created
	} else {
		state = "queued"
	}
	if s.config.NoScheduler {
		return state, start, end
	}
	d := s.dags[r.DAG]
	starts, ok := d.after(r.from, cmp.Or(s.config.QueuedFor, time.Second))
	if !ok || now.Before(starts) {
		return state, start, end
	}
	if start.IsZero() {
		start = starts
	}
	works := starts
	if s.config.Version.ServesV2() && r.LogicalDate.After(starts) {
		works = r.LogicalDate // it runs, and its tasks wait (scheduler_job_runner.py, _schedule_dag_run)
	}
	ends, ok := d.after(works, cmp.Or(s.config.RunFor, time.Second))
	if !ok || now.Before(ends) {
		return "running", start, end
	}
	if d.spec.Fails {
		return "failed", start, ends
	}
	return "success", start, ends
}
