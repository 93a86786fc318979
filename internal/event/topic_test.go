// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// The event of an address that names the topic is the one that Eventarc sends:
// its key too, so that it starts nothing twice.
func TestPushAddressMayNameItsTopic(t *testing.T) {
	t.Parallel()
	const subscription, mode = "projects/acme/subscriptions/s", "/?__GCP_CloudEventsMode="
	const body = `{"message":{"messageId":"1","data":"e30="},"subscription":"` + subscription + `"}`
	for _, row := range []struct{ name, address, topic string }{
		{"none", "/", ""},
		{"Eventarc's", mode + "CUSTOM_PUBSUB_projects%2Facme%2Ftopics%2Forders", "projects/acme/topics/orders"},
		{"another mode", mode + "CE_PUBSUB_BINDING", ""},
		{"a name alone", mode + "CUSTOM_PUBSUB_orders", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			wrapped := httptest.NewRequest(http.MethodPost, row.address, strings.NewReader(body))
			unwrapped := httptest.NewRequest(http.MethodPost, row.address, strings.NewReader("{}"))
			unwrapped.Header.Set("X-Goog-Pubsub-Message-Id", "1")
			unwrapped.Header.Set("X-Goog-Pubsub-Subscription-Name", subscription)
			ev, other := one(t, wrapped), one(t, unwrapped)
			if ev.Message.Topic != row.topic || ev.Message.Subscription != subscription {
				t.Errorf("the topic is %q, the subscription %q", ev.Message.Topic, ev.Message.Subscription)
			}
			if other.Message.Topic != row.topic || !slices.Equal(ev.Key(), other.Key()) {
				t.Errorf("unwrapped: %q, %v", other.Message.Topic, other.Key())
			}
		})
	}
}
