// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/base64"

	"example.com/dagtrigger/internal/jsonscan"
	"example.com/dagtrigger/internal/plainjson"
)

// maxDepth is the most levels of arrays and objects that data may have.
// Python's parser, and so Airflow's, gives up at about 1,000.
const maxDepth = 200

// integer returns the digits of a JSON value that is an int64 in Google's APIs:
// protobuf's JSON writes those as strings, other senders as numbers. It is ""
// where the value is neither, is negative or has more than an int64's digits.
func integer(value []byte) string {
	s := bytes.Trim(value, `"`)
	if len(s) > 19 || len(bytes.Trim(s, "0123456789")) > 0 {
		return ""
	}
	return string(s)
}

// decodeBase64 returns the bytes of a JSON value that is base64 (RFC 4648, padded),
// once there is memory for them.
func (d *decoder) decodeBase64(value []byte) ([]byte, bool) {
	if len(value) == 0 || value[0] != '"' || !d.hold(base64.StdEncoding.DecodedLen(len(value))) {
		return nil, false
	}
	encoded := jsonscan.Unquote(value)
	data := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(data, encoded)
	return data[:n], err == nil
}

// isNull reports whether a member is absent, which null says too.
func isNull(value []byte) bool { return len(value) == 0 || value[0] == 'n' }

// isObject reports whether a JSON text is an object.
func isObject(data []byte) bool { return jsonscan.First(data) == '{' }

// byteOrderMark is what .NET, PowerShell and spreadsheets write before UTF-8. A
// reader of JSON may ignore it (https://www.rfc-editor.org/rfc/rfc8259#section-8.1);
// Python's refuses it.
const byteOrderMark = "\uFEFF"

// withoutMark is a JSON text without the byte order mark before it.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte(byteOrderMark)) }

// encode writes v as JSON, in which < and & stand for themselves.
func encode(v any) []byte {
	text, _ := plainjson.Marshal(v) // of text, maps of text and valid JSON: never fails
	return text
}
