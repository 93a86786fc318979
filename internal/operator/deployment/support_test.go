// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"flag"
	"os"
	"testing"

	"example.com/dagtrigger/internal/config"
	"example.com/dagtrigger/internal/operator/deployment"
)

var update = flag.Bool("update", false, "write the golden files again")

// root is the folder of the repository, from here.
const root = "../../.."

// plan plans the deployment of a valid routes file.
func plan(t *testing.T, s deployment.Settings, routes string) deployment.Plan {
	t.Helper()
	f, err := config.Parse("routes.yaml", []byte(routes))
	if err != nil {
		t.Fatal(err)
	}
	s.Digest = f.Digest
	return deployment.New(s, f.Routes)
}

// sample is the plan of the routes that come with the scripts.
func sample(t *testing.T) deployment.Plan {
	t.Helper()
	text, err := os.ReadFile(root + "/deploy/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return plan(t, deployment.Settings{Routes: "deploy/routes.yaml"}, string(text))
}
