// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/plainjson"
)

// programsOnly refuses the requests of web pages with 403. Any page that is open
// on this machine could otherwise start DAG runs: a browser sends a form to
// loopback without asking, and a page whose host name is rebound to 127.0.0.1
// reads the response too. host is the address that is listened on: only on
// loopback is a Host header known to be foreign. curl, Pub/Sub and other senders
// of CloudEvents send none of the headers of a browser.
func programsOnly(host string, h http.Handler) http.Handler {
	local := isLoopback(host)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reason := fromPage(r.Header)
		if name := hostOf(r.Host); reason == "" && local && !isLoopback(name) && !isReserved(name) {
			reason = fmt.Sprintf("Host: %.100q", r.Host)
		}
		if reason == "" {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_ = plainjson.Encode(w, map[string]string{"error": "the request comes from a web page (" + reason + "): " +
			"send events to http://127.0.0.1 from a program, such as curl or dagtrigger send"}) // the sender may have gone
	})
}

// fromPage returns the header by which a browser says that a page sends a request.
// Sec-Fetch-Site is none where a person has typed the address.
// https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
func fromPage(header http.Header) string {
	if values, ok := header["Origin"]; ok {
		return fmt.Sprintf("Origin: %.100q", strings.Join(values, ", "))
	}
	if site := header.Get("Sec-Fetch-Site"); site != "" && site != "none" {
		return fmt.Sprintf("Sec-Fetch-Site: %.100q", site)
	}
	return ""
}

// hostOf returns a Host header without its port.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// isReserved reports whether no page of the internet can have the host: DNS
// resolves no name without a dot, and none below these, so that recorded requests
// can be sent again as they are: https://www.rfc-editor.org/rfc/rfc6761#section-6
func isReserved(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name != "" && !strings.ContainsAny(name, ".:") {
		return true
	}
	return slices.ContainsFunc([]string{".example", ".invalid", ".test"}, func(domain string) bool { return strings.HasSuffix(name, domain) })
}

// isLoopback reports whether a host is this machine, by any resolver:
// https://www.rfc-editor.org/rfc/rfc6761#section-6.3
func isLoopback(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
