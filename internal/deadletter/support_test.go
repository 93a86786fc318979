// SPDX-License-Identifier: Apache-2.0

package deadletter_test

import (
	"net/http"
	"testing"

	"example.com/dagtrigger/internal/deadletter"
)

// newTransport is a transport of the test's own.
func newTransport(t *testing.T) *http.Transport {
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// opened opens both sides of an address.
func opened(t *testing.T, address string, o deadletter.Options) (deadletter.Store, deadletter.Archive) {
	t.Helper()
	archive, err := deadletter.OpenArchive(address, o)
	if err != nil {
		t.Fatal(err)
	}
	store, err := deadletter.Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	return store, archive
}
