// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/identity"
)

// unreachable is the finding of a web server that there is no way to.
func (p *subject) unreachable(err error) Finding {
	f := p.because(&airflow.Error{Kind: airflow.Network, Reach: airflow.ReachOf(err), LookedUp: p.env() != nil, Said: err.Error()})
	f.Why = err.Error()
	return f
}

// proxied is the proxy that stands between, nil where there is none.
func (p *subject) proxied() *url.URL {
	proxy, err := p.target.Network.Proxy(&http.Request{URL: p.connection.URL})
	if err != nil {
		return nil
	}
	return proxy
}

func name(ctx context.Context, p *subject) Finding {
	if proxy := p.proxied(); proxy != nil {
		return skipped("requests go through the proxy %s, which resolves it", proxy.Host)
	}
	host := p.connection.URL.Hostname()
	if address, err := netip.ParseAddr(host); err == nil {
		p.addresses = []netip.Addr{address}
		return ok("%s is an address", host)
	}
	addresses, err := p.target.Network.Resolve(ctx, "ip", host)
	if err != nil {
		return p.unreachable(err)
	}
	p.addresses = addresses
	return ok("%s is %s", host, list(addresses))
}

func connection(ctx context.Context, p *subject) Finding {
	if p.proxied() != nil {
		return skipped("the proxy makes it")
	}
	var reached []netip.Addr
	var refused []error
	for _, address := range p.addresses {
		conn, err := p.target.Network.Dial(ctx, "tcp", net.JoinHostPort(address.String(), p.port()))
		if err != nil {
			refused = append(refused, err)
			continue
		}
		_ = conn.Close()
		reached = append(reached, address)
	}
	switch {
	case len(reached) == 0 && len(refused) > 0:
		return p.unreachable(refused[0])
	case len(refused) > 0:
		return ok("reached by %s; not by the others, which is of no consequence: %v", list(reached), refused[0])
	}
	return ok("reached by %s", list(reached))
}

func (p *subject) port() string {
	byScheme := map[string]string{"https": "443", "http": "80"}
	return cmp.Or(p.connection.URL.Port(), byScheme[p.connection.URL.Scheme])
}

func certificate(ctx context.Context, p *subject) Finding {
	host := p.connection.URL.Hostname()
	switch {
	case p.connection.URL.Scheme != "https":
		return skipped("the address is http: nothing is encrypted")
	case p.proxied() != nil:
		return skipped("it is looked at with the first request, through the proxy")
	case len(p.addresses) == 0:
		return skipped("there is no address to ask")
	}
	conn, err := p.dialAny(ctx)
	if err != nil {
		return p.unreachable(err)
	}
	c := &tls.Config{ServerName: host, RootCAs: p.target.Network.Roots, MinVersion: tls.VersionTLS12}
	if p.spec.ClientCertFile != "" {
		c.GetClientCertificate = identity.NewClientCertificate(p.spec.ClientCertFile, p.spec.ClientKeyFile).Get
	}
	secure := tls.Client(conn, c)
	defer secure.Close()
	if err := secure.HandshakeContext(ctx); err != nil {
		return p.unreachable(err)
	}
	state := secure.ConnectionState()
	return ok("%s, until %s", tls.VersionName(state.Version), state.PeerCertificates[0].NotAfter.UTC().Format("2006-01-02"))
}

// dialAny connects to the first address that takes a connection.
func (p *subject) dialAny(ctx context.Context) (net.Conn, error) {
	var last error
	for _, address := range p.addresses {
		conn, err := p.target.Network.Dial(ctx, "tcp", net.JoinHostPort(address.String(), p.port()))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

// isOpen reports whether the access control lets in every address there is.
func isOpen(env *composer.Environment) bool {
	everybody := func(prefix string) bool { return slices.Contains(env.Allowed, netip.MustParsePrefix(prefix)) }
	return !env.Controlled || everybody("0.0.0.0/0") && everybody("::/0")
}

func accessControl(ctx context.Context, p *subject) Finding {
	env := p.env()
	switch {
	case env == nil:
		return skipped("only Composer's API tells")
	case isOpen(env):
		return ok("it lets everybody in")
	case len(env.Allowed) == 0:
		return failed("it lets nobody in", Fix{Do: p.gcloud("update") + " --web-server-allow-all"})
	}
	allowed := list(env.Allowed)
	callers := p.callers(ctx)
	if len(callers) == 0 {
		return warning(fmt.Sprintf("it lets in %s alone; whether this caller is among them cannot be known from here, behind a "+
			"translated address", allowed), p.letIn("ADDRESS")...)
	}
	var out []string
	for _, caller := range callers {
		if !env.Allows(caller) {
			out = append(out, caller.String())
		}
	}
	if len(out) > 0 {
		return failed(fmt.Sprintf("it lets in %s alone, and not this caller, %s", allowed, strings.Join(out, ", ")), p.letIn(out...)...)
	}
	return ok("it lets in %s, and so this caller, %s", allowed, list(callers))
}

// callers are the addresses by which this process reaches the web server, as
// far as they are its own: behind a translation they tell nothing.
func (p *subject) callers(ctx context.Context) []netip.Addr {
	var callers []netip.Addr
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	for _, to := range p.addresses {
		local, err := p.target.Network.Local(ctx, to)
		if err != nil || !local.IsGlobalUnicast() || local.IsPrivate() || shared.Contains(local) || slices.Contains(callers, local) {
			continue
		}
		callers = append(callers, local)
	}
	return callers
}

// letIn are the ways to let a caller in, by all of its addresses: which of them
// a call goes by is not its choice. The flag replaces the whole list.
func (p *subject) letIn(callers ...string) []Fix {
	var flags strings.Builder
	for _, prefix := range p.env().Allowed {
		fmt.Fprintf(&flags, " --update-web-server-allow-ip=ip_range=%s", prefix)
	}
	for _, caller := range callers {
		fmt.Fprintf(&flags, " --update-web-server-allow-ip=ip_range=%s", caller)
	}
	return []Fix{
		{If: "anybody may reach the web server, whose proxy asks for credentials all the same",
			Do: p.gcloud("update") + " --web-server-allow-all"},
		{If: "only what is listed may: a function needs a fixed address for that, and may call by IPv4 or IPv6",
			Do: p.gcloud("update") + flags.String()},
	}
}

// list joins values by commas.
func list[T fmt.Stringer](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}
