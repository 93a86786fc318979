// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// A further version of Airflow is one more list here: what `pip freeze` prints
// where it is installed with psycopg2-binary (and, for Airflow 3, asyncpg), under
// the comments that the others begin with.
//
//go:embed requirements-*.txt
var lists embed.FS

// list is one version of Airflow: locked, with every package that it needs, or resolved as of its day.
type list struct {
	version string   // of Airflow
	major   int      // of Airflow; what differs between versions differs by it
	pythons []string // minor versions of Python that it runs on
	digest  string   // names the list's place in the cache
}

// Versions returns the versions of Airflow that have a locked list, oldest first.
func Versions() []string {
	names, err := fs.Glob(lists, "requirements-*.txt")
	if err != nil {
		return nil // the pattern is constant and well formed
	}
	versions := make([]string, len(names))
	for i, name := range names {
		versions[i] = strings.TrimSuffix(strings.TrimPrefix(name, "requirements-"), ".txt")
	}
	slices.SortFunc(versions, CompareVersions)
	return versions
}

func listFile(version string) string { return "requirements-" + version + ".txt" }

// findList returns the locked list of a version, and its text; or one without
// a text, which is resolved when it is installed.
func findList(version string) (list, []byte, error) {
	text, err := lists.ReadFile(listFile(version))
	if err != nil {
		l, err := unlocked(version)
		return l, nil, err
	}
	l, err := parseList(version, string(text))
	return l, text, err
}

// parseList reads a list and refuses one that would not install the version
// that its name promises, the same way each time.
func parseList(version, text string) (list, error) {
	sum := sha256.Sum256([]byte(text))
	l := list{version: version, digest: hex.EncodeToString(sum[:6])}
	major, _, _ := strings.Cut(version, ".")
	var err error
	if l.major, err = strconv.Atoi(major); err != nil {
		return list{}, fmt.Errorf("%s: %q is not a valid Airflow version", listFile(version), version)
	}
	found := false
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if pythons, ok := strings.CutPrefix(line, "# python:"); ok {
			l.pythons = strings.Fields(pythons)
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		if name, pinned, ok := strings.Cut(line, "=="); !ok || name == "" || pinned == "" {
			return list{}, fmt.Errorf("%s:%d: %q pins no version: write name==version", listFile(version), i+1, line)
		}
		found = found || line == "apache-airflow=="+version
	}
	if !found {
		return list{}, fmt.Errorf("%s: apache-airflow==%s is not in it", listFile(version), version)
	}
	if len(l.pythons) == 0 {
		return list{}, fmt.Errorf("%s: no line such as %q says which Python it was locked for", listFile(version), "# python: 3.11 3.12")
	}
	return l, nil
}
