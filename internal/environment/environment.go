// SPDX-License-Identifier: Apache-2.0

// Package environment implements one object per Airflow environment: it checks
// the operator's [Spec], looks the web server up where only the environment's
// name is given, and joins the web server's client, the gate that bounds the
// calls to it and the limits on a DAG's runs behind [Airflow.Start] and
// [Airflow.Find].
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
	// by which the address, the dialect and the kind of credentials are looked
	// up; or
	Composer string
	// URL is the web server's address.
	URL          string
	API          string
	Auth         string
	IAPClientID  string
	Username     string
	Password     string `json:"-"` // a log in JSON marshals what is inside a list or a map
	PasswordFile string
	Token        string `json:"-"`
	TokenFile    string
	Insecure     bool
	Timeout      time.Duration
	// MaxInFlight bounds the requests that one instance has under way at once:
	// 0 stands for 16.
	MaxInFlight int64
}

// LogValue keeps secrets out of logs.
func (s Spec) LogValue() slog.Value {
	return slog.GroupValue(slog.String("composer", s.Composer), slog.String("url", s.URL), slog.String("api", s.API), slog.String("auth", s.AuthKind()))
}

// String and GoString keep secrets out of formatted text.
func (s Spec) String() string { return s.LogValue().String() }

// GoString is String, for %#v.
func (s Spec) GoString() string { return s.String() }

// Options are what the process shares with its environments.
type Options struct {
	// Transport carries the requests; nil means [airflow.NewTransport] for 100
	// calls at once.
	Transport http.RoundTripper
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
		o.Google = identity.NewGoogle(&identity.ADC{Transport: o.Transport})
	}
	return o
}

// Connection is a web server, and how it is asked.
type Connection struct {
	URL         *url.URL
	Airflow     *airflow.Client
	Credentials airflow.Credentials
	// Composer is what was looked up; nil where the operator gave the address.
	Composer *composer.Environment
}

// connect makes the client of one web server.
func (s Spec) connect(address, kind string, api airflow.API, version string, o Options) (*Connection, error) {
	root, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("reading the web server's address: %w", err)
	}
	credentials, err := s.credentials(root, kind, o)
	if err != nil {
		return nil, fmt.Errorf("setting up the credentials for %s: %w", address, err)
	}
	client, err := airflow.New(airflow.Config{
		URL:         address,
		API:         api,
		Version:     version,
		Transport:   o.Transport,
		Credentials: credentials,
		Timeout:     s.Timeout,
		UserAgent:   o.UserAgent,
		Logger:      o.Logger,
		Insecure:    s.Insecure,
	})
	return &Connection{URL: root, Airflow: client, Credentials: credentials}, err
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
	c, err := s.connect(env.URL, kind, api, env.Image.Airflow, o)
	if err != nil {
		return nil, err
	}
	c.Composer = env
	return c, nil
}

// apiOf is the dialect of an Airflow version; an unknown one is asked for.
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

func (s Spec) credentials(root *url.URL, kind string, o Options) (airflow.Credentials, error) {
	switch kind {
	case identity.KindGoogle:
		return o.Google.For(root, s.Auth == identity.KindGoogle, s.Insecure)
	case identity.KindIAP:
		return identity.NewIAP(o.Google, root, s.IAPClientID, o.Transport), nil
	case identity.KindBasic:
		return &identity.Basic{Origin: identity.OriginOf(root), Username: s.Username, Password: s.password()}, nil
	case identity.KindPassword:
		return identity.NewPassword(root, s.Username, s.password(), o.Transport), nil
	case identity.KindBearer:
		return &identity.Bearer{Origin: identity.OriginOf(root), Token: identity.NewSecret(s.Token, s.TokenFile)}, nil
	case identity.KindNone:
		return identity.None{}, nil
	}
	return nil, fmt.Errorf("there is no kind of credentials named %q", kind)
}

func (s Spec) password() *identity.Secret { return identity.NewSecret(s.Password, s.PasswordFile) }
