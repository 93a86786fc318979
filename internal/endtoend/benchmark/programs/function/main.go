// SPDX-License-Identifier: Apache-2.0

// Command function is dagtrigger as the buildpack builds it.
package main

import (
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "example.com/dagtrigger" // registers TriggerDAG
)

func main() {
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
