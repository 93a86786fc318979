// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
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
// The client follows no redirect and asks no other server, so that an error
// here tells of a mistake in this program: the last lock, not the first.
func (o Origin) check(req *http.Request) error {
	to := OriginOf(req.URL)
	if o.host == "" || to != o || req.URL.User != nil || (req.Host != "" && !strings.EqualFold(req.Host, req.URL.Host)) {
		return fmt.Errorf("credentials for %s are not sent to %s: name the web server's own address", o, to)
	}
	return nil
}

// CheckAccessToken says why a Google access token may not be sent to u, or
// returns nil. Such a token can do anything that its account can: it goes to
// Composer's hosts, or to a host that the operator named beside the kind
// google (named), and in plain text to loopback alone, unless the operator
// allowed that too (insecure).
func CheckAccessToken(u *url.URL, named, insecure bool) *cause.Error {
	host := u.Hostname()
	refuse := func(why, fix string) *cause.Error {
		return &cause.Error{Cause: cause.Cause{Means: "a Google access token is not sent " + why, Fix: fix}}
	}
	switch {
	case IsAppspot(host):
		return refuse("to "+host+", where anyone may host", "use iap, whose token is of no use elsewhere")
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
	for _, domain := range []string{
		".composer.googleusercontent.com",
		".composer.byoid.googleusercontent.com",
		".composer.cloud.google.com",
	} {
		if strings.HasSuffix(strings.ToLower(host), domain) {
			return true
		}
	}
	return false
}

// IsAppspot reports whether host is one of App Engine's, where Composer 1
// serves Airflow behind Identity-Aware Proxy, and anyone may host.
func IsAppspot(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "appspot.com" || strings.HasSuffix(host, ".appspot.com")
}

// IsLoopback reports whether host is this machine.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
