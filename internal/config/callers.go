// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/mail"
	"strings"
)

// list reads a list whose items stand between commas.
func (r *reader) list(name string) (items []string) {
	for item := range strings.SplitSeq(r.getenv(name), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// accounts reads the accounts that may call.
func (r *reader) accounts(name string) []string {
	accounts := r.list(name)
	for _, account := range accounts {
		if a, err := mail.ParseAddress(account); err != nil || a.Address != account {
			r.fault(name+" names \""+account+"\"", "write e-mail addresses, with commas between them, such as invoker@PROJECT.iam.gserviceaccount.com")
		}
	}
	return accounts
}

// callers settles who may call: whose token, and made for what.
func (r *reader) callers(c *Config) {
	switch {
	case len(c.AllowCallers) > 0 && len(c.AllowAudience) == 0:
		r.fault("ALLOW_CALLERS is given without ALLOW_AUDIENCE", "name what their tokens are made for: the audience of the push subscription, which is its endpoint where none is set, or the service's URL for Eventarc")
	case len(c.AllowCallers) == 0 && len(c.AllowAudience) > 0:
		r.fault("ALLOW_AUDIENCE is given without ALLOW_CALLERS", "name the accounts there whose tokens are taken")
	}
}
