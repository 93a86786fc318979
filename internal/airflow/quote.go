// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	leftOut    = "…"  // stands for the words that are not quoted
	maxScanned = 2048 // bytes of an answer's words that are looked at
	maxWord    = 40   // letters of a word that is not in the vocabulary
	gramSize   = 4    // letters that an unknown word must not have in common with the request
)

// vocabulary are the words, in lower case, that Airflow and what stands before
// it use in their refusals. They say nothing of a conf, and are quoted.
var vocabulary = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(vocabularyText) {
		words[word] = true
	}
	return words
})

const vocabularyText = `
a accept access account additional address administrator after again airflow all allow allowed already also an and any api are
argument array as asset at attack audience auth authenticate authenticated authentication authorization authorized backend bad be
bearer because been before body boolean both browser but by call can cannot check client client's code conf config configured
conflict connect connection consult consumer content cookie could credentials csrf dag dag_id dag_run_id dag_runs dagmodel dagrun
dagrun's dagruns dags database date datetime debug decode default denied depends detail dictionary did different disconnect do
does don't empty end error exceeded exceeds exist exists expected expired extra failed failure fewer field file for forbidden
forbids format found from front full gateway get given greater had has have header headers health healthy host html http https iap
id in incident incorrect input inputs instance int integer internal invalid is issued it items its json jwt key large length less
limit line list location logical logical_date login logs long longer look malformed manual match matched matches matching
materialization materializes maximum may media message method minimum missing model more must name next no none not note null
number object obtain of off on one only open or other our out over page param parameter params parse partition_key partitioned
password pattern payload permission permitted plain please port post properties property provided proxy query range rate rbac read
reason regex regular rejected reports request requested require required reserved reset respond response route run run_after
run_id run_type runs s scheduled schema schemas secure see sent serialized server service session short should signature size
small ssl stale started state status stopped string strings such supplied support supported t taken temporarily than that the
there this those tls to token too triggered true type types unable unauthorized unavailable under unexpected unique unknown
unsupported upstream uri url used user username v1 v2 valid validating validation value values verification version violation was
web were when which with without wrong you your
`

// secret is what an answer's words must not repeat.
type secret struct {
	body   []byte // of the request: a run's conf, or a user's password
	header string // values of the request's headers that identify the caller
}

// secretsOf lists what a request carries, the caller's credentials as they are
// sent and as they are written by an operator.
func secretsOf(q ask, header http.Header) secret {
	s := secret{body: q.body}
	for name, values := range header {
		if slices.Contains([]string{"Accept", "Content-Type", "User-Agent", "Traceparent"}, name) {
			continue
		}
		for _, v := range values {
			s.header += v + "\n"
			if _, encoded, ok := strings.Cut(v, " "); ok {
				if plain, err := base64.StdEncoding.DecodeString(encoded); err == nil {
					s.header += string(plain) + "\n"
				}
			}
		}
	}
	return s
}

// quote makes one line of what an answer says, at most MaxSaid characters long.
// Words of the vocabulary are quoted, the run's own ids, and the name of a
// parameter; of other words those in plain letters that have no four letters in
// a row in common with the conf or the credentials. Numbers may be values in
// another spelling, and are left out like all the rest, for which "…" stands.
func quote(words string, q ask, header http.Header) string {
	// jsonschema prints the value again, over several lines, after its message.
	words, _, _ = strings.Cut(words, "\n\nFailed validating")
	lower := strings.ToLower(words[:min(len(words), maxScanned)])
	if strings.Contains(lower, "<html") || strings.Contains(lower, "<!doctype") {
		return ""
	}
	words = strings.ToValidUTF8(words[:min(len(words), maxScanned)], leftOut)
	var known []string
	if q.run != nil {
		known = append(known, q.run.RunID, q.run.DAGID)
		if name := paramIn(words); name != "" && isKey(q.run.Conf, name) {
			known = append(known, name)
		}
	}
	s := secretsOf(q, header)
	pieces := split(words, known)
	s.strike(pieces)
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.text)
	}
	line := strings.Join(strings.Fields(b.String()), " ")
	line = manyLeftOut().ReplaceAllString(line, leftOut)
	if strings.Trim(line, leftOut+` .,:;'"`+"`") == "" {
		return ""
	}
	return shorten(line, MaxSaid)
}

// manyLeftOut finds several pieces that are left out, with nothing but
// punctuation between them.
var manyLeftOut = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`…(?:[^\pL\pN…]*…)+`) })

