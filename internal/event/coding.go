// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// errCoding says that a body is not what its Content-Encoding says.
var errCoding = errors.New("the body is not what its Content-Encoding says: send it as it is, or by gzip or deflate")

// DecodeContent makes r's body the content that its Content-Encoding has coded:
// gzip or deflate (https://www.rfc-editor.org/rfc/rfc9110#name-content-codings).
// It reads nothing yet: bound the bytes of the new body, which can be a thousand
// times those of the old one. An unwrapped push is left alone, whose header is an
// attribute of its message.
//
// The error is an [*Error] with status 415 for any other coding.
func DecodeContent(r *http.Request) error {
	if first(r.Header, messageIDHeader) != "" {
		return nil
	}
	coding := codingOf(r.Header)
	switch coding {
	case "":
		return nil
	case "gzip", "x-gzip", "deflate":
		if r.Body == nil || r.Body == http.NoBody {
			return nil
		}
		raw := &rawBody{ReadCloser: r.Body}
		r.Body = &decodedBody{rawBody: raw, coded: bufio.NewReader(raw), deflate: coding == "deflate"}
		r.ContentLength = -1
		return nil
	}
	return &Error{
		Status: http.StatusUnsupportedMediaType,
		Reason: fmt.Sprintf("the Content-Encoding %.40q is not decoded: send the body as it is, or by gzip or deflate", coding),
	}
}

// codingOf is the codings of a body in lower case, in the order in which they were
// applied, less those that change nothing; empty for none.
func codingOf(header http.Header) string {
	values := header["Content-Encoding"]
	if len(values) == 0 {
		return ""
	}
	var codings []string
	for coding := range strings.SplitSeq(strings.ToLower(strings.Join(values, ",")), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && coding != "identity" {
			codings = append(codings, coding)
		}
	}
	return strings.Join(codings, ", ")
}

// rawBody remembers what its reading ended in: a decoder reports a sender that was
// cut off as if the content were wrong.
type rawBody struct {
	io.ReadCloser
	err error
}

func (b *rawBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// decodedBody opens its decoder by the first read.
type decodedBody struct {
	*rawBody
	coded   *bufio.Reader
	deflate bool
	decoder io.Reader
}

func (b *decodedBody) Read(p []byte) (int, error) {
	if b.decoder == nil {
		decoder, err := b.open()
		if err != nil {
			return 0, b.wrap(err)
		}
		b.decoder = decoder
	}
	n, err := b.decoder.Read(p)
	return n, b.wrap(err)
}

func (b *decodedBody) wrap(err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case b.err != nil:
		return b.err
	}
	return errCoding
}

// open returns the decoder. By deflate some senders mean zlib's format, as they
// should, and some raw deflate.
func (b *decodedBody) open() (io.Reader, error) {
	head, err := b.coded.Peek(2)
	if len(head) == 0 && errors.Is(err, io.EOF) { // no content needs no coding
		return b.coded, nil
	}
	switch {
	case !b.deflate:
		return gzip.NewReader(b.coded)
	case len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0:
		return zlib.NewReader(b.coded)
	}
	return flate.NewReader(b.coded), nil
}
