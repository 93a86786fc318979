// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Least is the oldest version that Start accepts.
const Least = "2.7.0"

// versionPattern is how Airflow numbers its releases, and their previews.
var versionPattern = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:(a|b|rc)(\d{1,3}))?$`)

// CheckVersion reports what is wrong with a version that Start would refuse
// before it asks the package index.
func CheckVersion(version string) error {
	switch {
	case !versionPattern.MatchString(version):
		return fmt.Errorf("%q is not a valid Airflow version: write one such as %s", version, newestRelease())
	case CompareVersions(version, Least) < 0:
		return fmt.Errorf("Airflow %s is too old: choose %s or later", version, Least)
	}
	return nil
}

func newestRelease() string {
	releases := slices.DeleteFunc(Versions(), isPreview)
	return releases[len(releases)-1]
}

// isPreview reports whether a version is a beta or the like, which pip installs only where it is named.
func isPreview(version string) bool { return strings.ContainsAny(version, "abr") }

// CompareVersions orders 2.9.3 before 2.11.2, and 3.4.0b2 before 3.4.0. Any other text comes first.
func CompareVersions(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }

func numbers(version string) []int {
	parts := versionPattern.FindStringSubmatch(version)
	if parts == nil {
		return nil
	}
	all := make([]int, 0, len(parts))
	for _, part := range slices.Concat(parts[1:4], parts[5:]) {
		n, _ := strconv.Atoi(part) // the pattern holds digits alone there, or nothing
		all = append(all, n)
	}
	kind := map[string]int{"a": 0, "b": 1, "rc": 2, "": 3}[parts[4]]
	return slices.Insert(all, 3, kind)
}

// near returns the versions of all that lie next to one that is not there: two below and two above.
func near(version string, all []string) []string {
	all = slices.DeleteFunc(slices.Clone(all), func(v string) bool {
		return CheckVersion(v) != nil || isPreview(v) && !isPreview(version)
	})
	slices.SortFunc(all, CompareVersions)
	at, _ := slices.BinarySearchFunc(all, version, CompareVersions)
	return all[max(0, at-2):min(len(all), at+2)]
}

// pythonsOf returns the minor versions of Python that a version of Airflow runs on, as its own
// metadata has them (Requires-Python), less those without a wheel of all that it needs.
func pythonsOf(version string) []string {
	switch all := []string{"3.10", "3.11", "3.12", "3.13"}; {
	case CompareVersions(version, "2.9.0") < 0:
		return all[:2]
	case CompareVersions(version, "3.1.0") < 0:
		return all[:3]
	default:
		return all
	}
}

// recipe is part of an unlocked version's place in the cache: another way to resolve makes another one.
const recipe = "resolved as of two weeks after its day"

// unlocked returns the list of a version that is resolved when it is installed.
func unlocked(version string) (list, error) {
	if err := CheckVersion(version); err != nil {
		return list{}, err
	}
	sum := sha256.Sum256([]byte(recipe + version))
	return list{
		version: version, major: numbers(version)[0], pythons: pythonsOf(version), digest: hex.EncodeToString(sum[:6]),
	}, nil
}

// oneOf lists words as a sentence does: a, b or c.
func oneOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
