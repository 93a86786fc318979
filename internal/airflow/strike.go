// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	struckOut  = "[…]"
	minStruck  = 4       // bytes: a shorter value of the conf is told by its quotes, or left
	pieceSize  = 16      // bytes: a piece of a value this long is struck out too
	maxScanned = 4096    // bytes of words that are looked through; more are never quoted
	maxConf    = 4 << 20 // bytes of conf that are looked for; words about a larger one are not quoted
	startBits  = 12
)

// quote makes one line of an answer's words, at most MaxSaid characters long,
// and strikes out whatever repeats the run's conf or the credentials in the
// request's header. Words that cannot be cleared are not quoted at all.
func quote(title, detail string, run *Run, header http.Header) string {
	if run != nil && len(run.Conf) > maxConf {
		return ""
	}
	// jsonschema prints the value once more, broken into lines, after its message.
	detail, _, _ = strings.Cut(detail, "\n\nFailed validating")
	if lower := strings.ToLower(detail); strings.Contains(lower, "<html") || strings.Contains(lower, "<!doctype") {
		detail = ""
	}
	words := title
	if title != "" && detail != "" {
		words += ": "
	}
	words = string(printable([]byte(words + detail)))
	for range 4 { // what was left may have become a value by standing together
		cleared, struck := strike(words[:min(len(words), maxScanned)], run, header)
		if len(words) > maxScanned { // the end may be a piece too short to be told
			cleared = cleared[:max(len(cleared)-pieceSize, 0)]
		}
		line := shorten(strings.Join(strings.Fields(cleared), " "))
		if line == words && !struck {
			return line
		}
		words = line
	}
	return ""
}

// printable puts a blank for each character that is no sign, so that words and
// values stay comparable.
func printable(text []byte) []byte {
	isSign := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }
	if bytes.IndexFunc(text, func(r rune) bool { return !isSign(r) }) < 0 {
		return text
	}
	return bytes.Map(func(r rune) rune {
		if isSign(r) {
			return r
		}
		return ' '
	}, text)
}

func shorten(words string) string {
	if runes := []rune(words); len(runes) > MaxSaid {
		return string(runes[:MaxSaid-1]) + "…"
	}
	return words
}

// strike puts struckOut for each value of the conf, and for each secret, that
// the words repeat. It reports whether there was any.
func strike(words string, run *Run, header http.Header) (string, bool) {
	if words == "" {
		return "", false
	}
	s := newStriker(words)
	for _, secret := range secrets(header) {
		s.shortest = 1
		s.text(secret)
		s.strikePieces()
	}
	if run != nil {
		s.shortest = minStruck
		s.members(run.Conf, s.strikePieces)
	}
	return s.rest()
}

// secrets are the values of all headers but the client's own, whole and in the
// parts that a server may repeat.
func secrets(header http.Header) []string {
	var found []string
	for name, values := range header {
		if slices.Contains([]string{"Accept", "Content-Type", "User-Agent"}, name) {
			continue
		}
		for _, value := range values {
			scheme, token, _ := strings.Cut(value, " ")
			found = append(found, value, token)
			pair, err := base64.StdEncoding.DecodeString(token)
			if err != nil || !strings.EqualFold(scheme, "Basic") {
				continue
			}
			_, password, _ := strings.Cut(string(pair), ":")
			found = append(found, string(pair), password)
		}
	}
	return found
}

// striker marks the bytes of words that repeat a spelling.
type striker struct {
	speller
	words    []byte
	struck   []bool
	left     int // bytes of words that are not struck
	shortest int
	starts   [1 << startBits]bool     // hashes of each four bytes of words: most spellings stop here
	pieces   map[[pieceSize]byte]bool // the pieces of words that were not met yet
	tried    map[string]bool          // the spellings that were looked for
}

func newStriker(words string) *striker {
	s := &striker{
		words: []byte(words), struck: make([]bool, len(words)), left: len(words),
		pieces: map[[pieceSize]byte]bool{}, tried: map[string]bool{},
	}
	s.each = s.strikeWhole
	const enough = 256 // bytes of a value as most are
	s.python, s.dumps, s.compact = make([]byte, 0, enough), make([]byte, 0, enough), make([]byte, 0, enough)
	for rest := s.words; len(rest) >= minStruck; rest = rest[1:] {
		s.starts[startOf(rest)] = true
		if len(rest) >= pieceSize {
			s.pieces[[pieceSize]byte(rest)] = true
		}
	}
	return s
}

// startOf hashes the first four bytes (Knuth's multiplicative hash).
func startOf(b []byte) uint16 {
	four := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	return uint16(four * 2654435761 >> (32 - startBits))
}

func (s *striker) strikeWhole(spelling []byte) {
	spelling = printable(spelling)
	s.strike(spelling)
	if trimmed := bytes.TrimSpace(spelling); len(trimmed) < len(spelling) {
		s.strike(trimmed)
	}
}

func (s *striker) strike(spelling []byte) {
	switch {
	case len(spelling) == 0 || len(spelling) < s.shortest || len(spelling) > len(s.words):
	case len(spelling) >= minStruck && !s.starts[startOf(spelling)]:
	case s.left == 0 || s.tried[string(spelling)]:
	default:
		s.mark(spelling)
		s.tried[string(spelling)] = true
	}
}

// strikePieces finds what a server cut short, or broke into lines.
func (s *striker) strikePieces() {
	for _, spelling := range [][]byte{s.python, s.dumps, s.compact} {
		for ; len(spelling) >= pieceSize; spelling = spelling[1:] {
			if piece := [pieceSize]byte(spelling); s.starts[startOf(spelling)] && s.pieces[piece] {
				s.mark(spelling[:pieceSize])
				delete(s.pieces, piece)
			}
		}
	}
	s.python, s.dumps, s.compact = s.python[:0], s.dumps[:0], s.compact[:0]
}

func (s *striker) mark(spelling []byte) {
	for from := 0; ; from++ {
		i := bytes.Index(s.words[from:], spelling)
		if i < 0 {
			return
		}
		from += i
		for j := from; j < from+len(spelling); j++ {
			if !s.struck[j] {
				s.struck[j] = true
				s.left--
			}
		}
	}
}

// rest is what was not struck out.
func (s *striker) rest() (string, bool) {
	var b strings.Builder
	for i, c := range s.words {
		switch {
		case !s.struck[i]:
			b.WriteByte(c)
		case i == 0 || !s.struck[i-1]:
			b.WriteString(struckOut)
		}
	}
	return strings.ToValidUTF8(b.String(), ""), s.left < len(s.words) // a piece may end within a character
}
