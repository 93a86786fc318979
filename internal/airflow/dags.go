// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
)

const maxPage = 100 // [api] maximum_page_limit, by default

// DAG is how a DAG stands.
type DAG struct {
	ID           string
	Paused       bool
	Draining     bool // scheduling_state of 3.4: it is paused once no run is queued or running
	Stale        bool // no longer found in the DAGs folder; never on the experimental API
	ImportErrors bool // never on the experimental API, nor before 2.3
}

// Param is one of a DAG's Params.
type Param struct {
	Value       json.RawMessage // the default; null where there is none
	Schema      json.RawMessage // JSON Schema; empty before 2.2
	Description string
}

// ImportError is why a file in the DAGs folder gives no DAG, or an old one.
type ImportError struct {
	Filename   string `json:"filename"`
	StackTrace string `json:"stack_trace"`
}

// Health is the status of each part of Airflow, such as scheduler: healthy.
// It is empty where the part does not run apart.
type Health map[string]string

// DAG asks how a DAG stands.
func (c *Client) DAG(ctx context.Context, id string) (DAG, error) {
	if err := checkDAGID(id); err != nil {
		return DAG{}, err
	}
	d, err := c.webServer(ctx)
	if err != nil {
		return DAG{}, err
	}
	path := dagPath(d.api, id)
	if d.api == Experimental {
		path += "/paused"
	}
	var answer struct {
		Paused *bool  `json:"is_paused"`
		State  string `json:"scheduling_state"`  // v2 from 3.4
		Active *bool  `json:"is_active"`         // v1
		Stale  bool   `json:"is_stale"`          // v2
		Broken bool   `json:"has_import_errors"` // v1 from 2.3, v2
	}
	err = c.get(ctx, d.api, path, &answer, func() bool { return answer.Paused != nil })
	if e, ok := errors.AsType[*Error](err); ok && d.api == Experimental && e.Kind == ServerFailure {
		// It fails on a DAG that it does not know; the list of runs says so.
		if _, listErr := c.Runs(ctx, id, RunsQuery{States: []string{"queued"}}); listErr != nil {
			err = listErr
		}
	}
	if err != nil {
		return DAG{}, err
	}
	stale := answer.Stale || answer.Active != nil && !*answer.Active
	return DAG{
		ID: id, Paused: *answer.Paused, Draining: answer.State == "draining", Stale: stale, ImportErrors: answer.Broken,
	}, nil
}

