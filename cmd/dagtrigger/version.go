// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Tell which version this is",
		Long: `Tell which version this is, from what it was built, and with which Go.

A build from a clone has the commit for its version; "modified" tells that
files had been changed since.`,
		Args:        takes(),
		Example:     "  dagtrigger version --json",
		Annotations: exits("always", "standard output could not be written"),
		RunE: func(*cobra.Command, []string) error {
			return writeVersion(p.stdout, readBuild(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object")
	return cmd
}

// build is what the Go toolchain wrote into the program.
type build struct {
	Version  string `json:"version"` // (devel) in a build that is of no release
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readBuild() build {
	b := build{Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
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

func writeVersion(w io.Writer, b build, asJSON bool) error {
	if asJSON {
		return encode(w, b)
	}
	line := "dagtrigger " + b.Version
	if b.Revision != "" {
		line += ", commit " + b.Revision
	}
	if b.Time != "" {
		line += " of " + b.Time
	}
	if b.Modified {
		line += ", modified"
	}
	_, err := fmt.Fprintf(w, "%s, %s, %s\n", line, b.Go, b.Platform)
	return err
}
