// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"slices"
	"strings"
)

// hint is what to do about an error of this client's.
func (c *Client) hint(e *Error, version string) string {
	e.LookedUp = c.lookedUp
	return hint(e, c.credentials.Kind(), version)
}

// hint says what to do about an error: every cause that fits, with its fix.
func hint(e *Error, auth, version string) string {
	var texts []string
	for _, c := range CausesOf(e, auth, version) {
		texts = append(texts, c.Means+": "+c.Fix)
	}
	return strings.Join(texts, "; or ")
}

// CausesOf are the causes that fit an error, with the kind of credentials and
// Airflow's version, where it is known. They are what its hint is made of: one
// that is known by what the answer says stands for the general ones of its kind.
func CausesOf(e *Error, auth, version string) []Cause {
	fitting := slices.DeleteFunc(Causes(), func(c Cause) bool { return !c.fits(e, auth, version) })
	if i := slices.IndexFunc(fitting, func(c Cause) bool { return c.Alone }); i >= 0 {
		fitting = fitting[i : i+1]
	}
	for i := range fitting {
		if e.LookedUp && fitting[i].LookedUp != "" {
			fitting[i].Fix = fitting[i].LookedUp
		}
	}
	return fitting
}

func (c *Cause) fits(e *Error, auth, version string) bool {
	return slices.Contains(c.Kinds, e.Kind) &&
		meets(c.APIs, e.API) &&
		meets(c.Auth, auth) &&
		meets(c.Sources, e.Source) &&
		meets(c.Reach, e.Reach) &&
		(c.Challenge == "" || strings.EqualFold(c.Challenge, e.Challenge)) &&
		(c.Unless == "" || !strings.EqualFold(c.Unless, e.Challenge)) &&
		strings.Contains(e.Said, c.Said) &&
		c.fitsFront(e) &&
		(c.Status == 0 || c.Status == e.Status) &&
		(c.Before == "" || before(version, c.Before))
}

// fitsFront reports whether a cause fits who answered: where a gateway refused
// the caller, nothing that Airflow's settings say matters.
func (c *Cause) fitsFront(e *Error) bool {
	if len(c.Fronts) > 0 {
		return slices.Contains(c.Fronts, e.Front)
	}
	caller := e.Kind == Unauthorized || e.Kind == Forbidden
	return !caller || c.Said != "" || !slices.Contains(guards(), e.Front)
}

func meets[T comparable](condition []T, have T) bool {
	return len(condition) == 0 || slices.Contains(condition, have)
}
