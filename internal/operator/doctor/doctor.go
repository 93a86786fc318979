// SPDX-License-Identifier: Apache-2.0

// Package doctor implements the live checks of a deployment: what has to hold between
// an event and a DAG run, looked at from where it runs, each with what it
// means, whether it holds and why, and a command that fixes it.
//
// Checks are data ([Checks]); [Run] tells each result to an [Observer] and
// knows nothing of printing. Causes and fixes come from the tables that the
// function's own errors are made of, so that both say the same words.
//
// It starts no DAG run and changes nothing. A check that cannot be made is
// skipped and says why; none vanishes. No result holds a secret.
package doctor

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
)

// Status is how a check ended.
type Status string

// The statuses. Only Failed makes [Summary.Healthy] false.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, and will surprise
	Failed  Status = "failed"
	Skipped Status = "skipped" // it does not apply, or could not be known
)

// Finding is what a check came to.
type Finding struct {
	Status Status `json:"status"`
	// Why is what was seen.
	Why string `json:"why"`
	// Fixes has one for each possible cause, the likeliest
	// first, and none where nothing has to be fixed.
	Fixes []Fix `json:"fixes,omitempty"`
}

// Fix is what to do about a finding.
type Fix struct {
	// If is the cause that this fixes; empty where there is no doubt.
	If string `json:"if,omitempty"`
	// Do is a command to paste, or else what to do.
	Do string `json:"do"`
}

// Result is the finding of one check.
type Result struct {
	Check string `json:"check"`
	Means string `json:"means"`
	// Environment, Route, DAG, Asset and Trigger, which may be a push subscription, tell
	// what was examined, as far as the check is about one.
	Environment string `json:"environment,omitempty"`
	Route       string `json:"route,omitempty"`
	DAG         string `json:"dag,omitempty"`
	Asset       string `json:"asset,omitempty"`
	Trigger     string `json:"trigger,omitempty"`
	Finding
}

// Observer gets each result as soon as it is there.
type Observer func(Result)

// Summary counts the results by their status.
type Summary struct {
	OK       int `json:"ok"`
	Warnings int `json:"warnings"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
}

// Healthy reports whether no check has failed.
func (s Summary) Healthy() bool { return s.Failed == 0 }

func (s *Summary) count(status Status) {
	switch status {
	case OK:
		s.OK++
	case Warning:
		s.Warnings++
	case Failed:
		s.Failed++
	case Skipped:
		s.Skipped++
	}
}

// Target is what is examined.
type Target struct {
	// Settings is why the settings cannot be used; nil where they can. Nothing
	// else is examined then.
	Settings error
	// Unknown are warnings about variables that look like settings, and are none.
	Unknown document.Problems
	// Environments are the Airflows by name, as the operator wrote them, and
	// Name turns a field of theirs into the name it is written under.
	Environments map[string]environment.Spec
	Name         func(field string) string
	Routes       []Route
	Platform     Platform
	// Google is the account that is examined; nil means the one that
	// Application Default Credentials tell.
	Google *identity.Google
	// Transport carries the requests; nil means one made for the purpose.
	Transport http.RoundTripper
	Network   Network
	// Patience bounds each check; zero stands for 30 seconds.
	Patience time.Duration
}

// Route is a route, as far as Airflow is concerned.
type Route struct {
	Name        string
	Environment string
	// DAGs are the DAGs that it may start.
	DAGs []string
	// Asset is the URI or the name of the asset that it names in their place:
	// it publishes an event, or starts the DAG that makes the asset.
	Asset       string
	Materialize bool
	// WhenPaused is what becomes of an event while a DAG is paused, as in [route.Limits].
	WhenPaused string
	// Waits is set where its runs are those of windows, which wait for their start.
	Waits bool
	// Lists are the buckets that it lists for its sets of files, without patterns.
	Lists []string
	// Examples are confs that it makes, by the names of their events.
	Examples []Example
}

// Example is a conf that a route makes of an event.
type Example struct {
	Name string
	DAG  string
	Conf []byte // a JSON object
}

// Platform is the function on Google Cloud. Its zero value is none, whose
// checks are skipped.
type Platform struct{ Project, Service string }

// Network is how the way to a web server is looked at. Its zero fields stand
// for the real ones.
type Network struct {
	Resolve func(ctx context.Context, network, host string) ([]netip.Addr, error) // as net.Resolver.LookupNetIP
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Roots   *x509.CertPool
	Proxy   func(*http.Request) (*url.URL, error)
	// Local is the address by which this machine reaches another one.
	Local func(ctx context.Context, to netip.Addr) (netip.Addr, error)
}

// Run makes every check, in the order of [Checks], one environment after the
// other, and tells o each result.
func Run(ctx context.Context, t Target, o Observer) Summary {
	e := newRunner(t, o)
	e.settings()
	if t.Settings != nil {
		e.skipAll("the settings are invalid")
		return e.summary
	}
	e.environments(ctx)
	e.platform(ctx)
	return e.summary
}
