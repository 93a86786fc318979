// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/doctor"
)

// The way to a web server breaks at one step, and each is distinguished.
func TestNetworkPathIsCheckedStepByStep(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		ill   func(*world)
		check string
		want  string
	}{
		{"its name is unknown", func(w *world) {
			w.target.Network.Resolve = func(_ context.Context, _, host string) ([]netip.Addr, error) {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
		}, "name", "failed: lookup " + host2 + ": no such host" + fixesLookedUp(t, "unknown-name")},
		{"it takes no connection", func(w *world) {
			w.target.Network.Dial = func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("dial tcp 192.0.2.80:443: connection refused")
			}
		}, "connection", "failed: dial tcp 192.0.2.80:443: connection refused" + fixesLookedUp(t, "network")},
		{"its certificate is not trusted", func(w *world) { w.target.Network.Roots = x509.NewCertPool() }, "tls",
			"failed: tls: failed to verify certificate: x509: certificate signed by unknown authority" + fixes(t, "unknown-authority")},
		{"nobody is let in", func(w *world) { w.env().Allowed = []string{} }, "access control",
			"failed: it lets nobody in\ngcloud composer environments update prod --project=acme --location=europe-west1 --web-server-allow-all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, composer33)
			tt.ill(w)
			all, summary := w.examine()
			w.wants(all, tt.check, tt.want)
			if summary.Healthy() {
				t.Error("it is called healthy")
			}
		})
	}
}

func TestOneAddressFamilySuffices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.start()
	w.target.Network.Dial = func(ctx context.Context, network, to string) (net.Conn, error) {
		if strings.HasPrefix(to, "[") {
			return nil, errors.New("network is unreachable")
		}
		return w.served.DialContext(ctx, network, to)
	}
	all, _ := w.examine()
	w.wants(all, "connection", "ok: reached by 192.0.2.80; not by the others, which is of no consequence: network is unreachable")
	w.wants(all, "tls", "ok: TLS 1.3, until 2099-12-31")
}

func TestNetworkChecksAreSkippedBehindAProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, composer33)
	w.target.Network.Proxy = func(*http.Request) (*url.URL, error) {
		return url.Parse("http://user:" + planted + "@proxy.example.com:3128")
	}
	all, summary := w.examine()
	w.wants(all, "name", "skipped: requests go through the proxy proxy.example.com:3128, which resolves it")
	w.wants(all, "connection", "skipped: the proxy makes it")
	w.wants(all, "tls", "skipped: it is looked at with the first request, through the proxy")
	w.wants(all, "web server", "ok: it answers, and is healthy")
	if !summary.Healthy() {
		t.Errorf("summary = %+v", summary)
	}
}

func TestAccessControlIsCheckedForTheCallersAddress(t *testing.T) {
	t.Parallel()
	const (
		update = "gcloud composer environments update prod --project=acme --location=europe-west1"
		open   = "\nif anybody may reach the web server, whose proxy asks for credentials all the same: " + update + " --web-server-allow-all"
		listed = "\nif only what is listed may: a function needs a fixed address for that, and may call by IPv4 or IPv6: " + update +
			" --update-web-server-allow-ip=ip_range=203.0.113.0/24 --update-web-server-allow-ip=ip_range="
	)
	tests := []struct {
		name    string
		allowed []string
		v4, v6  string
		want    string
	}{
		{"no control", nil, "203.0.113.7", "2001:db8:1::7", "ok: it lets everybody in"},
		{"every address", []string{"0.0.0.0/0", "::/0"}, "203.0.113.7", "2001:db8:1::7", "ok: it lets everybody in"},
		{"this one", []string{"203.0.113.0/24"}, "203.0.113.7", "10.0.0.7", "ok: it lets in 203.0.113.0/24, and so this caller, 203.0.113.7"},
		{"another", []string{"203.0.113.0/24"}, "198.51.100.7", "10.0.0.7",
			"failed: it lets in 203.0.113.0/24 alone, and not this caller, 198.51.100.7" + open + listed + "198.51.100.7"},
		{"this one by IPv4 alone", []string{"203.0.113.0/24"}, "203.0.113.7", "2001:db8:1::7",
			"failed: it lets in 203.0.113.0/24 alone, and not this caller, 2001:db8:1::7" + open + listed + "2001:db8:1::7"},
		{"neither address", []string{"203.0.113.0/24"}, "198.51.100.7", "2001:db8:1::7",
			"failed: it lets in 203.0.113.0/24 alone, and not this caller, 198.51.100.7, 2001:db8:1::7" +
				open + listed + "198.51.100.7 --update-web-server-allow-ip=ip_range=2001:db8:1::7"},
		{"nobody can tell", []string{"203.0.113.0/24"}, "10.0.0.7", "100.64.0.7",
			"warning: it lets in 203.0.113.0/24 alone; whether this caller is among them cannot be known from here, behind a translated address" +
				open + listed + "ADDRESS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, composer33)
			w.env().Allowed, w.google.Caller = tt.allowed, netip.MustParseAddr(tt.v4)
			w.target.Network.Local = func(_ context.Context, to netip.Addr) (netip.Addr, error) {
				if to.Is4() {
					return netip.ParseAddr(tt.v4)
				}
				return netip.ParseAddr(tt.v6)
			}
			all, _ := w.examine()
			w.wants(all, "access control", tt.want)
		})
	}
}

// Without Composer's API access control looks like a lack of permission: both
// are reported. With it, only the one that holds.
func TestGatewayRefusalNamesPossibleCauses(t *testing.T) {
	t.Parallel()
	const said = "failed: 403 text/html: answered by Google's front end: That's an error. "
	const byAddress = said + "Access is denied by the network access control."
	t.Run("by address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, composer33)
		w.target.Environments["default"] = specOf("https://" + host2)
		w.env().Allowed = []string{}
		all, _ := w.examine()
		w.wants(all, "web server", byAddress+strings.ReplaceAll(fixes(t, "composer-permission", "access-control", "undetected"), "ACCOUNT",
			robot))
	})
	t.Run("nobody is let in", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, composer33)
		w.env().Allowed = []string{}
		all, _ := w.examine()
		got := text(result(t, all, "web server").Finding)
		if !strings.HasPrefix(got, byAddress+"\nif the web server's network access control keeps this address out: gcloud composer "+
			"environments update prod") || strings.Count(got, "\n") != 1 {
			t.Error(got)
		}
	})
	t.Run("no permission", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, composer33)
		w.google.Accounts[0].Roles = []string{"roles/composer.environmentAndStorageObjectViewer"}
		all, _ := w.examine()
		w.wants(all, "web server", said+"Your client does not have permission to get this URL.\nif the service account may not use the "+
			"environment: "+
			"gcloud projects add-iam-policy-binding acme --member=serviceAccount:"+robot+" --role=roles/composer.user")
	})
	t.Run("a login page", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, composer33)
		w.start()
		w.served.Fail(host2, http.StatusFound, "")
		all, _ := w.examine()
		if r := result(t, all, "web server"); r.Status != doctor.Failed || !strings.HasPrefix(r.Why, "302 text/html: redirect to") {
			t.Error(text(r.Finding))
		}
	})
}
