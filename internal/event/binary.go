// SPDX-License-Identifier: Apache-2.0

package event

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// prefix is how the names of a CloudEvent's attributes begin as headers and as
// attributes of a message.
const prefix = "ce-"

// binaryMode reads the CloudEvent whose attributes are headers, and whose data is
// the body; ok is false where it lacks id, source or type.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
func binaryMode(header http.Header, body []byte) (a attributes, ok bool) {
	for name, values := range header {
		if rest, found := cutPrefix(name); found && len(values) > 0 {
			a.set(strings.ToLower(rest), validText(percentDecoded(values[0])))
		}
	}
	contentType := first(header, "Content-Type")
	if contentType != "" {
		a.ce.ContentType = validText(contentType)
	}
	a.ce.Data = body
	slices.Sort(a.ce.dropped)
	_, ok = a.event()
	return a, ok
}

// first returns a header's first value. Unlike that of [http.Header.Get], its name must
// be in canonical form: to bring it there costs more than to find it.
func first(header http.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func cutPrefix(name string) (string, bool) {
	if len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return "", false
	}
	return name[len(prefix):], true
}

// percentDecoded decodes what the HTTP binding makes a sender encode, in its
// section 3.1.3.2: blanks, quotes, per cent signs, and bytes that are not
// printable ASCII. Anything else stays: Eventarc sends ids with a raw %2F.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values
func percentDecoded(value string) string {
	if strings.IndexByte(value, '%') < 0 {
		return value
	}
	decoded := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			high, low := unhex(value[i+1]), unhex(value[i+2])
			if c := byte(high<<4 | low); high >= 0 && low >= 0 && mustEncode(c) {
				decoded = append(decoded, c)
				i += 2
				continue
			}
		}
		decoded = append(decoded, value[i])
	}
	if !utf8.Valid(decoded) {
		return value
	}
	return string(decoded)
}

func mustEncode(c byte) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '%' }

// unhex is the value of a hexadecimal digit, -1 for any other byte.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
