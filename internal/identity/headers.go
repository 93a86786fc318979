// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// maxHeaders bounds how many headers may be set.
const maxHeaders = 32

// Headers are headers that the operator adds to each request to the web server,
// such as a gateway's key. Their values are secrets.
type Headers struct{ lines *Secret }

// NewHeaders are the headers in lines, see [ParseHeaders].
func NewHeaders(lines *Secret) *Headers { return &Headers{lines: lines} }

func (h *Headers) set(req *http.Request) error {
	if h == nil {
		return nil
	}
	text, err := h.lines.read()
	if err != nil {
		return err
	}
	header, err := ParseHeaders(text)
	if err != nil {
		return causeHeaders.error(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	return nil
}

// ParseHeaders reads "Name: value" lines; empty ones are skipped. Its errors
// name a header or a line, and never a value.
func ParseHeaders(text string) (http.Header, error) {
	header := http.Header{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !httpguts.ValidHeaderFieldName(name) {
			return nil, fmt.Errorf("line %d is not of the form Name: value", i+1)
		}
		value = strings.TrimSpace(value)
		if value == "" || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("the value of %s is empty or has control characters", name)
		}
		if reason := reserved(name); reason != "" {
			return nil, fmt.Errorf("%s cannot be set: %s", name, reason)
		}
		header.Add(name, value)
	}
	switch {
	case len(header) == 0:
		return nil, errors.New("there are none")
	case len(header) > maxHeaders:
		return nil, fmt.Errorf("there are more than %d", maxHeaders)
	}
	return header, nil
}

// reserved is why a header cannot be set, empty where it can. The names are
// those of RFC 9110, section 7.6.1, and those that the client sets itself.
func reserved(name string) string {
	hopByHop := []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Authenticate",
	}
	own := []string{"Accept", "Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "User-Agent", "Traceparent",
		"Tracestate"}
	switch canonical := http.CanonicalHeaderKey(name); {
	case canonical == "Host":
		return "it follows from AIRFLOW_URL"
	case canonical == "Authorization":
		return "AIRFLOW_AUTH sets it"
	case canonical == "Proxy-Authorization":
		return "AIRFLOW_IAP_CLIENT_ID sets it"
	case canonical == "X-Serverless-Authorization":
		return "AIRFLOW_AUDIENCE sets it"
	case slices.Contains(hopByHop, canonical):
		return "it is for one connection"
	case slices.Contains(own, canonical):
		return "the client sets it"
	}
	return ""
}
