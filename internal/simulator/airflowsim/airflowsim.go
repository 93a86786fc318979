// SPDX-License-Identifier: Apache-2.0

// Package airflowsim implements the embedded Airflow: an [http.Handler], in memory,
// that answers like the web server of Airflow 1.10.15 (the experimental API),
// 2.11.2 (v1, and the experimental API where it is enabled), 3.3.2 and 3.4.0b2 (v2).
// Tests, the demo and a laptop meet it where they would meet the real one.
//
// Statuses, media types and bodies are those that the real web servers gave,
// on PostgreSQL, to the same requests; each rule names its source.
// Runs move from queued through running to success or failed by the clock of [Config];
// the state is computed on each request, without a goroutine.
// [Server.Inject] makes it fail on request.
//
// What it does not do, where the real one would:
//   - It runs no task and knows no schedule but that of an asset: max_active_runs
//     holds nothing back, and each event of an asset starts a run of each DAG that
//     waits for it, where an Airflow before 3.4 may make one run of several.
//   - JSON is read by Go's rules: NaN and Infinity are invalid here, while
//     Airflow takes them; half a surrogate pair becomes U+FFFD on 1.10 and 2.11.
//   - Params know a part of JSON Schema, see [DAG.Params].
//   - Where the real one answers a race of one run id with an odd 500, here
//     the others get the answer for a duplicate.
//
// It shares no wire type with the client that it tests, so that a
// misspelt field cannot cancel out; it imports nothing of this module.
package airflowsim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Version is the Airflow that a [Server] answers like.
type Version string

// The versions, named by their minor release.
const (
	Airflow110 Version = "1.10" // 1.10.15: the experimental API
	Airflow211 Version = "2.11" // 2.11.2: v1, and the experimental API on request
	Airflow33  Version = "3.3"  // 3.3.2: v2
	Airflow34  Version = "3.4"  // 3.4.0b2: v2, with draining DAGs and reserved conf keys
)

// Release is the release in full, as the version endpoints return it.
func (v Version) Release() string {
	return map[Version]string{Airflow110: "1.10.15", Airflow211: "2.11.2", Airflow33: "3.3.2", Airflow34: "3.4.0b2"}[v]
}

// ServesV2 reports whether the version serves v2.
func (v Version) ServesV2() bool { return v == Airflow33 || v == Airflow34 }

// Config is what a [Server] is made of. Only Version is required.
type Config struct {
	Version Version
	// Auth is how callers are authenticated; the zero value is [AuthDenyAll] on
	// 1.10, [AuthBasic] on 2.11 and [AuthToken] on 3.3.
	Auth  Auth
	Users []User
	// PublicRole is what v1 grants a caller whom Auth does not know:
	// AUTH_ROLE_PUBLIC of webserver_config.py. Empty grants nothing.
	PublicRole Role
	// ExperimentalAPI is [api] enable_experimental_api, off by default on
	// 2.11; 1.10 always has the API.
	ExperimentalAPI bool
	// DAGs are there from the start; [Server.AddDAG] adds more.
	DAGs []DAG
	// Assets are the assets, datasets on 2.11.
	Assets []Asset

	// QueuedFor and RunFor are how long a run stays in each state; zero stands for a second.
	QueuedFor, RunFor time.Duration
	// NoScheduler leaves every run as it was made, as the web server alone does.
	NoScheduler bool
	// AllowTriggerInFuture is [scheduler] allow_trigger_in_future of 1.10 and
	// 2.11: without it a run whose logical date lies ahead waits for that date.
	AllowTriggerInFuture bool
	// TokenTTL is [api_auth] jwt_expiration_time of 3.3; zero stands for its default, a day.
	TokenTTL time.Duration

	// Now is the clock; nil stands for time.Now. Times are kept in microseconds.
	Now func() time.Time
	// Unknown gets every request that no version of Airflow answers here, and
	// each with a query parameter that is not simulated; a test fails there. The request is answered all the same, as Airflow
	// answers an unknown path. It may be called concurrently.
	Unknown func(*http.Request)
}

// DAG is a DAG that the scheduler has parsed, or was unable to.
type DAG struct {
	ID     string
	Paused bool
	// Params is a JSON object of name to JSON Schema, in the DAG's order. A
	// schema's "default" is the param's default; without one conf must bring a
	// value. See the type schema for the keywords that are known.
	Params string
	// ImportError is the stack trace of a file that no longer parses. v1 and
	// v2 refuse to trigger such a DAG; the experimental API runs what it last knew.
	ImportError string
	// Stale is a DAG whose file is gone: known to reads, unknown to triggers.
	Stale bool
	// StartDate is default_args' start_date. The experimental API refuses an
	// earlier date; v2 makes a run of no tasks.
	StartDate time.Time
	// Draining is a DAG whose scheduling_state is draining (3.4): it starts no
	// scheduled run, and is paused once no run is queued or running.
	Draining bool
	// Partitioned is a DAG whose schedule has partitions (3.2 and later): it takes
	// a partition key, and only the asset events that have one.
	Partitioned bool
	// NoManualRuns is a DAG whose allowed_run_types lack manual (3.2 and later).
	NoManualRuns bool
	// Fails has its runs end as failed.
	Fails bool
}

