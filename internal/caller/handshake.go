// SPDX-License-Identifier: Apache-2.0

package caller

import (
	"cmp"
	"io"
	"net/http"
)

// AnswerProbe answers the probes of Kubernetes and the like, and reports whether r is
// one. A process whose settings are invalid does not get here.
func AnswerProbe(w http.ResponseWriter, r *http.Request) bool {
	isProbe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
	if !isProbe || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // a prober that has gone needs no answer
	return true
}

// AnswerHandshake allows a sender of webhooks to send events, which grants it
// nothing: what it sends is still checked. Event Grid subscribes no endpoint that
// does not answer. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection
func AnswerHandshake(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions {
		return false
	}
	w.Header().Set("Allow", "GET, HEAD, OPTIONS, POST")
	// Spelled as net/http keeps it: every request is asked for it.
	if origin := r.Header.Get("Webhook-Request-Origin"); origin != "" {
		w.Header().Set("WebHook-Allowed-Origin", origin)
		w.Header().Set("WebHook-Allowed-Rate", cmp.Or(r.Header.Get("WebHook-Request-Rate"), "*"))
	}
	w.WriteHeader(http.StatusOK)
	return true
}