var paramName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|: )Invalid input for param ([A-Za-z_][\w.-]{0,99}):`)
})

// paramIn is the name of the DAG's parameter that a refusal is about, empty
// where it is about none.
func paramIn(words string) string {
	if found := paramName().FindStringSubmatch(words); found != nil {
		return found[1]
	}
	return ""
}

// isKey reports whether the conf has a member of that name. The value of each
// is skipped unread.
func isKey(conf []byte, name string) bool {
	var members map[string]json.RawMessage
	if !bytes.Contains(conf, []byte(name)) || json.Unmarshal(conf, &members) != nil {
		return false
	}
	_, ok := members[name]
	return ok
}

// piece is a part of an answer's words.
type piece struct {
	text    string
	unknown bool // a word in plain letters that is not in the vocabulary
}

// split cuts words into pieces, and leaves out those that are never quoted.
func split(words string, known []string) (pieces []piece) {
	for rest, before := words, ' '; rest != ""; {
		if id := begins(rest, before, known); id != "" {
			pieces = append(pieces, piece{text: id})
			rest, before = rest[len(id):], 'x'
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		if !isWordRune(r) {
			if r < ' ' || r > '~' || strings.ContainsRune("<>\\@#", r) {
				r = ' '
			}
			pieces = append(pieces, piece{text: string(r)})
			rest, before = rest[size:], r
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return !isWordRune(r) })
		if end < 0 {
			end = len(rest)
		}
		pieces = append(pieces, wordPiece(rest[:end]))
		rest, before = rest[end:], 'x'
	}
	return pieces
}

// begins returns the known name that text begins with as a whole word.
func begins(text string, before rune, known []string) string {
	if isWordRune(before) {
		return ""
	}
	for _, name := range known {
		if rest, ok := strings.CutPrefix(text, name); ok && name != "" {
			if next, _ := utf8.DecodeRuneInString(rest); rest == "" || !isWordRune(next) {
				return name
			}
		}
	}
	return ""
}

func isWordRune(r rune) bool {
	return r == '_' || r >= utf8.RuneSelf || unicode.IsLetter(r) || unicode.IsDigit(r)
}

func wordPiece(word string) piece {
	plain := !strings.ContainsFunc(word, func(r rune) bool { return r != '_' && (r >= utf8.RuneSelf || !unicode.IsLetter(r)) })
	switch {
	case vocabulary()[strings.ToLower(word)]:
		return piece{text: word}
	case plain && len(word) >= gramSize && len(word) <= maxWord:
		return piece{text: word, unknown: true}
	}
	return piece{text: leftOut}
}

var escapedLetter = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\u00[2-7]`) })

type gram [gramSize]byte

// strike leaves out the unknown words that have a gram in common with a secret,
// in one pass over the secrets.
func (s secret) strike(pieces []piece) {
	grams := map[gram][]int{} // to the pieces that have them
	for i, p := range pieces {
		if !p.unknown {
			continue
		}
		for word := lowered([]byte(p.text)); len(word) >= gramSize; word = word[1:] {
			grams[gram(word)] = append(grams[gram(word)], i)
		}
	}
	if len(grams) == 0 {
		return
	}
	// A letter that is escaped in the conf is not found in it.
	all := escapedLetter().Match(s.body)
	for i := range pieces {
		if all && pieces[i].unknown {
			pieces[i].text = leftOut
		}
	}
	for _, text := range [][]byte{s.body, []byte(s.header)} {
		findGrams(text, grams, func(i int) { pieces[i].text = leftOut })
	}
}

// findGrams calls found with the pieces whose grams are in text.
func findGrams(text []byte, grams map[gram][]int, found func(i int)) {
	var first [256]bool
	for g := range grams {
		first[g[0]] = true
	}
	for i := 0; i+gramSize <= len(text) && len(grams) > 0; i++ {
		if !first[lower(text[i])] {
			continue
		}
		g := gram{lower(text[i]), lower(text[i+1]), lower(text[i+2]), lower(text[i+3])}
		for _, p := range grams[g] {
			found(p)
		}
		delete(grams, g)
	}
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func lowered(text []byte) []byte {
	for i, c := range text {
		text[i] = lower(c)
	}
	return text
}

// shorten cuts text to a number of characters.
func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + leftOut
	}
	return text
}

// oneLine is a text of this program or of Go's on one line.
func oneLine(text string) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return ' '
	}, text)
	return shorten(strings.Join(strings.Fields(printable), " "), MaxSaid)
}

var remote = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(?:\\.|[^"\\])*"|malformed MIME header.*`) })

// transportSaid is what an error of the transport says, without what it may
// repeat of the bytes that the server sent, or of the credentials.
func transportSaid(err error, credentials string) string {
	words := strings.Fields(remote().ReplaceAllString(err.Error(), leftOut))
	for i, word := range words {
		if repeats(word, credentials) {
			words[i] = leftOut
		}
	}
	return oneLine(strings.Join(words, " "))
}
