// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"example.com/dagtrigger/internal/config"
)

// FuzzVars reads files with vars: each error has a place and a fix, and none has the
// value of an environment variable.
func FuzzVars(f *testing.F) {
	const value = "hush-hush"
	f.Add("vars: {a: {env: A}, b: 'x-${vars.a}'}", "'${vars.b}'")
	f.Add("vars: {a: '${vars.b}', b: '${vars.a}'}", "'${vars.a'")
	f.Add("vars: {t: {x: '${vars.e}', y: [1, null]}, e: {env: E, default: 1}}", "['${vars.t}', '!${vars.t.x}', '$${x}']")
	f.Fuzz(func(t *testing.T, vars, bucket string) {
		text := vars + "\nroutes: [{name: r, on: object.finalized, dag: '${vars.a}', bucket: " + bucket + "}]"
		_, err := config.FileFromEnv(func(name string) string {
			if name == config.FileVariable {
				return text
			}
			return value
		})
		if err == nil || strings.Contains(text, value) {
			return
		}
		if strings.Contains(err.Error(), value) {
			t.Errorf("the value of a variable is in %v", err)
		}
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasPrefix(line, config.FileVariable+":") || strings.HasSuffix(line, ": ") {
				t.Errorf("%q is without a place or a fix", line)
			}
		}
	})
}
