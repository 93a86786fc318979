// SPDX-License-Identifier: Apache-2.0

// Command tell prints what it was built from, and how it calls itself.
package main

import (
	"fmt"

	"example.com/dagtrigger/internal/build"
)

func main() {
	b := build.Read()
	fmt.Println(b.Version, b.UserAgent())
}
