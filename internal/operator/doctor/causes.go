// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"example.com/dagtrigger/internal/airflow"
	"example.com/dagtrigger/internal/cause"
	"example.com/dagtrigger/internal/composer"
	"example.com/dagtrigger/internal/identity"
)

// Causes is the whole table of what may lie behind an error, in the order of
// an event's way to Airflow: the credentials, the look-up, Airflow's answer.
// The function's errors and the checks take their words from its rows.
func Causes() []cause.Cause {
	all := append(identity.Causes(), composer.Causes()...)
	for _, c := range airflow.Causes() {
		all = append(all, cause.Cause{Name: c.Name, Means: c.Means, Fix: c.Fix})
	}
	return all
}
