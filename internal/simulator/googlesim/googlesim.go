// SPDX-License-Identifier: Apache-2.0

// Package googlesim implements an embedded Google: what a caller of Airflow meets on
// Google's side of the way, in memory. It is for tests, and answers by these
// contracts:
//
//   - the metadata server, with tokens and identities of the attached account:
//     https://cloud.google.com/compute/docs/metadata/querying-metadata and
//     https://cloud.google.com/compute/docs/instances/verifying-instance-identity,
//     as the client in cloud.google.com/go/compute/metadata reads it;
//   - the token endpoint, for keys and logins: RFC 6749, RFC 7523 and
//     https://developers.google.com/identity/protocols/oauth2/service-account;
//   - IAM's impersonation:
//     https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts;
//   - Composer's environments, with the errors of Google's APIs:
//     https://cloud.google.com/composer/docs/reference/rest/v1/projects.locations.environments
//     and https://cloud.google.com/apis/design/errors;
//   - Identity-Aware Proxy before Composer 1's web server and anybody's: the
//     redirect and the refusals that https://cloud.google.com/iap/docs/faq and
//     users' reports tell, in their words;
//   - the front of Composer 2 and 3, whose answers to callers without leave no
//     page documents: a redirect to Google's login, 401 and 403 in HTML, and
//     404 for a web server that is not there, which Google's own test of its
//     sample expects (composer2_airflow_rest_api_test.py);
//   - what Composer's own backend does before Airflow is asked: a caller is
//     registered by itself, unless its e-mail has more than 64 characters and
//     Airflow is older than 2.3.0, see
//     https://cloud.google.com/composer/docs/composer-2/access-airflow-api and
//     airflow/composer/api/backend/composer_auth.py of Composer's Airflow;
//   - Eventarc's triggers, functions, services of Cloud Run, accounts and policies, to be
//     read;
//   - Pub/Sub's topics and pull subscriptions: [PubSub];
//   - Cloud Storage's objects: [Storage];
//   - Cloud Logging's entries, to be read: [Logging].
//
// [Storage], [PubSub] and [Logging] can also be served alone, as their emulators are:
// without credentials.
//
// It imports nothing of this module. A request that it has no answer to is
// passed to [Config.Unknown], where a test fails.
package googlesim

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is what a [Google] is made of.
type Config struct {
	Accounts     []Account
	Environments []Environment
	// Attached is the e-mail of the account on the metadata server; without
	// one there is none.
	Attached string
	// Project is the project on the metadata server.
	Project string
	// Disabled are the hosts of APIs that are not enabled.
	Disabled []string
	// Caller is the address that requests come from, for access control.
	Caller netip.Addr
	// Triggers and Subscriptions are JSON objects as their APIs give them.
	Triggers, Subscriptions []string
	// Resources are further resources that can be read, and Policies their policies, as
	// their APIs give them, by their full name, such as projects/P/topics/T. A bucket is
	// b/NAME, and the list of its notifications b/NAME/notificationConfigs.
	Resources, Policies map[string]string
	// Storage answers for storage.googleapis.com; nil stands for a Cloud Storage
	// without buckets.
	Storage *Storage
	// Logging answers for logging.googleapis.com; nil stands for a log without entries.
	Logging *Logging
	// TokenLife is how long tokens are good for; zero stands for an hour.
	TokenLife time.Duration
	// Unknown gets each request that is not answered here. Required.
	Unknown func(*http.Request)
}

// Account is a service account, or a person.
type Account struct {
	Email string
	ID    string // the numeric id, by which Composer's Airflow names the account
	Roles []string
	// MayActAs are the service accounts that this one may impersonate.
	MayActAs []string
}

// Environment is an environment of Composer's, or a web server of anybody's
// behind Identity-Aware Proxy, which has no Name.
type Environment struct {
	Name  string // projects/P/locations/L/environments/E
	State string // empty stands for RUNNING
	Host  string // of the web server
	Image string
	// Overrides are airflowConfigOverrides, as the API returns them. What they
	// do, Airflow is to be configured itself.
	Overrides map[string]string
	// Allowed is the access control; nil for none. The API returns it, and the
	// front goes by it.
	Allowed []string
	// ClientID is Identity-Aware Proxy's; without one there is no proxy.
	ClientID string
	// Bare has nothing of Google's stand before Airflow.
	Bare bool
	// Role is what a caller is registered with; empty stands for Op. The front
	// signs in to Airflow as the user of that name in lower case, with the same
	// for a password.
	Role string
	// Registered are the numeric ids of accounts that were registered beforehand.
	Registered []string
	Airflow    http.Handler
}

