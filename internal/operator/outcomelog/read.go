// SPDX-License-Identifier: Apache-2.0

package outcomelog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// MaxEntry is the most bytes of an entry of a log: Cloud Logging's have at most 256 KB,
// and twice as many when they are indented.
// https://cloud.google.com/logging/quotas#log-limits
const MaxEntry = 1 << 20

// Skipped counts what was read and is not a line of an event.
type Skipped struct {
	Lines int // of anything else
	Text  int // as serve writes them for people
}

// Read calls yield for each line of an event in a log: a JSON array of entries, as
// "gcloud logging read --format=json" prints it, or lines of JSON, as the function and
// an export write them, whatever stands before the JSON or between the lines. The error
// is that of reading, or of an array that is cut off.
func Read(in io.Reader, yield func(*Line)) (Skipped, error) {
	r := bufio.NewReaderSize(in, 64<<10)
	s := scanner{in: r, yield: yield}
	begin, _ := r.Peek(3)
	switch {
	case bytes.HasPrefix(begin, []byte("\xff\xfe")), bytes.HasPrefix(begin, []byte("\xfe\xff")):
		return s.skipped, errors.New("it is UTF-16, as PowerShell's > writes: write it as UTF-8, or pipe it")
	case bytes.Equal(begin, []byte("\xef\xbb\xbf")):
		_, _ = r.Discard(len(begin))
	}
	for {
		b, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return s.skipped, nil
		case err != nil:
			return s.skipped, err
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		}
		_ = r.UnreadByte() // one was read
		if s.isArray() {
			err = s.array()
		} else {
			err = s.lines()
		}
		return s.skipped, err
	}
}

type scanner struct {
	in      *bufio.Reader
	yield   func(*Line)
	skipped Skipped
}

// isArray reports whether an array of entries follows: a line may begin with [ as well.
func (s *scanner) isArray() bool {
	begin, _ := s.in.Peek(1)
	if string(begin) == "[" { // else nothing more is needed, which may be long in coming
		begin, _ = s.in.Peek(4 << 10)
	}
	rest, found := bytes.CutPrefix(begin, []byte("["))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return found && len(rest) > 0 && (rest[0] == '{' || rest[0] == ']')
}

// array reads arrays of entries.
func (s *scanner) array() error {
	limited := &limit{in: s.in, left: MaxEntry}
	dec := json.NewDecoder(limited)
	entries := 0
	for {
		if token, err := dec.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil || token != json.Delim('[') {
			return s.broken(entries, err)
		}
		for dec.More() {
			entries++
			limited.left = MaxEntry
			var e entry
			err := dec.Decode(&e)
			if _, other := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !other {
				return s.broken(entries, err)
			}
			s.found(&e, err)
		}
		limited.left = MaxEntry
		if _, err := dec.Token(); err != nil {
			return s.broken(entries, err)
		}
	}
}

// broken says what is wrong with an array, and what to do.
func (s *scanner) broken(entry int, err error) error {
	switch {
	case errors.Is(err, errLarge):
		return fmt.Errorf("entry %d has over %d bytes, which no log's entry has: is it a log?", entry, MaxEntry)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the JSON array ends within entry %d: read the log again, the download was interrupted", max(entry, 1))
	case err == nil:
		return errors.New("there is more behind the JSON array: give one array, or a line of JSON for each entry")
	}
	return fmt.Errorf("entry %d is not JSON: %w: read the log with --format=json", max(entry, 1), err)
}

func (s *scanner) found(e *entry, err error) {
	if l := e.line(); err == nil && l != nil {
		s.yield(l)
		return
	}
	s.skipped.Lines++
}

// asText matches the first line of an event as serve writes it for people.
var asText = regexp.MustCompile(`^(\x1b\[[0-9;]*m)?\d\d:\d\d:\d\d(\x1b\[[0-9;]*m)?  (ERROR |WARNING )?(event|shadow) [a-z_]+(:|$)`)

// lines reads lines, most of which are JSON.
func (s *scanner) lines() error {
	var open []byte // an entry that is indented
	for {
		line, err := s.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		text := bytes.TrimSpace(line)
		switch {
		case open != nil && len(open)+len(line) <= MaxEntry:
			open = append(open, line...)
			if len(line) > 0 && line[0] == '}' {
				s.decode(open)
				open = nil
			}
		case string(text) == "{":
			open = bytes.Clone(line)
		case len(text) > 0:
			open = nil
			s.decode(text)
		}
		if err != nil {
			if open != nil {
				s.skipped.Lines++
			}
			return nil
		}
	}
}

// line is the next one; empty where it is too long.
func (s *scanner) line() ([]byte, error) {
	var all []byte
	long := false
	for {
		part, err := s.in.ReadSlice('\n')
		if long = long || len(all)+len(part) > MaxEntry; !long {
			all = append(all, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long {
			s.skipped.Lines++
			return nil, err
		}
		return all, err
	}
}

// decode reads the entry in a text, which may have something before it: the time and
// the name of a container, say.
func (s *scanner) decode(text []byte) {
	at := bytes.IndexByte(text, '{')
	if at < 0 {
		if asText.Match(text) {
			s.skipped.Text++
		}
		s.skipped.Lines++
		return
	}
	var e entry
	s.found(&e, json.Unmarshal(text[at:], &e))
}

// errLarge means that an entry has too many bytes.
var errLarge = errors.New("too large")

// limit ends what one entry may take.
type limit struct {
	in   io.Reader
	left int
}

func (l *limit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLarge
	}
	n, err := l.in.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
