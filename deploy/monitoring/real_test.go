// SPDX-License-Identifier: Apache-2.0

package monitoring_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/real/realtest"
)

// needs fails where the machine lacks a program.
func needs(programs ...string) func() error {
	return func() error {
		for _, program := range programs {
			if _, err := exec.LookPath(program); err != nil {
				return err
			}
		}
		return nil
	}
}

// messages are the messages of Google's APIs that the files are, as gcloud's
// modules name them.
func messages(t *testing.T) (all []string) {
	t.Helper()
	for pattern, message := range map[string]string{
		"metrics/*.json": "logging.v2.logging_v2_messages:LogMetric",
		"alerts/*.json":  "monitoring.v3.monitoring_v3_messages:AlertPolicy",
		"dashboard.json": "monitoring.v1.monitoring_v1_messages:Dashboard",
	} {
		for _, path := range files(t, pattern) {
			all = append(all, message+":"+path)
		}
	}
	return all
}

// unknown is what gcloud does not know in the files.
func unknown(t *testing.T, messages ...string) string {
	t.Helper()
	info := exec.CommandContext(t.Context(), "gcloud", "info", "--format=value(installation.sdk_root)")
	info.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1")
	root, err := info.Output()
	if err != nil {
		t.Fatalf("asking gcloud where it is: %v", err)
	}
	args := append([]string{"-B", filepath.Join("testdata", "unknown.py"), strings.TrimSpace(string(root))}, messages...)
	out, err := exec.CommandContext(t.Context(), "python3", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("reading the files as gcloud does: %v\n%s", err, out)
	}
	return string(out)
}

// gcloud knows every field and every word of Google's APIs, though it sends on
// what it does not know.
func TestFilesHaveOnlyKnownFields(t *testing.T) {
	t.Parallel()
	realtest.Need(t, needs("gcloud", "python3"))
	if out := unknown(t, messages(t)...); out != "" {
		t.Error(out)
	}
	for field, wrong := range map[string]string{
		"filters":    `{"filters": "x"}`,
		"metricKind": `{"filter": "x", "metricDescriptor": {"metricKind": "DELTAS"}}`,
	} {
		path := filepath.Join(t.TempDir(), "wrong.json")
		if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := unknown(t, "logging.v2.logging_v2_messages:LogMetric:"+path); !strings.Contains(out, field) {
			t.Errorf("%s: it finds %q", wrong, out)
		}
	}
}
