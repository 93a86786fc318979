// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// pageHeader is what the page sends with each request that changes something. Another
// origin cannot send it without asking first, and is not answered.
const pageHeader = "X-Dagtrigger-Page"

// refused says why a request is not the page's own; empty where it is. A host that is
// not this machine is a name that was rebound to it, and an origin another page.
func refused(r *http.Request) string {
	if !isThisMachine(r.Host) {
		return fmt.Sprintf("the Host is %.100q: open the page at 127.0.0.1 or localhost", r.Host)
	}
	if origin, ok := r.Header["Origin"]; ok {
		if len(origin) != 1 || !sameOrigin(origin[0], r.Host) {
			return fmt.Sprintf("the request comes from another page: Origin %.100q", origin)
		}
	}
	// https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return fmt.Sprintf("the request comes from another page: Sec-Fetch-Site %.100q", site)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	if r.Header.Get(pageHeader) == "" {
		return "a request that changes something needs the header " + pageHeader
	}
	return ""
}

// isThisMachine reports whether a Host header names the loopback interface.
func isThisMachine(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == "localhost" {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == "http" && u.Host == host
}
