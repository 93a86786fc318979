// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"example.com/dagtrigger/internal/airflowid"
	"example.com/dagtrigger/internal/route"
)

// runIDDigits is how many hex digits of the digest stand in a run id: 80 bits,
// of which a clash among a billion events is less likely than one in a million.
const runIDDigits = 20

// RunID is the id of the run that plan asks for: dagtrigger__ROUTE__DIGEST, the
// digest over the route's name and the parts of the plan's identity, each with
// its length before it so that no two lists are alike. A window's begin stands
// before the digest, as in dagtrigger__sales__20261122T120500Z__DIGEST.
//
// Where the route has run_id_exact, it is that.
//
// It is what keeps an event from starting a run twice, so a change of it would
// start every event in flight again. Its letters are among those that every
// Airflow accepts ([A-Za-z0-9_.~:+-], see allowed_run_id_pattern in
// https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#allowed-run-id-pattern),
// and at most 115 of the 250 that it stores.
func RunID(plan *route.Plan) string {
	if plan.RunID != "" {
		return plan.RunID
	}
	name := RunIDPrefix(plan.Route)
	if plan.Window != nil {
		name += plan.Window.Begin.Format("20060102T150405Z") + "__"
	}
	return name + digestOf(plan.Route, plan.Identity)
}

// runIDForm is that of [RunID] where the route has no run_id_exact. A route's name has no
// capital letter, so that it cannot be taken for a window's begin.
var runIDForm = regexp.MustCompile(`^dagtrigger__([a-z0-9][a-z0-9_-]{0,62})__(?:\d{8}T\d{6}Z__)?[0-9a-f]{20}$`)

// RunIDPrefix is what the ids of a route's runs begin with; an empty route stands for any.
func RunIDPrefix(route string) string {
	if route == "" {
		return "dagtrigger__"
	}
	return "dagtrigger__" + route + "__"
}

// RouteOf is the route that a run id names; false where [RunID] makes no such id.
func RouteOf(runID string) (route string, ok bool) {
	parts := runIDForm.FindStringSubmatch(runID)
	if parts == nil {
		return "", false
	}
	return parts[1], true
}

// RunKey is the text that the digest of [RunID] is made of, for people: what run_id
// gave, or the event's key, its parts separated by spaces. Two events of a route that
// have the same are the same run. It is empty where the route has run_id_exact.
func RunKey(plan *route.Plan) string {
	if plan.RunID != "" {
		return ""
	}
	return strings.Join(plan.Identity, " ")
}

// again is plan for another run of the same event: key tells one repetition
// from the next. An id of the sender's gets a suffix, and is cut to leave space for it.
func again(plan *route.Plan, key string) *route.Plan {
	repeated := *plan
	repeated.Identity = append(slices.Clone(plan.Identity), "again", key)
	if plan.RunID != "" {
		suffix := "__again_" + digestOf(plan.Route, repeated.Identity)
		repeated.RunID = plan.RunID[:min(len(plan.RunID), airflowid.Max-len(suffix))] + suffix
	}
	return &repeated
}

func digestOf(route string, identity []string) string {
	text := make([]byte, 0, 512)
	for _, parts := range [][]string{{route}, identity} {
		for _, part := range parts {
			text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
			text = append(text, part...)
		}
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:runIDDigits/2])
}
