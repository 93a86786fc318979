// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"crypto/tls"
	"errors"
	"os"
	"sync"
	"time"
)

// ClientCertificate is a TLS client certificate in two files, which are read
// again when one of them changes.
type ClientCertificate struct {
	certFile, keyFile string

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed [2]time.Time
}

// NewClientCertificate names the files, in PEM form. It reads nothing.
func NewClientCertificate(certFile, keyFile string) *ClientCertificate {
	return &ClientCertificate{certFile: certFile, keyFile: keyFile}
}

// Get is for [tls.Config.GetClientCertificate].
func (c *ClientCertificate) Get(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var changed [2]time.Time
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return nil, causeClientCert.error(pathless(err), "FILE", file)
		}
		changed[i] = info.ModTime()
	}
	if c.loaded != nil && changed == c.changed {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		if c.loaded != nil { // one of the two files is new, the other not yet
			return c.loaded, nil
		}
		return nil, causeClientCert.error(errors.New("it and its key are not a pair in PEM form"), "FILE", c.certFile)
	}
	c.loaded, c.changed = &pair, changed
	return c.loaded, nil
}
