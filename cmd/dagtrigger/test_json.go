// SPDX-License-Identifier: Apache-2.0

package main

import (
	"example.com/dagtrigger/internal/plainjson"
)

// triedFile is a file of examples with its results, in JSON. Passed is false where
// an example fails, or the file or its routes are invalid.
type triedFile struct {
	File     string         `json:"file"`
	Passed   bool           `json:"passed"`
	Examples []triedExample `json:"examples"`
	Errors   []finding      `json:"errors"`
}

type triedExample struct {
	Name        string   `json:"name"`
	Line        int      `json:"line"`
	Passed      bool     `json:"passed"`
	Differences []string `json:"differences"`
}

// printTriedJSON prints one JSON object for each file.
func (p *program) printTriedJSON(all []tried) error {
	failed := false
	for _, t := range all {
		file := triedFile{
			File: t.suite.Name, Passed: t.failed() == 0 && len(t.problems) == 0, Examples: []triedExample{}, Errors: findings(t.problems),
		}
		for i, r := range t.results {
			e := t.suite.Examples[i]
			file.Examples = append(file.Examples, triedExample{e.Name, int(e.Line), len(r.Differences) == 0, append([]string{}, r.Differences...)})
		}
		failed = failed || !file.Passed
		if err := plainjson.Encode(p.stdout, file); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return nil
}
