// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// Reach is why no answer came, as far as it is known.
type Reach string

// The reasons. Any other, such as a refused connection, is empty.
const (
	UnknownName        Reach = "unknown name"        // DNS has no address
	UnknownAuthority   Reach = "unknown authority"   // the certificate's authority is not trusted
	WrongName          Reach = "wrong name"          // the certificate is for another name
	ExpiredCertificate Reach = "expired certificate" // or not valid yet
	NoClientCert       Reach = "client certificate"  // the server requires one, or refuses this one
	NotTLS             Reach = "not TLS"             // https to an http port
	BrokenOff          Reach = "broken off"          // the connection ended without a response, or with half of one
)

// ReachOf finds the reason in the error of a connection.
func ReachOf(err error) Reach {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return UnknownName
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return UnknownAuthority
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return WrongName
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return ExpiredCertificate
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return NotTLS
	}
	// The alert's type is not exported: crypto/tls/alert.go.
	if remote, ok := errors.AsType[*net.OpError](err); ok && remote.Op == "remote error" {
		// Expired, revoked, unsupported, unknown, missing: all name the certificate.
		alert := remote.Err.Error()
		if strings.Contains(alert, "certificate") || strings.Contains(alert, "handshake failure") {
			return NoClientCert
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		strings.Contains(err.Error(), "malformed HTTP") { // net/http has no type for it
		return BrokenOff
	}
	return ""
}