// Unpause unpauses a DAG, and ends the draining of one (Airflow 3.4). The caller
// needs a role that may edit the DAG: Airflow's User or Op.
func (c *Client) Unpause(ctx context.Context, id string) error {
	if err := checkDAGID(id); err != nil {
		return err
	}
	d, err := c.webServer(ctx)
	if err != nil {
		return err
	}
	q := ask{
		api: d.api, method: http.MethodPatch, path: dagPath(d.api, id) + "?update_mask=is_paused",
		body: []byte(`{"is_paused":false}`),
	}
	if d.api == Experimental { // it changes the DAG by a GET
		q = ask{api: d.api, method: http.MethodGet, path: dagPath(d.api, id) + "/paused/false"}
	}
	_, err = do(ctx, c, q, func(b *body) (none struct{}, err error) {
		var answer struct {
			Paused   *bool `json:"is_paused"`
			Response string
		}
		if err := b.decode(&answer); err != nil {
			return none, err
		}
		if answer.Response != "ok" && (answer.Paused == nil || *answer.Paused) {
			return none, errors.New("the DAG is still paused")
		}
		return none, nil
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == Forbidden {
		e.Hint = "the account may not unpause the DAG: give it a role that may edit DAGs, such as Op or User, or set when_paused " +
			"otherwise; or " + e.Hint
	}
	return err
}

// Params asks for the schemas that a conf has to fit. The experimental API has none.
func (c *Client) Params(ctx context.Context, dagID string) (map[string]Param, error) {
	if err := checkDAGID(dagID); err != nil {
		return nil, err
	}
	d, err := c.stable(ctx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Params map[string]json.RawMessage `json:"params"`
	}
	err = c.get(ctx, d.api, dagPath(d.api, dagID)+"/details", &answer, func() bool { return answer.Params != nil })
	if err != nil {
		return nil, err
	}
	params := make(map[string]Param, len(answer.Params))
	for name, value := range answer.Params {
		params[name] = readParam(value)
	}
	return params, nil
}

// readParam understands a Param's dump (airflow/models/param.py), and the bare
// value that stands for one before 2.2.
func readParam(value json.RawMessage) Param {
	var dump struct {
		Value       json.RawMessage
		Schema      json.RawMessage
		Description string
	}
	if json.Unmarshal(value, &dump) != nil || dump.Schema == nil {
		return Param{Value: value}
	}
	return Param(dump)
}

// ImportErrors asks why files give no DAG, for the first 100 of them. The
// experimental API does not tell.
func (c *Client) ImportErrors(ctx context.Context) ([]ImportError, error) {
	d, err := c.stable(ctx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Errors *[]ImportError `json:"import_errors"`
	}
	path := "/api/" + string(d.api) + "/importErrors?limit=" + strconv.Itoa(maxPage)
	if err := c.get(ctx, d.api, path, &answer, func() bool { return answer.Errors != nil }); err != nil {
		return nil, err
	}
	return *answer.Errors, nil
}

// Version asks for Airflow's version, and remembers it. Airflow 1.10 does not tell.
func (c *Client) Version(ctx context.Context) (string, error) {
	d, err := c.webServer(ctx)
	if err != nil {
		return "", err
	}
	path := "/api/" + string(d.api) + "/version"
	if d.api == Experimental {
		path = "/api/experimental/info"
	}
	var answer struct{ Version string }
	if err := c.get(ctx, d.api, path, &answer, func() bool { return answer.Version != "" }); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known.api == d.api {
		c.known.version = answer.Version
	}
	return answer.Version, nil
}

// knownVersion is Airflow's version; empty where it does not say.
func (c *Client) knownVersion(ctx context.Context, d server) string {
	if d.version != "" {
		return d.version
	}
	version, _ := c.Version(ctx) // without it, what any version understands is used
	return version
}

// Health asks how Airflow's parts are.
func (c *Client) Health(ctx context.Context) (Health, error) {
	d, err := c.webServer(ctx)
	if err != nil {
		return nil, err
	}
	path := map[API]string{V2: "/api/v2/monitor/health", V1: "/api/v1/health", Experimental: "/health"}[d.api]
	var answer map[string]struct {
		Status    string
		Heartbeat *string `json:"latest_triggerer_heartbeat"`
	}
	if err := c.get(ctx, d.api, path, &answer, func() bool { return len(answer) > 0 }); err != nil {
		return nil, err
	}
	health := Health{}
	for part, state := range answer {
		health[part] = state.Status
		if part == "triggerer" && state.Heartbeat == nil { // 3.4 calls a triggerer that never ran unhealthy
			health[part] = ""
		}
	}
	return health, nil
}

// get asks a question whose answer has to be whole.
func (c *Client) get(ctx context.Context, api API, path string, answer any, whole func() bool) error {
	q := ask{api: api, method: http.MethodGet, path: path}
	_, err := do(ctx, c, q, func(b *body) (none struct{}, err error) {
		if err := b.decode(answer); err != nil {
			return none, err
		}
		if !whole() {
			return none, errors.New("it lacks what was asked for")
		}
		return none, nil
	})
	return err
}

// stable is the API in use, unless it is the experimental API.
func (c *Client) stable(ctx context.Context) (server, error) {
	d, err := c.webServer(ctx)
	if err == nil && !slices.Contains([]API{V2, V1}, d.api) {
		return server{}, &Error{
			Kind: APIAbsent, API: d.api, Err: errors.ErrUnsupported,
			Said: "the experimental API does not tell", Hint: "see Airflow's own pages",
		}
	}
	return d, err
}
