// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"fmt"
	"net/http"
	"time"

	"example.com/dagtrigger/internal/rest"
)

// Options are what the process lends to a store.
type Options struct {
	// Transport carries the requests to Google, or to an emulator.
	Transport http.RoundTripper
	// Google makes the client that puts an access token on requests to Google
	// alone, and follows no redirect. No emulator is asked with it.
	Google func(base http.RoundTripper) *http.Client
	// UserAgent names this program to Google.
	UserAgent string
	// StorageEmulator and PubSubEmulator are where an emulator listens, with
	// or without http:// before it: what the variables STORAGE_EMULATOR_HOST
	// and PUBSUB_EMULATOR_HOST hold.
	StorageEmulator, PubSubEmulator string

	// Subscription is what [OpenArchive] pulls a topic's letters from:
	// projects/P/subscriptions/S, or its name alone in the topic's project.
	Subscription string
	// Idle is how long a listing waits for another message of a subscription
	// before it takes the last for the end; 0 stands for [DefaultIdle].
	Idle time.Duration
	// Keep is how many bytes of letters that were listed a subscription holds
	// in memory, to list them again; 0 stands for [DefaultKeep]. Those beyond it
	// are released before another listing, and pulled again.
	Keep int
}

// DefaultKeep is how many bytes of listed letters a subscription holds.
const DefaultKeep = 64 << 20

// DefaultIdle is how long a listing waits for another message. Pub/Sub has no
// way to say that a subscription is empty.
const DefaultIdle = 5 * time.Second

// Open makes the store at an address, see [ParseAddress]. It sends no
// request; a missing folder is created.
func Open(address string, o Options) (Store, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("opening the dead-letter store: %w", err)
	}
	switch a.scheme {
	case "pubsub":
		return openTopic(a, o)
	case "gs":
		return openBucket(a, o)
	default:
		return openFolder(a)
	}
}

// OpenArchive makes the archive of the letters that a store at the address
// keeps. A topic needs [Options.Subscription], the others take none.
func OpenArchive(address string, o Options) (Archive, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("opening the dead letters: %w", err)
	}
	switch {
	case a.scheme == "pubsub":
		return openSubscription(a, o)
	case o.Subscription != "":
		return nil, &AddressError{
			What: fmt.Sprintf("%s has no subscription %.100q", a, o.Subscription),
			Fix:  "leave the subscription out: only a topic has one",
		}
	case a.scheme == "gs":
		return openBucket(a, o)
	default:
		return newFolder(a), nil // who reads makes none
	}
}

// client calls the service at host, or its emulator where there is one.
func (o Options) client(a Address, emulator, host string) (*rest.Client, error) {
	if o.Transport == nil || emulator == "" && o.Google == nil {
		return nil, fmt.Errorf("opening %s: it needs a transport and Google credentials", a)
	}
	return rest.ForGoogle(rest.Options{Transport: o.Transport, Google: o.Google, UserAgent: o.UserAgent, Root: host, Emulator: emulator}), nil
}
