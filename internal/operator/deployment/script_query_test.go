// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be looked up is not taken for absent: deploy.sh would make it
// again, and undeploy.sh would leave it, with an error that hides the cause.
func TestScriptsDistinguishPermissionDeniedFromAbsent(t *testing.T) {
	t.Parallel()
	const denied = "ERROR: (gcloud.pubsub.topics.describe) PERMISSION_DENIED: User not authorized to perform this action."
	for _, tt := range []struct {
		script, query, error string
		goesOn               bool
	}{
		{"deploy.sh", "topics describe", denied, false},
		{"deploy.sh", "topics describe", "bash: gcloud: command not found", false},
		{"deploy.sh", "topics describe", "ERROR: (gcloud.pubsub.topics.describe) NOT_FOUND: Resource not found (resource=x).", true},
		{"undeploy.sh", "functions describe", denied, false},
		{"undeploy.sh", "functions describe", "ERROR: (gcloud.functions.describe) ResponseError: status=[404], code=[Ok], message=[x]", true},
	} {
		folder := t.TempDir()
		log := filepath.Join(folder, "log")
		gcloud := "#!/bin/sh\necho \"$*\" >> '" + log + "'\ncase \"$*\" in *'" + tt.query + "'*) echo '" + tt.error +
			"' >&2; exit 1;; esac\necho x\n"
		if err := os.WriteFile(filepath.Join(folder, "gcloud"), []byte(gcloud), 0o700); err != nil {
			t.Fatal(err)
		}
		machine := scripted{t, append([]string{"PATH=" + folder + string(os.PathListSeparator) + os.Getenv("PATH"), "TRIES=1", "PAUSE=0"},
			settings...)}
		out, err := machine.run(tt.script)
		calls, _ := os.ReadFile(log)
		_, after, _ := strings.Cut(string(calls), tt.query)
		_, after, _ = strings.Cut(after, "\n")
		if goesOn := after != ""; goesOn != tt.goesOn || !goesOn && (err == nil || !strings.Contains(out,
			tt.error+"\nit is not known whether this exists: fix the error above")) {
			t.Errorf("%s after %q: %v, then it ran %q\n%s", tt.script, tt.error, err, after, out)
		}
	}
}
