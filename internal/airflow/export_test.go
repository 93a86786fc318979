// SPDX-License-Identifier: Apache-2.0

package airflow

import "strings"

// IsVocabulary reports whether a word is quoted whatever the conf is.
func IsVocabulary(word string) bool { return vocabulary()[strings.ToLower(word)] }

// IsNoWord reports whether a character ends a word.
func IsNoWord(r rune) bool { return !isWordRune(r) }
