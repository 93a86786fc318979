// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/environment"
	"example.com/dagtrigger/internal/identity"
)

const patience = 30 * time.Second

// runner makes the checks of one [Run].
type runner struct {
	target  Target
	observe Observer
	summary Summary
}

// newRunner fills in what the target leaves to the real world.
func newRunner(t Target, o Observer) *runner {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if t.Network.Resolve == nil {
		t.Network.Resolve = net.DefaultResolver.LookupNetIP
	}
	if t.Network.Dial == nil {
		t.Network.Dial = dialer.DialContext
	}
	if t.Network.Proxy == nil {
		t.Network.Proxy = http.ProxyFromEnvironment
	}
	if t.Network.Local == nil {
		t.Network.Local = localAddress
	}
	if t.Transport == nil {
		transport := airflow.NewTransport(1)
		transport.DialContext = t.Network.Dial
		transport.Proxy = t.Network.Proxy
		transport.TLSClientConfig = &tls.Config{RootCAs: t.Network.Roots, MinVersion: tls.VersionTLS12}
		t.Transport = transport
	}
	if t.Google == nil {
		t.Google = identity.NewGoogle(&identity.ADC{Transport: t.Transport})
	}
	if t.Patience == 0 {
		t.Patience = patience
	}
	return &runner{target: t, observe: o}
}

// localAddress asks the operating system which of its addresses it would use.
// A UDP connection sends nothing.
func localAddress(ctx context.Context, to netip.Addr) (netip.Addr, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", net.JoinHostPort(to.String(), strconv.Itoa(443)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	return local.Addr(), err
}

func (e *runner) tell(r Result) {
	e.summary.count(r.Status)
	e.observe(r)
}

func (e *runner) settings() {
	c := Checks()[0]
	f := Finding{Status: OK, Why: fmt.Sprintf("%s, %s", count(len(e.target.Environments), "environment"),
		count(len(e.target.Routes), "route"))}
	if e.target.Settings != nil {
		f = Finding{Status: Failed, Why: e.target.Settings.Error(),
			Fixes: []Fix{{Do: "fix what is reported there; dagtrigger help settings lists them all"}}}
	}
	e.tell(Result{Check: c.Name, Means: c.Means, Finding: f})
	for _, unknown := range e.target.Unknown {
		e.tell(Result{Check: c.Name, Means: "every variable that looks like a setting is one", Finding: Finding{
			Status: Warning, Why: unknown.What, Fixes: []Fix{{Do: unknown.Fix}},
		}})
	}
}

// skipAll reports every check but the first as skipped.
func (e *runner) skipAll(why string) {
	for _, c := range Checks()[1:] {
		e.tell(Result{Check: c.Name, Means: c.Means, Finding: skipped("%s", why)})
	}
}

// environments examines each environment, and with it the DAGs of its routes.
func (e *runner) environments(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(e.target.Environments)) {
		p := &subject{runner: e, environment: name, spec: e.target.Environments[name], missing: map[string]bool{}}
		if p.spec.Outbox != "" {
			p.examine(ctx, PerOutbox)
			continue
		}
		var err error
		p.client, err = environment.New(p.spec, e.target.Name, environment.Options{
			Transport: e.target.Transport, UserAgent: "dagtrigger doctor", Google: e.target.Google,
		})
		if err != nil {
			e.tell(Result{Check: Checks()[0].Name, Means: Checks()[0].Means, Environment: name,
				Finding: failed(err.Error(), Fix{Do: "fix what is reported there"})})
			continue
		}
		for _, r := range e.target.Routes {
			if r.Environment == name {
				p.routes = append(p.routes, r)
			}
		}
		p.examine(ctx, PerEnvironment)
		for _, r := range p.routes {
			if r.Asset != "" {
				q := *p
				q.assetRoute(ctx, r)
			}
			for _, dag := range r.DAGs {
				q := *p
				q.route, q.dag, q.missing = r, dag, maps.Clone(p.missing)
				q.examine(ctx, PerDAG)
			}
		}
	}
}

// platform examines what delivers the events: each trigger and push
// subscription by itself, for a bucket and a topic have two.
func (e *runner) platform(ctx context.Context) {
	p := &subject{runner: e, missing: map[string]bool{}}
	found := p.deliverers(ctx)
	for _, d := range found {
		q := *p
		q.trigger, q.subscription, q.missing = d.trigger, d.own, map[string]bool{}
		q.examine(ctx, OfPlatform)
	}
	if len(found) == 0 {
		p.examine(ctx, OfPlatform)
	}
}

// examine makes the checks of a scope.
func (p *subject) examine(ctx context.Context, scope Scope) {
	for _, c := range Checks() {
		if c.Scope == scope {
			p.check(ctx, c)
		}
	}
}

func (p *subject) check(ctx context.Context, c Check) {
	p.tell(Result{Check: c.Name, Means: c.Means, Environment: p.environment, Route: p.route.Name, DAG: p.dag,
		Asset: p.route.Asset, Trigger: p.deliverer(), Finding: p.make(ctx, c)})
}

// make makes one check within the time that it may take, unless something is
// missing that it needs.
func (p *subject) make(ctx context.Context, c Check) Finding {
	for _, need := range c.needs {
		if p.missing[need] {
			p.missing[c.Name] = true
			return skipped("it needs what the check %q did not find", need)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, p.target.Patience)
	defer cancel()
	f := c.run(ctx, p)
	if f.Status == Failed {
		p.missing[c.Name] = true
	}
	return f
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func ok(format string, args ...any) Finding {
	return Finding{Status: OK, Why: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Finding {
	return Finding{Status: Skipped, Why: fmt.Sprintf(format, args...)}
}

func warning(why string, fixes ...Fix) Finding {
	return Finding{Status: Warning, Why: why, Fixes: fixes}
}

func failed(why string, fixes ...Fix) Finding {
	return Finding{Status: Failed, Why: why, Fixes: fixes}
}
