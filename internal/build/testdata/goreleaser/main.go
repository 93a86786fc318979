// SPDX-License-Identifier: Apache-2.0

// Command goreleaser reads a configuration as GoReleaser does: by its own code,
// which refuses what it does not know. It does nothing more.
package main

import (
	"fmt"
	"os"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

func main() {
	project, err := config.Load(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(project.ProjectName)
}
