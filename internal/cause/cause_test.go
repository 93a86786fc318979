// SPDX-License-Identifier: Apache-2.0

package cause_test

import (
	"errors"
	"testing"

	"example.com/dagtrigger/internal/cause"
)

func TestCauseTextFillsInKnownNames(t *testing.T) {
	t.Parallel()
	table := []cause.Cause{{
		Name: "composer-gone", Means: "there is no environment NAME in PROJECT",
		Fix: "gcloud composer environments list --project=PROJECT --locations=LOCATION, and set AIRFLOW_PROJECT",
	}}
	beneath := errors.New("it answers 404")
	tests := []struct {
		name  string
		err   error
		known []string
		want  string
	}{
		{"everything", beneath, []string{"PROJECT", "acme", "LOCATION", "europe-west1", "NAME", "prod"},
			"there is no environment prod in acme (it answers 404): gcloud composer environments list --project=acme --locations=europe-west1, " +
				"and set AIRFLOW_PROJECT"},
		{"a part", nil, []string{"PROJECT", "acme", "LOCATION", ""},
			"there is no environment NAME in acme: gcloud composer environments list --project=acme --locations=LOCATION, and set AIRFLOW_PROJECT"},
		{"a value that looks like a word", nil, []string{"NAME", "PROJECT", "PROJECT", "acme", "LOCATION"},
			"there is no environment PROJECT in acme: gcloud composer environments list --project=acme --locations=LOCATION, and set " +
				"AIRFLOW_PROJECT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			met := cause.Met(table, "composer-gone", tt.err, tt.known...)
			if met.Error() != tt.want || !errors.Is(met, tt.err) && tt.err != nil {
				t.Errorf("got  %s\nwant %s", met, tt.want)
			}
		})
	}
	if got := cause.Met(table, "unheard-of", beneath).Error(); got != "unheard-of (it answers 404): " {
		t.Errorf("a cause that the table lacks: %q", got)
	}
}
