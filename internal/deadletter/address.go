// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"example.com/dagtrigger/internal/pubsub"
)

// Address says where dead letters go.
type Address struct {
	scheme string // pubsub, gs or file
	// project and name are those of a topic; name is that of a bucket, too.
	project, name string
	// path is the beginning of an object's name, without a slash at its end,
	// or a folder of this system.
	path string
}

// AddressError says what is wrong with an address, and what to write instead.
type AddressError struct {
	What string
	Fix  string
}

func (e *AddressError) Error() string { return e.What + ": " + e.Fix }

// isBucket follows Google's rules, but for the words that they reserve:
// https://cloud.google.com/storage/docs/buckets#naming
func isBucket(name string) bool {
	return len(name) >= 3 && len(name) <= 222 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

const forms = "write pubsub://projects/PROJECT/topics/TOPIC, gs://BUCKET/PREFIX or file:///FOLDER"

// ParseAddress reads an address in one of three forms:
// pubsub://projects/P/topics/T, gs://BUCKET/PREFIX (the prefix may be left
// out) and file:///FOLDER. It does no I/O. Its error is an [*AddressError].
func ParseAddress(text string) (Address, error) {
	scheme, rest, found := strings.Cut(text, "://")
	invalid := func(format string, args ...any) (Address, error) {
		return Address{}, &AddressError{What: fmt.Sprintf("%.200q ", text) + fmt.Sprintf(format, args...), Fix: forms}
	}
	switch {
	case text == "":
		return Address{}, &AddressError{What: "the address is empty", Fix: forms}
	case !found:
		return invalid("names no scheme")
	case strings.ContainsFunc(rest, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return invalid("holds a control character")
	}
	switch scheme {
	case "pubsub":
		return parseTopic(rest, invalid)
	case "gs":
		return parseBucket(rest, invalid)
	case "file":
		return parseFolder(rest, invalid)
	default:
		return invalid("has the scheme %.20q", scheme)
	}
}

type invalidFunc func(format string, args ...any) (Address, error)

func parseTopic(rest string, invalid invalidFunc) (Address, error) {
	topic, err := pubsub.ParseTopic(rest)
	if err != nil {
		return invalid("%v", err)
	}
	return Address{scheme: "pubsub", project: topic.Project, name: topic.ID}, nil
}

func parseBucket(rest string, invalid invalidFunc) (Address, error) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	prefix = strings.TrimSuffix(prefix, "/")
	switch {
	case !isBucket(bucket):
		return invalid("names a bucket that cannot be: %.60q", bucket)
	case prefix != "" && (strings.HasPrefix(prefix, "/") || strings.HasSuffix(prefix, "/") || strings.Contains(prefix, "//")):
		return invalid("has a slash too many")
	case strings.ContainsAny(prefix, "*?#[]"):
		return invalid("has a prefix with a wildcard, which would be taken for a letter of its name")
	case len(prefix) > maxPrefix:
		return invalid("has a prefix of over %d bytes", maxPrefix)
	}
	return Address{scheme: "gs", name: bucket, path: prefix}, nil
}

// maxPrefix leaves 512 bytes for a run id in an object's name, which has at most
// 1,024 bytes: https://cloud.google.com/storage/docs/objects#naming
const maxPrefix = 512

func parseFolder(rest string, invalid invalidFunc) (Address, error) {
	if !strings.HasPrefix(rest, "/") {
		return invalid("names no folder from the root: a file address has three slashes")
	}
	folder := filepath.FromSlash(path.Clean(rest))
	if drive := strings.TrimPrefix(folder, `\`); filepath.VolumeName(drive) != "" {
		folder = drive // file:///C:/folder
	}
	if !filepath.IsAbs(folder) || filepath.Dir(folder) == folder {
		return invalid("names no folder below the root")
	}
	return Address{scheme: "file", path: folder}, nil
}

// String is the address as it is written.
func (a Address) String() string {
	switch a.scheme {
	case "pubsub":
		return "pubsub://" + a.topic().String()
	case "gs":
		return "gs://" + path.Join(a.name, a.path)
	default:
		return "file://" + path.Join("/", filepath.ToSlash(a.path))
	}
}

// topic is the topic that a names.
func (a Address) topic() pubsub.Topic { return pubsub.Topic{Project: a.project, ID: a.name} }

// object is the name of the object that keeps the record.
func (a Address) object(record string) string { return path.Join(a.path, fileName(record)) }

// extension of an object's or a file's name: a browser shows such a file.
const extension = ".json"

// fileName is the name of the file that keeps the record. The run ids that
// Airflow takes stay as they are, but for a colon, which has a meaning of its
// own on Windows.
func fileName(record string) string {
	return strings.ReplaceAll(url.PathEscape(record), ":", "%3A") + extension
}