// Google is an embedded Google. It is safe for concurrent use.
type Google struct {
	config Config
	secret []byte // signs ID tokens
	pubsub *PubSub
	// invalid is the error of the config. Serve returns it; without Serve each request
	// is passed to Unknown.
	invalid error

	mu       sync.Mutex // guards all below
	accounts map[string]*account
	hosts    []*Environment
	failing  map[string]failure
	issued   map[string]grant // access tokens
	refresh  map[string]string
	serial   int
	sent     []Sent
	secrets  []string
}

type failure struct {
	status int
	body   string
}

// Sent is a request that carried credentials, and where to.
type Sent struct {
	Host, Path, Authorization string
}

// New makes a Google. [Google.Serve] returns the error of an invalid config.
func New(config Config) *Google {
	g := &Google{
		config: config, secret: []byte("googlesim"),
		accounts: map[string]*account{}, failing: map[string]failure{}, issued: map[string]grant{}, refresh: map[string]string{},
	}
	if g.config.TokenLife == 0 {
		g.config.TokenLife = time.Hour
	}
	if g.config.Storage == nil {
		g.config.Storage = NewStorage(config.Unknown)
	}
	if g.config.Logging == nil {
		g.config.Logging = NewLogging(config.Unknown)
	}
	g.pubsub = NewPubSub(config.Unknown)
	for _, resource := range config.Subscriptions {
		g.invalid = errors.Join(g.invalid, g.pubsub.Subscribe(resource))
	}
	for _, a := range config.Accounts {
		g.accounts[a.Email] = &account{Account: a}
	}
	for _, e := range config.Environments {
		g.hosts = append(g.hosts, &e)
	}
	return g
}

// ServeHTTP answers for every host of Google's but the metadata server.
func (g *Google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := strings.ToLower(strings.TrimSuffix(r.Host, ":443"))
	g.note(host, r)
	if g.invalid != nil {
		g.unknown(w, r)
		return
	}
	if f, ok := g.failure(host); ok {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(f.status)
		_, _ = w.Write([]byte(f.body))
		return
	}
	if slices.Contains(g.config.Disabled, host) {
		apiError(w, http.StatusForbidden, "PERMISSION_DENIED", "SERVICE_DISABLED",
			host+" has not been used in project 123456 before or it is disabled.")
		return
	}
	if g.resource(w, r, host) {
		return
	}
	switch host {
	case "oauth2.googleapis.com":
		g.token(w, r)
	case "iamcredentials.googleapis.com":
		g.impersonate(w, r)
	case "composer.googleapis.com":
		g.environment(w, r)
	case "eventarc.googleapis.com":
		g.triggers(w, r)
	case "pubsub.googleapis.com":
		g.pubsubAPI(w, r)
	case "logging.googleapis.com":
		if g.authorize(w, r, "roles/logging.viewer") {
			g.config.Logging.ServeHTTP(w, r)
		}
	case "storage.googleapis.com":
		g.storageAPI(w, r)
	case "cloudfunctions.googleapis.com", "run.googleapis.com", "cloudresourcemanager.googleapis.com", "iam.googleapis.com",
		"secretmanager.googleapis.com", "cloudscheduler.googleapis.com":
		g.unknown(w, r)
	default:
		g.front(w, r, host)
	}
}

func (g *Google) unknown(w http.ResponseWriter, r *http.Request) { unknown(g.config.Unknown, w, r) }

func (g *Google) note(host string, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent = append(g.sent, Sent{Host: host, Path: r.URL.Path, Authorization: r.Header.Get("Authorization")})
}

// Sent are the requests so far, in their order, but for those to the metadata
// server and [Google.Elsewhere].
func (g *Google) Sent() []Sent {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.sent)
}

// Asked counts the requests to a host.
func (g *Google) Asked(host string) int {
	count := 0
	for _, s := range g.Sent() {
		if s.Host == host {
			count++
		}
	}
	return count
}

// Fail has a host answer with status to everything. Zero heals it.
func (g *Google) Fail(host string, status int, body string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if status == 0 {
		delete(g.failing, host)
		return
	}
	g.failing[host] = failure{status: status, body: body}
}

func (g *Google) failure(host string) (failure, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.failing[host]
	return f, ok
}

// Change changes an environment: as created again, upgraded, or closed.
func (g *Google) Change(name string, change func(*Environment)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, e := range g.hosts {
		if e.Name == name {
			changed := *e
			change(&changed)
			g.hosts[i] = &changed
		}
	}
}

// find returns the environment that fits.
func (g *Google) find(fits func(*Environment) bool) (Environment, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.hosts {
		if fits(e) {
			return *e, true
		}
	}
	return Environment{}, false
}

// Knows reports whether a host is there to be reached.
func (g *Google) Knows(host string) bool {
	if strings.HasSuffix(host, ".googleapis.com") {
		return true
	}
	_, ok := g.find(func(e *Environment) bool { return e.Host == host })
	return ok || strings.HasSuffix(host, ".composer.googleusercontent.com")
}