// Server is an embedded Airflow. It is safe for concurrent use.
type Server struct {
	config  Config
	started time.Time
	routes  []route
	faults  faults

	mu     sync.Mutex // guards all below
	secret []byte
	dags   map[string]*dag
	order  []string // of the DAGs, as they came
	runs   []*run
	events []*assetEvent
	serial int // of the ids by which v2 points into its log
}

// New makes a Server, or says what is wrong with the config.
func New(config Config) (*Server, error) {
	if config.Version.Release() == "" {
		return nil, fmt.Errorf("making an embedded Airflow: unknown version %q; choose 1.10, 2.11, 3.3 or 3.4", config.Version)
	}
	if config.Auth == "" {
		config.Auth = map[Version]Auth{
			Airflow110: AuthDenyAll, Airflow211: AuthBasic, Airflow33: AuthToken, Airflow34: AuthToken,
		}[config.Version]
	}
	if !config.Auth.fits(config.Version) {
		return nil, fmt.Errorf(
			"making an embedded Airflow: Airflow %s has no authentication %q; leave it out for the default",
			config.Version,
			config.Auth,
		)
	}
	for _, user := range config.Users {
		if !user.Role.known() {
			return nil, fmt.Errorf("making an embedded Airflow: user %q has the unknown role %q", user.Name, user.Role)
		}
	}
	s := &Server{config: config, dags: map[string]*dag{}}
	s.started, s.routes = s.now(), slices.Concat(s.apis()...)
	s.ForgetTokens()
	for _, dag := range config.DAGs {
		if err := s.AddDAG(dag); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// AddDAG makes a DAG known, as when its file has just been parsed. A DAG of
// the same id is replaced; its runs stay.
func (s *Server) AddDAG(spec DAG) error {
	if spec.ID == "" {
		return errors.New("adding a DAG: it has no ID")
	}
	params, err := parseParams(spec.Params, s.config.Version)
	if err != nil {
		return fmt.Errorf("adding DAG %s: %w", spec.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dags[spec.ID]
	if d == nil {
		d = newDAG()
		s.dags[spec.ID], s.order = d, append(s.order, spec.ID)
	}
	d.spec, d.params, d.parsed = spec, params, s.now()
	d.setState(spec.schedulingState(), s.now())
	return nil
}

// Pause pauses a DAG or lets it run again. An unknown DAG is ignored.
func (s *Server) Pause(dagID string, paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.dags[dagID]; d != nil {
		d.setState(map[bool]string{true: pausedState, false: activeState}[paused], s.now())
	}
}

// SchedulingState is the scheduling state of a DAG: active, paused, or draining
// (3.4); empty for an unknown DAG.
func (s *Server) SchedulingState(dagID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.dags[dagID]; d != nil {
		return d.state()
	}
	return ""
}

// ForgetTokens makes every token given out so far invalid, as when an
// api-server without a fixed jwt_secret starts again: 403 "Invalid JWT token".
func (s *Server) ForgetTokens() {
	secret := []byte(rand.Text())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = secret
}

// Run is a DAG run as the Server holds it.
type Run struct {
	DAG, ID string
	// Conf is the conf byte for byte as the request carried it; nil where it carried none.
	Conf []byte
	// State is queued, running, success or failed, by now.
	State string
	Type  string // manual, but where an experimental caller's id begins like another type's
	Note  string
	// LogicalDate is zero where there is none, RunAfter but on 3.3.
	LogicalDate, RunAfter time.Time
	Created               time.Time
	PartitionKey          string
}

// Runs are the runs of the given DAGs, or of all, in the order in which they were made.
func (s *Server) Runs(dagIDs ...string) []Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var runs []Run
	for _, r := range s.runs {
		if len(dagIDs) == 0 || slices.Contains(dagIDs, r.DAG) {
			copied := r.Run
			copied.State, _, _ = s.state(r, now)
			runs = append(runs, copied)
		}
	}
	return runs
}

// AssetEvent is an event that was published for an asset, or dataset.
type AssetEvent struct {
	ID, AssetID int
	URI         string
	// Extra is a JSON object in Airflow's spelling.
	Extra        []byte
	PartitionKey string
	Time         time.Time
}

// AssetEvents are the asset events, in the order in which they came.
func (s *Server) AssetEvents() []AssetEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []AssetEvent
	for _, event := range s.events {
		all = append(all, event.AssetEvent)
	}
	return all
}

func (s *Server) now() time.Time {
	if s.config.Now == nil {
		return time.Now().UTC().Truncate(time.Microsecond)
	}
	return s.config.Now().UTC().Truncate(time.Microsecond)
}
