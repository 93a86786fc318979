// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"example.com/dagtrigger/internal/plainjson"
)

// userAgent is what Pub/Sub calls itself when it pushes, which is how Eventarc
// delivers too: https://cloud.google.com/pubsub/docs/payload-unwrapping
const userAgent = "CloudPubSub-Google"

// Request is an HTTP POST as the platform sends it. Only the address is open.
type Request struct {
	Header []Header // in the order in which it is sent
	Body   []byte
}

// Header is one header field, its name spelt as the platform spells it.
type Header struct{ Name, Value string }

func (r *Request) add(name, value string) { r.Header = append(r.Header, Header{name, value}) }

// check refuses what HTTP cannot carry as a header.
func (r *Request) check() error {
	for _, h := range r.Header {
		if h.Name == "" || strings.ContainsFunc(h.Name, notToken) {
			return &Error{
				What: fmt.Sprintf("an unwrapped push carries attributes as headers, and %q can be no header's name", h.Name),
				Fix:  "rename the attribute, or use " + string(Push),
			}
		}
		if strings.ContainsFunc(h.Value, isControl) {
			return &Error{
				What: fmt.Sprintf("an unwrapped push carries attributes as headers, and the value of %q has a control character", h.Name),
				Fix:  "leave it out, or use " + string(Push),
			}
		}
	}
	return nil
}

// notToken reports what a header's name may not have: https://www.rfc-editor.org/rfc/rfc9110#name-tokens
func notToken(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// HTTP is the request to url. It can be made any number of times.
func (r Request) HTTP(ctx context.Context, url string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for _, h := range r.Header {
		req.Header.Add(h.Name, h.Value)
	}
	return req, nil
}

// member is a named value of a JSON object.
type member struct {
	name  string
	value any
}

// object writes a JSON object with its members in the given order. A []byte
// becomes base64, a json.RawMessage stands as it is.
func object(members ...member) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := plainjson.Write(&b, m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if raw, ok := m.value.(json.RawMessage); ok {
			b.Write(raw)
			continue
		}
		if err := plainjson.Write(&b, m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
