// SPDX-License-Identifier: Apache-2.0

// Command floor is an empty function that links what dagtrigger cannot do without:
// the functions framework, Google's ID tokens and CEL. It shows what of a start is
// theirs.
package main

import (
	"log"
	"net/http"
	"os"

	_ "cel.dev/cel-go/cel"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	_ "google.golang.org/api/idtoken"
)

func main() {
	functions.HTTP("TriggerDAG", func(http.ResponseWriter, *http.Request) {})
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
