// SPDX-License-Identifier: Apache-2.0

// Package environment implements one object per Airflow environment: it checks
// the operator's [Spec], looks the web server up where only the environment's
// name is given, and joins the web server's client, the gate that bounds the
// calls to it and the limits on a DAG's runs behind [Airflow.Start] and
// [Airflow.Find]. An environment that no request can reach is an [Outbox].
//
// It never reads settings from a file or a variable (config does), never
// retries, and sends no request before the first call.
package environment

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/identity"
)

// Spec is what an operator wrote about one Airflow. Its zero fields stand for
// what was left out.
type Spec struct {
	// Composer is an environment's name, projects/P/locations/L/environments/E,
	// by which the address, the API and the kind of credentials are looked
	// up; or
	Composer string
	// Outbox is a topic, projects/P/topics/T, that the runs are published to, for an
	// environment that no request can reach; or
	Outbox string
	// URL is the web server's address.
	URL  string
	API  string
	Auth string
	// IAPClientID and Audience are for the ID token of iap and id_token, or of
	// what stands in front of an Airflow with its own credentials.
	IAPClientID  string
	Audience     string
	Username     string
	Password     string `json:"-"` // a log in JSON marshals what is inside a list or a map
	PasswordFile string
	Token        string `json:"-"`
	TokenFile    string

	OAuth2TokenURL         string
	OAuth2ClientID         string
	OAuth2ClientSecret     string `json:"-"`
	OAuth2ClientSecretFile string
	OAuth2Scope            string

	Headers        string `json:"-"` // lines of Name: value
	HeadersFile    string
	ClientCertFile string
	ClientKeyFile  string
	Insecure       bool
	Timeout        time.Duration
	// MaxInFlight bounds the requests that one instance has under way at once:
	// 0 stands for 16.
	MaxInFlight int64
}

// HasSecret reports whether a secret itself was given, and not a file with it.
func (s Spec) HasSecret() bool { return s.Password+s.Token+s.OAuth2ClientSecret+s.Headers != "" }

// LogValue keeps secrets out of logs.
func (s Spec) LogValue() slog.Value {
	return slog.GroupValue(slog.String("composer", s.Composer), slog.String("outbox", s.Outbox), slog.String("url", s.URL),
		slog.String("api", s.API), slog.String("auth", s.AuthKind()))
}

// String and GoString keep secrets out of formatted text.
func (s Spec) String() string { return s.LogValue().String() }

// GoString is String, for %#v.
func (s Spec) GoString() string { return s.String() }

// Options are what the process shares with its environments.
type Options struct {
	// Transport carries the requests; nil means [airflow.NewTransport] for 100
	// calls at once. A client certificate needs an [http.Transport] here.
	Transport http.RoundTripper
	// Wrap is put around each transport, to trace requests; nil for none.
	Wrap func(http.RoundTripper) http.RoundTripper
	// UserAgent names this program to Airflow.
	UserAgent string
	Logger    *slog.Logger // nil for none
	// Google is the account that the process runs as; nil means that of
	// Application Default Credentials. Environments may share it.
	Google *identity.Google
}

func (o Options) withDefaults() Options {
	if o.Transport == nil {
		o.Transport = airflow.NewTransport(100)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Google == nil {
		o.Google = identity.NewGoogle(&identity.ADC{Transport: o.wrap(o.Transport)})
	}
	return o
}

func (o Options) wrap(t http.RoundTripper) http.RoundTripper {
	if o.Wrap == nil {
		return t
	}
	return o.Wrap(t)
}

// Connection is a web server, and how it is asked.
type Connection struct {
	URL         *url.URL
	Airflow     *airflow.Client
	Credentials *identity.Credentials
	// Composer is what was looked up; nil where the operator gave the address.
	Composer *composer.Environment
}

// connect makes the client of one web server. env is what was looked up, nil
// where the operator gave the address.
func (s Spec) connect(address, kind string, api airflow.API, env *composer.Environment, o Options) (*Connection, error) {
	root, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("reading the web server's address: %w", err)
	}
	transport, err := s.transport(o)
	if err != nil {
		return nil, err
	}
	c := airflow.Config{
		URL: address, API: api, Transport: transport, Timeout: s.Timeout, UserAgent: o.UserAgent, Logger: o.Logger, Insecure: s.Insecure,
	}
	if env != nil {
		c.Version, c.LookedUp = env.Image.Airflow, true
	}
	credentials, err := s.credentials(root, kind, env, c, o)
	if err != nil {
		return nil, fmt.Errorf("setting up the credentials for %s: %w", address, err)
	}
	c.Credentials = credentials
	client, err := airflow.New(c)
	return &Connection{URL: root, Airflow: client, Credentials: credentials, Composer: env}, err
}

// connectTo makes the client of an environment that was looked up. What the
// operator wrote wins over what the image tells.
func (s Spec) connectTo(env *composer.Environment, o Options) (*Connection, error) {
	kind := s.Auth
	if kind == "" {
		kind = identity.KindGoogle
		if env.Image.Composer == 1 || s.IAPClientID != "" {
			kind = identity.KindIAP
		}
	}
	if kind == identity.KindIAP && env.Image.Composer > 1 {
		return nil, identity.NotBehindIAP(env.URL)
	}
	api := airflow.API(s.API)
	if api == "" || api == airflow.Auto {
		api = apiOf(env.Image.Airflow)
	}
	return s.connect(env.URL, kind, api, env, o)
}

// apiOf is the API of an Airflow version; that of an unknown one is detected.
func apiOf(version string) airflow.API {
	major, _, _ := strings.Cut(version, ".")
	switch major {
	case "":
		return airflow.Auto
	case "1":
		return airflow.Experimental
	case "2":
		return airflow.V1
	}
	return airflow.V2
}

// AuthKind is the kind of credentials in force: what Auth says, else google
// for a Composer host and none for loopback. It is empty for any other host,
// where Auth must be given, and for an environment that is looked up.
func (s Spec) AuthKind() string {
	if s.Auth != "" {
		return s.Auth
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return ""
	case identity.IsComposer(u.Hostname()):
		return identity.KindGoogle
	case identity.IsLoopback(u.Hostname()):
		return identity.KindNone
	default:
		return ""
	}
}
