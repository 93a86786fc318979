// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/cause"
)

// Origin is the one web server that credentials are meant for: scheme, host
// and port. The zero Origin is none.
type Origin struct{ scheme, host, port string }

// OriginOf is the origin that u lies at.
func OriginOf(u *url.URL) Origin {
	o := Origin{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if o.port == "" {
		o.port = map[string]string{"https": "443", "http": "80"}[o.scheme]
	}
	return o
}

func (o Origin) String() string { return o.scheme + "://" + net.JoinHostPort(o.host, o.port) }

// check keeps credentials off a request that would take them anywhere else.
// The client follows no redirect and calls no other server, so that an error
// here is a mistake in this program.
func (o Origin) check(req *http.Request) error {
	to := OriginOf(req.URL)
	if o.host == "" || to != o || req.URL.User != nil || (req.Host != "" && !strings.EqualFold(req.Host, req.URL.Host)) {
		return fmt.Errorf("credentials for %s are not sent to %s: name the web server's own address", o, to)
	}
	return nil
}

// CheckAccessToken returns why a Google access token may not be sent to u, nil
// where it may. Such a token can do anything that its account can: it goes to
// Composer's hosts, or to a host that the operator named beside the kind
// google (named), and in plain text to loopback alone, unless the operator
// allowed that too (insecure).
func CheckAccessToken(u *url.URL, named, insecure bool) *cause.Error {
	host := u.Hostname()
	refuse := func(why, fix string) *cause.Error {
		return &cause.Error{Cause: cause.Cause{Means: "a Google access token is not sent " + why, Fix: fix}}
	}
	switch {
	case strings.Contains(host, "%"):
		return refuse("to "+host+", an address with a zone", "name a host")
	case IsAppspot(host):
		return refuse("to "+host+", where anyone may host", "use iap, whose token is useless elsewhere")
	case u.User != nil:
		return refuse("to an address with a user in it", "take the user out")
	case u.Scheme == "https" && named:
		return nil
	case u.Scheme == "https" && IsComposer(host) && (u.Port() == "" || u.Port() == "443"):
		return nil
	case u.Scheme == "http" && named && !IsComposer(host) && (IsLoopback(host) || insecure):
		return nil
	case u.Scheme != "https":
		return refuse("over "+u.Scheme, "use https")
	}
	return refuse("to "+u.Host+", which is not Composer's", "where it is meant to go there, name the kind google")
}

// IsComposer reports whether host is one where Composer serves Airflow:
// https://cloud.google.com/composer/docs/composer-3/access-airflow-web-interface,
// https://cloud.google.com/composer/docs/composer-2/access-environments-with-workforce-identity-federation,
// https://cloud.google.com/composer/docs/composer-2/configure-vpc-sc.
// Anyone may host below appspot.com, where Composer 1 did: it is not among them.
func IsComposer(host string) bool {
	return isBelow(host, "composer.googleusercontent.com", "composer.byoid.googleusercontent.com", "composer.cloud.google.com")
}

// IsAppspot reports whether host is one of App Engine's, where Composer 1
// serves Airflow behind Identity-Aware Proxy, and anyone may host.
func IsAppspot(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return strings.EqualFold(host, "appspot.com") || isBelow(host, "appspot.com")
}

// isBelow reports whether host is a name below one of the domains. An IPv6
// address may end in any text: its zone.
func isBelow(host string, domains ...string) bool {
	if strings.ContainsAny(host, ":%") {
		return false
	}
	return slices.ContainsFunc(domains, func(domain string) bool { return strings.HasSuffix(strings.ToLower(host), "."+domain) })
}

// IsLoopback reports whether host is this machine.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}
