// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/mail"
	"strings"
)

// list reads a comma-separated list.
func (r *reader) list(name string) (items []string) {
	for item := range strings.SplitSeq(r.getenv(name), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// accounts reads the allowed callers.
func (r *reader) accounts(name string) []string {
	accounts := r.list(name)
	for _, account := range accounts {
		if a, err := mail.ParseAddress(account); err != nil || a.Address != account {
			r.problem(name+" names \""+account+"\"", "write e-mail addresses separated by commas, such as invoker@PROJECT.iam.gserviceaccount.com")
		}
	}
	return accounts
}

// callers checks that callers and audiences are set together.
func (r *reader) callers(c *Config) {
	switch {
	case len(c.AllowCallers) > 0 && len(c.AllowAudience) == 0:
		r.problem("ALLOW_CALLERS is given without ALLOW_AUDIENCE",
			"set the audience of their tokens: that of the push subscription (its endpoint where none is set), or the service's URL for Eventarc")
	case len(c.AllowCallers) == 0 && len(c.AllowAudience) > 0:
		r.problem("ALLOW_AUDIENCE is given without ALLOW_CALLERS", "set ALLOW_CALLERS to the accounts whose tokens are accepted")
	}
}
