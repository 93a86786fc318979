// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"testing"

	"example.com/dagtrigger/internal/operator/doctor"
)

func TestEveryCauseHasANameAndAFix(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range doctor.Causes() {
		if c.Name == "" || c.Means == "" || c.Fix == "" {
			t.Errorf("%+v lacks something", c)
		}
		if names[c.Name] {
			t.Errorf("two causes are named %s", c.Name)
		}
		names[c.Name] = true
	}
}
