// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"example.com/dagtrigger/internal/cause"
)

// maxSecret bounds what is read of a secret's file, in bytes.
const maxSecret = 64 << 10

// Secret is a text from a setting, or from a file that is read again when it
// changes, as a mounted secret does when it is rotated. It never shows in a
// log or in formatted text.
type Secret struct {
	path  string
	lines bool // several are allowed

	mu      sync.Mutex
	value   string
	size    int64
	changed time.Time
}

// NewSecret is value itself, or what the file at path holds where one is named.
func NewSecret(value, path string) *Secret { return &Secret{value: value, path: path} }

// NewLines is NewSecret for a text of several lines.
func NewLines(value, path string) *Secret { return &Secret{value: value, path: path, lines: true} }

// String and its kin keep the secret out of whatever is printed.
func (*Secret) String() string { return "[secret]" }

// GoString is String, for %#v.
func (s *Secret) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s *Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// read returns the secret as it is now. A file is read again when its size or
// its time of change is another.
func (s *Secret) read() (string, error) { return s.current(false) }

// current is read; where always is set, it reads the file whatever its time of
// change, which not every platform's mounted secrets keep.
func (s *Secret) current(always bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return s.value, nil
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return "", unreadable(s.path, err)
	}
	if !always && s.value != "" && info.ModTime().Equal(s.changed) && info.Size() == s.size {
		return s.value, nil
	}
	value, err := readSecret(s.path, s.lines)
	if err != nil {
		return "", unreadable(s.path, err)
	}
	s.value, s.size, s.changed = value, info.Size(), info.ModTime()
	return value, nil
}

// readSecret reads a file that holds a secret and nothing else, except for the
// line end that an editor or `echo` adds.
func readSecret(path string, lines bool) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(text), "\r\n")
	switch {
	case len(value) > maxSecret:
		return "", fmt.Errorf("it has more than %d bytes", maxSecret)
	case value == "":
		return "", errors.New("it is empty")
	case !lines && strings.ContainsAny(value, "\r\n") || strings.Contains(value, "\x00"):
		return "", errors.New("it has several lines, or a NUL")
	}
	return value, nil
}

func unreadable(path string, err error) *cause.Error {
	return causeSecretFile.error(pathless(err), "FILE", path)
}

// pathless is an error of the file system without the path.
func pathless(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// quote is one line of a server's words, without the secrets that it may repeat.
func quote(said string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			said = strings.ReplaceAll(said, secret, "[secret]")
		}
	}
	const longest = 300
	words := []rune(strings.Join(strings.FieldsFunc(said, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }), " "))
	if len(words) > longest {
		words = append(words[:longest-1], '…')
	}
	return string(words)
}
