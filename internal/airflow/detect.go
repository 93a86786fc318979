// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"errors"
	"net/http"

	"example.com/dagtrigger/internal/flight"
)

// server is what is known of a web server.
type server struct {
	api     API
	version string // Airflow's, such as 2.10.5; empty where it is not known
}

// DetectAPI returns the API that the client uses. Auto asks the web server, once
// for all concurrent callers, remembers its answer, and asks again after an
// [APIAbsent].
func (c *Client) DetectAPI(ctx context.Context) (API, error) {
	d, err := c.webServer(ctx)
	return d.api, err
}

func (c *Client) webServer(ctx context.Context) (server, error) {
	if known := c.detected(); known.api != "" {
		return known, nil
	}
	found, err := c.flight.Do(ctx, "", 3*c.timeout, c.detect) // a request for each API
	if gaveUp, ok := errors.AsType[*flight.GaveUpError](err); ok {
		return server{}, c.unanswered(ctx, ask{api: Auto}, new(http.Request), gaveUp.Err)
	}
	return found, err
}

// detected is what the client knows without a request.
func (c *Client) detected() server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// detect asks the web server, and remembers its answer.
func (c *Client) detect(ctx context.Context) (server, error) {
	if known := c.detected(); known.api != "" { // by the caller before
		return known, nil
	}
	found, err := c.probe(ctx)
	if err == nil {
		c.mu.Lock()
		c.known = found
		c.mu.Unlock()
	}
	return found, err
}

// forget has the web server asked again, unless that has happened already.
func (c *Client) forget(api API) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auto && c.known.api == api {
		c.known = server{}
	}
}

// probe requests the version from each API in turn, the newest first.
//
// The paths of v2 and v1 take any caller, so that a refusal, a redirect or a
// page comes from what stands before Airflow, which may let another API through.
// Where another path is let through as far as a 404, an API that answers 401 or
// 403 is there and refuses; otherwise the first refusal is all that is known.
func (c *Client) probe(ctx context.Context) (server, error) {
	var refused []*Error
	for _, api := range []API{V2, V1, Experimental} {
		version, err := c.ping(ctx, api)
		if err == nil {
			c.logger.DebugContext(ctx, "Airflow's API found", "api", api, "airflow_version", version)
			return server{api, version}, nil
		}
		e, _ := errors.AsType[*Error](err)
		switch {
		case e.Kind == APIAbsent && len(refused) == 1 && refused[0].refusesCaller():
			return server{api: refused[0].API}, nil
		case e.Kind == APIAbsent:
		case e.refusesCaller() && api != V2 && len(refused) == 0:
			return server{api: api}, nil
		case e.refusesCaller() || e.Kind == LoginRedirect || e.Kind == Unexpected:
			refused = append(refused, e)
		default:
			return server{}, c.asAuto(e)
		}
	}
	if len(refused) > 0 {
		return server{}, c.asAuto(refused[0])
	}
	return server{}, c.asAuto(&Error{Kind: APIAbsent, Said: "no API of Airflow answers at this URL"})
}

func (e *Error) refusesCaller() bool { return e.Kind == Unauthorized || e.Kind == Forbidden }

// asAuto is a probe's error as seen by a caller who named no API.
func (c *Client) asAuto(e *Error) *Error {
	auto := *e
	auto.API = Auto
	auto.Hint = c.hint(&auto, "")
	return &auto
}

// ping asks for one API, and gives Airflow's version where the answer has it.
func (c *Client) ping(ctx context.Context, api API) (version string, err error) {
	q := ask{api: api, method: http.MethodGet, path: "/api/" + string(api) + "/version"}
	if api == Experimental {
		q.path = "/api/experimental/test"
	}
	return do(ctx, c, q, func(b *body) (string, error) {
		var answer struct{ Version, Status string }
		if err := b.decode(&answer); err != nil {
			return "", err
		}
		if answer.Version == "" && (api != Experimental || answer.Status != "OK") {
			return "", errors.New("it names no version")
		}
		return answer.Version, nil
	})
}
