// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"regexp"
	"strings"
	"testing"

	"example.com/dagtrigger/internal/route"
	"example.com/dagtrigger/internal/trigger"
)

func runID(name string, identity []string) string {
	return trigger.RunID(&route.Plan{Route: name, Identity: identity})
}

// A change of any of these would start events in flight a second time.
func TestRunIDsNeverChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		route    string
		identity []string
		want     string
	}{
		{"default", []string{"storage", "finalized", "acme-landing", "sales/a.csv", "1732832936756275"},
			"dagtrigger__default__455f87cb4626969d167f"},
		{"default", []string{"pubsub", "projects/acme/topics/orders", "1096434104173400"}, "dagtrigger__default__ff998b3f6b4d0fe22545"},
		{"sales-csv", []string{"acme-landing/2026-11-22"}, "dagtrigger__sales-csv__5d896697ea0e5ffd5d03"},
		{"sales-csv", nil, "dagtrigger__sales-csv__7e5496a801ffb6585d16"},
	}
	for _, tt := range tests {
		if got := runID(tt.route, tt.identity); got != tt.want {
			t.Errorf("RunID(%q, %q) = %q, want %q", tt.route, tt.identity, got, tt.want)
		}
	}
}

func TestExactRunIDIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	plan := route.Plan{Route: "r", Identity: []string{"a"}, RunID: "order-7"}
	if got := trigger.RunID(&plan); got != "order-7" {
		t.Errorf("run id %q", got)
	}
}

func TestRouteOfARunID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"dagtrigger__sales-csv__5d896697ea0e5ffd5d03":                       "sales-csv",
		"dagtrigger__a__b___5d896697ea0e5ffd5d03":                           "a__b_",
		"dagtrigger__sales__20261122T120500Z__5d896697ea0e5ffd5d03":         "sales",
		"dagtrigger__" + strings.Repeat("r", 63) + "__5d896697ea0e5ffd5d03": strings.Repeat("r", 63),
		"dagtrigger__" + strings.Repeat("r", 64) + "__5d896697ea0e5ffd5d03": "",
		"dagtrigger__sales__5d896697ea0e5ffd5d0":                            "",
		"dagtrigger__sales__5D896697ea0e5ffd5d03":                           "",
		"dagtrigger__5d896697ea0e5ffd5d03":                                  "",
		"manual__2026-11-22T12:05:00+00:00":                                 "",
		"order-7":                                                           "",
	} {
		if got, ok := trigger.RouteOf(id); got != want || ok != (want != "") {
			t.Errorf("%s is of the route %q, %v; want %q", id, got, ok, want)
		}
	}
	if id := runID("sales", nil); !strings.HasPrefix(id, trigger.RunIDPrefix("sales")) || !strings.HasPrefix(id, trigger.RunIDPrefix("")) {
		t.Errorf("%s does not begin as run ids do", id)
	}
}

func TestIdentityPartsAreLengthPrefixed(t *testing.T) {
	t.Parallel()
	seen := map[string][]string{}
	for _, identity := range [][]string{
		{"a", "bc"}, {"ab", "c"}, {"abc"}, {"abc", ""}, {"", "abc"}, {"a", "b", "c"}, {},
	} {
		id := runID("r", identity)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have the run id %s", identity, other, id)
		}
		seen[id] = identity
	}
	if runID("ra", []string{"b"}) == runID("r", []string{"ab"}) {
		t.Error("the route's name runs into the identity")
	}
}

func TestEveryAirflowAcceptsARunID(t *testing.T) {
	t.Parallel()
	accepted := regexp.MustCompile(`^[A-Za-z0-9_.~:+-]{1,250}$`)
	id := trigger.RunID(&route.Plan{
		Route: strings.Repeat("r", 63), Identity: []string{"gs://ugly name/%#/ü\n"}, Window: &route.Window{Begin: now},
	})
	if !accepted.MatchString(id) || strings.Contains(id, "..") {
		t.Errorf("run id %q", id)
	}
}
