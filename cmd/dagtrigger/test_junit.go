// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
)

// The elements of a JUnit report that CI servers read:
// https://github.com/testmoapp/junitxml
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitProblem `xml:"failure,omitempty"`
		Error   *junitProblem `xml:"error,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes what came of examples for a CI server.
func writeJUnit(path string, all []tried) error {
	var report junitReport
	for _, t := range all {
		suite := t.junit()
		report.Tests += suite.Tests
		report.Failures += suite.Failures
		report.Errors += suite.Errors
		report.Suites = append(report.Suites, suite)
	}
	text, err := xml.MarshalIndent(report, "", "  ")
	if err == nil {
		err = os.WriteFile(path, []byte(xml.Header+string(text)+"\n"), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// junit is a file of examples as a suite. An invalid file is a case with an error.
func (t tried) junit() junitSuite {
	s := junitSuite{Name: t.suite.Name, Tests: len(t.results), Failures: t.failed()}
	if len(t.problems) > 0 {
		s.Tests, s.Errors = 1, 1
		s.Cases = append(s.Cases, junitCase{
			Class: t.suite.Name, Name: "the file is valid", File: t.suite.Name,
			Error: &junitProblem{Message: t.problems[0].String(), Text: t.problems.Error()},
		})
	}
	for i, r := range t.results {
		c := junitCase{Class: t.suite.Name, Name: t.suite.Examples[i].Name, File: t.suite.Name, Line: int(t.suite.Examples[i].Line)}
		if len(r.Differences) > 0 {
			c.Failure = &junitProblem{Message: r.Differences[0], Text: strings.Join(r.Differences, "\n")}
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}
