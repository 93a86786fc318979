// SPDX-License-Identifier: Apache-2.0

package googlesim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// Served is a [Google] that listens on loopback: Google's hosts by TLS, with a
// certificate of a separate authority, and the metadata server.
type Served struct {
	*Google
	roots    *x509.CertPool
	pem      []byte
	secure   net.Listener
	metadata net.Listener
	servers  []*http.Server
}

// Serve starts listening. Close ends it.
func (g *Google) Serve(ctx context.Context) (*Served, error) {
	if g.invalid != nil {
		return nil, fmt.Errorf("the config: %w", g.invalid)
	}
	s := &Served{Google: g, roots: x509.NewCertPool()}
	certificate, err := s.certify()
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	for _, l := range []*net.Listener{&s.secure, &s.metadata} {
		if *l, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("listening on loopback: %w", err)
		}
	}
	start := func(l net.Listener, h http.Handler) {
		quiet := log.New(io.Discard, "", 0)
		server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: quiet}
		s.servers = append(s.servers, server)
		go func() { _ = server.Serve(l) }() // until Close
	}
	start(tls.NewListener(s.secure, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}), g)
	start(s.metadata, s.proxyOr(g.Metadata()))
	return s, nil
}

// Close ends listening.
func (s *Served) Close() {
	for _, server := range s.servers {
		_ = server.Close()
	}
}

// certify makes an authority, and a certificate for all of Google's hosts.
func (s *Served) certify() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "googlesim"},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC),
		DNSNames: []string{
			"*.googleapis.com", "*.composer.googleusercontent.com", "*.appspot.com", "*.example.com",
		},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	s.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.roots.AppendCertsFromPEM(s.pem)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// LookupNetIP resolves the hosts that are there, as net.Resolver would.
func (s *Served) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if !s.Knows(host) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addresses(), nil
}

// addresses are those of every host: of the ranges that are kept for examples.
func addresses() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("192.0.2.80"), netip.MustParseAddr("2001:db8::80")}
}

// DialContext connects to the hosts that are there, wherever they are.
func (s *Served) DialContext(ctx context.Context, network, to string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		_, err = s.LookupNetIP(ctx, "ip", host)
	} else if !slices.Contains(addresses(), address) {
		err = fmt.Errorf("%s: no route to host", host)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if port != "443" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("port %s: connection refused", port)}
	}
	return new(net.Dialer).DialContext(ctx, network, s.secure.Addr().String())
}

// Roots are the authorities that speak for Google's hosts here.
func (s *Served) Roots() *x509.CertPool { return s.roots }

// Transport carries requests to Google's hosts here, and to no other.
func (s *Served) Transport() *http.Transport {
	return &http.Transport{
		DialContext:         s.DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 100,
	}
}

// Authority is the authority's certificate, in PEM.
func (s *Served) Authority() []byte { return s.pem }

// Variables are the environment variables by which another process meets this Google in
// place of the real one. authority is the file that holds [Served.Authority].
func (s *Served) Variables(authority string) []string {
	at := s.metadata.Addr().String()
	return []string{"GCE_METADATA_HOST=" + at, "HTTPS_PROXY=http://" + at, "SSL_CERT_FILE=" + authority}
}

// proxyOr is a proxy for https, which leads every host here.
func (s *Served) proxyOr(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			next.ServeHTTP(w, r)
			return
		}
		there, err := s.DialContext(r.Context(), "tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer there.Close()
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer here.Close()
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			_, _ = io.Copy(there, buffered)
			_ = there.Close()
		}()
		_, _ = io.Copy(here, there)
	})
}
