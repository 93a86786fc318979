// SPDX-License-Identifier: Apache-2.0

package route

import (
	"strings"
	"unicode"
)

// markdown escapes text for Airflow's pages, which render a note as GitHub
// Flavored Markdown with images and links: the name of an object must not load an
// image or hide a link. An underscore within a word has no meaning and stays; line
// breaks and characters that are not visible become spaces.
// https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/ui/src/components/ReactMarkdown.tsx
// https://spec.commonmark.org/0.31.2/#backslash-escapes
func markdown(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		inWord := i > 0 && i+1 < len(runes) && isWord(runes[i-1]) && isWord(runes[i+1])
		switch {
		case !unicode.IsGraphic(r):
			r = ' '
		case strings.ContainsRune("\\`*[]<>~|&!", r), r == '_' && !inWord, i == 0 && strings.ContainsRune("#+-=", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
