// SPDX-License-Identifier: Apache-2.0

// Package build implements the version of dagtrigger and its User-Agent. It
// reads what the Go toolchain wrote into the program; it never runs a command or
// sends a request.
//
// A program from a release, or from a clone at a release's tag, knows its
// version by itself. The function does not where its source is uploaded: a
// buildpack builds it without a repository, below a generated module. There
// the version comes from the linker, by the variable GOOGLE_GOLDFLAGS of the
// build (https://github.com/GoogleCloudPlatform/buildpacks):
//
//	GOOGLE_GOLDFLAGS=-X=example.com/dagtrigger/internal/build.linked=v1.2.3
package build

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"
)

// Module is the path of this module: in the program dagtrigger the main module,
// in the function one that the main module requires.
const Module = "example.com/dagtrigger"

// name is the product's, as the first part of a User-Agent.
const name = "dagtrigger"

// The versions that are none. The first is Go's own word.
const (
	devel   = "(devel)"
	unknown = "(unknown)"
)

// linked is the version that the linker sets (-X), or empty. The linker can only
// set a package variable.
var linked string

// Info is what a program was built from.
type Info struct {
	// Version is v1.2.3 or a pseudo-version (https://go.dev/ref/mod#pseudo-versions),
	// (devel) in a build that is of none, (unknown) where nothing was recorded.
	Version string `json:"version"`
	// Revision and Time are of the commit, empty where none is known. Modified
	// says that files had been changed since.
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Read returns what this program was built from.
func Read() Info {
	info, _ := debug.ReadBuildInfo()
	return describe(info, linked)
}

// describe reads info, which may be nil. The commit is the main module's, so
// that it counts only where that is ours.
func describe(info *debug.BuildInfo, linked string) Info {
	b := Info{Version: cmp.Or(linked, unknown), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return b
	}
	b.Version = cmp.Or(linked, version(info))
	if info.Main.Path != Module {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// version is our module's. Where a folder replaces a module, as a buildpack has
// it, the version required says nothing of what is in the folder.
func version(info *debug.BuildInfo) string {
	if info.Main.Path == Module {
		return cmp.Or(info.Main.Version, devel)
	}
	for _, m := range info.Deps {
		switch {
		case m.Path != Module:
		case m.Replace != nil:
			return cmp.Or(m.Replace.Version, devel)
		default:
			return cmp.Or(m.Version, devel)
		}
	}
	return unknown
}

// UserAgent is how the program names itself over HTTP: dagtrigger/v1.2.3, or
// dagtrigger alone where it has no version.
// https://www.rfc-editor.org/rfc/rfc9110#name-user-agent
func (b Info) UserAgent() string {
	if b.Version == "" || strings.ContainsFunc(b.Version, isNotToken) {
		return name
	}
	return name + "/" + b.Version
}

// isNotToken reports whether r is not allowed in a product's version, such as the brackets
// of (devel). https://www.rfc-editor.org/rfc/rfc9110#name-tokens
func isNotToken(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	default:
		return !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}
}

// String is the line for people: the version, the commit, Go and the platform.
func (b Info) String() string {
	line := name + " " + b.Version
	if b.Revision != "" {
		line += ", commit " + b.Revision
	}
	if b.Time != "" {
		line += " of " + b.Time
	}
	if b.Modified {
		line += ", modified"
	}
	return line + ", " + b.Go + ", " + b.Platform
}
