// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"

	"example.com/dagtrigger/internal/airflow"
)

// A server that refuses the client's certificate says why in a TLS alert; its
// numbers are those of RFC 8446, section 6.
func TestReachOfARefusedClientCertificate(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		alert tls.AlertError
		want  airflow.Reach
	}{
		"handshake failure": {40, airflow.NoClientCert},
		"bad":               {42, airflow.NoClientCert},
		"unsupported":       {43, airflow.NoClientCert},
		"revoked":           {44, airflow.NoClientCert},
		"expired":           {45, airflow.NoClientCert},
		"unknown":           {46, airflow.NoClientCert},
		"unknown authority": {48, airflow.NoClientCert},
		"required":          {116, airflow.NoClientCert},
		"internal error":    {80, ""},
		"protocol version":  {70, ""},
	} {
		err := &url.Error{Op: "Post", URL: "https://airflow.example.com", Err: &net.OpError{Op: "remote error", Err: row.alert}}
		if got := airflow.ReachOf(err); got != row.want {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}

func TestReachOfABrokenConnection(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: syscall.ECONNRESET}, errors.New(`net/http: malformed HTTP response "SSH-2.0"`),
	} {
		if got := airflow.ReachOf(&url.Error{Op: "Post", URL: "https://airflow.example.com", Err: err}); got != airflow.BrokenOff {
			t.Errorf("%v: got %q", err, got)
		}
	}
	if got := airflow.ReachOf(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}); got != "" {
		t.Errorf("a refused connection: got %q", got)
	}
}
