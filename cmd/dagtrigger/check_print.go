// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/document"
	"example.com/dagtrigger/internal/plainjson"
)

// The formats of what check prints.
const (
	formatText   = "text"
	formatJSON   = "json"
	formatGitHub = "github"
)

func checkFormats() []string { return []string{formatText, formatJSON, formatGitHub} }

// checkedFile is a file and what check found in it.
type checkedFile struct {
	config.File
	problems, warnings document.Problems
	changes            document.Problems // of --against
	source             document.Source
}

// checked is the result for a file, in JSON.
type checked struct {
	File         string    `json:"file"`
	Routes       int       `json:"routes"`
	Environments int       `json:"environments"`
	Problems     []finding `json:"faults"`
	Warnings     []finding `json:"warnings"`
	Changes      []finding `json:"changes,omitempty"`
}

// finding is an error or a warning, in JSON.
type finding struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
	Fix    string `json:"fix"`
}

func (p *program) printChecked(format string, f checkedFile) error {
	switch format {
	case formatJSON:
		return plainjson.Encode(p.stdout, checked{
			File: f.Name, Routes: len(f.Routes), Environments: len(f.Environments),
			Problems: findings(f.problems), Warnings: findings(f.warnings), Changes: findings(f.changes),
		})
	case formatGitHub:
		_, err := io.WriteString(p.stdout, f.github())
		return err
	}
	paint := p.painter(p.stdout)
	var b strings.Builder
	list := func(problems document.Problems, kind string) {
		for _, problem := range problems {
			problem.What = kind + problem.What
			b.WriteString(problem.String() + "\n" + paint.dim(f.source.Excerpt(problem.Position)))
		}
	}
	list(f.problems, "")
	list(f.warnings, "warning: ")
	list(f.changes, "change: ")
	list(f.Advice(), "note: ")
	if len(f.problems) > 0 {
		b.WriteString(paint.bad(f.Name+": "+plural(len(f.problems), "error")) + "\n")
	} else {
		b.WriteString(paint.good(f.Name+": "+about(f.File, len(f.warnings))) + "\n")
	}
	_, err := io.WriteString(p.prose(p.stdout), b.String())
	return err
}

// github writes workflow commands, which GitHub shows beside the lines of a change:
// https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
func (f checkedFile) github() string {
	var b strings.Builder
	list := func(problems document.Problems, command string) {
		for _, problem := range problems {
			place := "file=" + githubProperty.Replace(problem.File)
			if problem.Line > 0 {
				place += fmt.Sprintf(",line=%d,col=%d", problem.Line, problem.Column)
			}
			fmt.Fprintf(&b, "::%s %s::%s\n", command, place, githubText.Replace(problem.What+": "+problem.Fix))
		}
	}
	list(f.problems, "error")
	list(f.warnings, "warning")
	list(f.changes, "notice")
	list(f.Advice(), "notice")
	return b.String()
}

// What GitHub's workflow commands escape, in a message and in a property:
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// about describes a valid file.
func about(f config.File, warnings int) string {
	text := plural(len(f.Routes), "route")
	shadows := 0
	for i := range f.Routes {
		if f.Routes[i].Shadow.On() {
			shadows++
		}
	}
	if shadows > 0 {
		text += " (" + plural(shadows, "shadow") + ")"
	}
	if len(f.Environments) > 0 {
		text += ", " + plural(len(f.Environments), "environment")
	}
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	return text + ", no errors"
}

func findings(problems document.Problems) []finding {
	list := make([]finding, len(problems))
	for i, f := range problems {
		list[i] = finding{int(f.Line), int(f.Column), f.What, f.Fix}
	}
	return list
}
