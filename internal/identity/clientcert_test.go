// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/dagtrigger/internal/identity"
)

// writePair writes a certificate of that serial number and its key.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "robot"},
		NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert},
		keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		later := time.Unix(1_800_000_000+serial, 0)
		if err := os.Chtimes(file, later, later); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClientCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	certFile, keyFile := filepath.Join(t.TempDir(), "client.pem"), filepath.Join(t.TempDir(), "client.key")
	c := identity.NewClientCertificate(certFile, keyFile)
	serial := func(want int64) {
		t.Helper()
		got, err := c.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(got.Certificate[0])
		if err != nil || parsed.SerialNumber.Int64() != want {
			t.Errorf("serial number %v (%v), want %d", parsed.SerialNumber, err, want)
		}
	}
	_, err := c.Get(nil)
	if err == nil || !strings.HasPrefix(err.Error(), "the client certificate "+certFile+
		" cannot be used (no such file or directory): give a certificate") {
		t.Errorf("error = %v", err)
	}
	writePair(t, certFile, keyFile, 1)
	serial(1)
	writePair(t, certFile, keyFile, 2)
	serial(2)

	// Between the writes of the two files they are not a pair.
	other := filepath.Join(t.TempDir(), "other.key")
	writePair(t, certFile, other, 3)
	serial(2)
	key, err := os.ReadFile(other)
	if err != nil || os.WriteFile(keyFile, key, 0o600) != nil {
		t.Fatal(err)
	}
	serial(3)
}

func TestMismatchedClientCertificateIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(file, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := identity.NewClientCertificate(file, file).Get(nil)
	if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "(it and its key are not a pair in PEM form)") {
		t.Errorf("error = %v", err)
	}
}
