// SPDX-License-Identifier: Apache-2.0

package deployment_test

import (
	"os/exec"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/operator/deployment"
)

// FuzzCommand holds a command as text to what a shell makes of it. A dollar sign
// is a variable's, and no word has another.
func FuzzCommand(f *testing.F) {
	for _, word := range []string{"plain", "two words", `"quoted"`, "it's", "`id`", `back\slash`, "--flag=value", "--flag=two words",
		"--filter=a=\"b\"", "a\nb", "!x", "*", "~", "", "-", "a;b", "a&b|c>d", "ü", "{a,b}", "#no"} {
		f.Add(word, "x")
		f.Add("--flag="+word, word)
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		if strings.ContainsAny(one+other, "$\x00") {
			t.Skip("no word of a plan")
		}
		text := deployment.Command{"printf", "<%s>", one, other}.String()
		out, err := exec.CommandContext(t.Context(), "bash", "-c", text).Output()
		if want := "<" + one + "><" + other + ">"; err != nil || string(out) != want {
			t.Errorf("%s prints %q (%v), want %q", text, out, err, want)
		}
	})
}

func TestLongCommandIsBrokenIntoLines(t *testing.T) {
	t.Parallel()
	words := deployment.Command{"gcloud"}
	for range 30 {
		words = append(words, "--a-flag=a-value")
	}
	for line := range strings.Lines(words.String()) {
		if len(line) > 120 {
			t.Errorf("a line has %d letters: %s", len(line), line)
		}
	}
}
