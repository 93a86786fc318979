// SPDX-License-Identifier: Apache-2.0

// Package composer looks up environments of Cloud Composer:
// it asks the Composer API for the web server's address, the versions that run
// there and the settings that decide which callers are allowed, and makes one typed error of
// every way in which that fails, each with the command that fixes it.
//
// It never calls Airflow itself, changes nothing, and remembers nothing.
package composer

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/dagtrigger/internal/rest"
)

// Name is the name of an environment.
type Name struct{ Project, Location, Environment string }

// ParseName reads projects/P/locations/L/environments/E. The API's own rules
// for the parts are left to the API, but none can change the request's path.
func ParseName(text string) (Name, error) {
	parts := regexp.MustCompile(`^projects/([A-Za-z0-9.:-]+)/locations/([a-z0-9-]+)/environments/([a-z0-9-]+)$`).FindStringSubmatch(text)
	if parts == nil || strings.Trim(parts[1], ".") == "" {
		return Name{}, errors.New("it is not of the form projects/PROJECT/locations/LOCATION/environments/ENVIRONMENT")
	}
	return Name{Project: parts[1], Location: parts[2], Environment: parts[3]}, nil
}

func (n Name) String() string {
	return "projects/" + n.Project + "/locations/" + n.Location + "/environments/" + n.Environment
}

// Environment is what is asked about an environment.
type Environment struct {
	Name  Name
	State string // RUNNING, UPDATING, …
	URL   string // the web server's address
	Image Image
	// Overrides are the Airflow settings that differ from Composer's defaults,
	// by section-key, such as api-auth_backend. Their values may be secret.
	Overrides map[string]string
	// Controlled reports that only Allowed may reach the web server; where
	// nothing is allowed then, nobody may.
	Controlled bool
	Allowed    []netip.Prefix
}

// Image has the versions that run in an environment.
type Image struct {
	Text string // as the API says it, such as composer-3-airflow-2.10.5-build.26
	// Composer is 1, 2 or 3; 0 where the text does not tell.
	Composer int
	Airflow  string // such as 2.10.5; empty where the text does not tell
}

// ParseImage reads an image version. The form that the API's own page gives
// lacks the -build of Composer 3:
// https://cloud.google.com/composer/docs/composer-3/composer-versions
func ParseImage(text string) Image {
	parts := regexp.MustCompile(`^composer-(\d)(?:\.\d+\.\d+(?:-preview\.\d+)?)?` +
		`-airflow-(\d+\.\d+\.\d+)(?:-build\.\d+)?$`).FindStringSubmatch(text)
	if parts == nil {
		return Image{Text: text}
	}
	generation, _ := strconv.Atoi(parts[1]) // one digit
	return Image{Text: text, Composer: generation, Airflow: parts[2]}
}

// Allows reports whether the web server's network access control lets address
// in. It lets everybody in by default, by ranges that hold every address; none
// is how gcloud's --web-server-deny-all writes that nobody may:
// https://cloud.google.com/composer/docs/composer-3/configure-network-access
func (e *Environment) Allows(address netip.Addr) bool {
	contains := func(p netip.Prefix) bool { return p.Contains(address.Unmap()) }
	return !e.Controlled || slices.ContainsFunc(e.Allowed, contains)
}

// Client asks the Composer API.
type Client struct {
	// HTTP carries the caller's access token.
	HTTP *http.Client
	// Member is the caller as IAM names it, such as serviceAccount:E-MAIL, for
	// errors; empty, like a nil func, where it is not known.
	Member func(context.Context) string
}

// Environment asks for one environment, in one request. Its error is of the
// table of [Causes], but for a context that has ended. An environment that is
// not usable is an error, too.
func (c *Client) Environment(ctx context.Context, name Name) (Environment, error) {
	api := rest.Client{HTTP: c.HTTP, Root: "https://composer.googleapis.com", Once: true}
	var answer resource
	err := api.Call(ctx, rest.Request{
		Method: http.MethodGet, Path: "/v1/" + name.String(), Query: url.Values{"fields": {fields}},
	}, nil, &answer)
	if err != nil {
		return Environment{}, c.explain(ctx, name, err)
	}
	env := read(name, &answer)
	switch {
	case env.State != "RUNNING" && env.State != "UPDATING": // see the field's own page: an update leaves it usable
		return Environment{}, c.met(ctx, causeNotRunning, name, nil, "STATE", env.State)
	case env.URL == "":
		return Environment{}, c.met(ctx, causeNoAddress, name, nil)
	}
	return env, nil
}

// fields are the members of a [resource].
const fields = "state,config/airflowUri,config/softwareConfig(imageVersion,airflowConfigOverrides),config/webServerNetworkAccessControl"

// resource is an environment as the API returns it:
// https://cloud.google.com/composer/docs/reference/rest/v1/projects.locations.environments
type resource struct {
	State  string `json:"state"`
	Config struct {
		AirflowURI     string `json:"airflowUri"`
		SoftwareConfig struct {
			ImageVersion           string            `json:"imageVersion"`
			AirflowConfigOverrides map[string]string `json:"airflowConfigOverrides"`
		} `json:"softwareConfig"`
		WebServerNetworkAccessControl *struct {
			AllowedIPRanges []struct {
				Value string `json:"value"`
			} `json:"allowedIpRanges"`
		} `json:"webServerNetworkAccessControl"`
	} `json:"config"`
}

func read(name Name, answer *resource) Environment {
	software := answer.Config.SoftwareConfig
	env := Environment{
		Name: name, State: answer.State, URL: answer.Config.AirflowURI,
		Image: ParseImage(software.ImageVersion), Overrides: software.AirflowConfigOverrides,
	}
	if control := answer.Config.WebServerNetworkAccessControl; control != nil {
		env.Controlled = true
		for _, allowed := range control.AllowedIPRanges {
			if prefix, ok := prefixOf(allowed.Value); ok {
				env.Allowed = append(env.Allowed, prefix)
			}
		}
	}
	return env
}

// prefixOf reads an address or a range.
func prefixOf(text string) (netip.Prefix, bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix, true
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(address, address.BitLen()), true
}
