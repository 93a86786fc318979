// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersionsAreOldestFirst(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"2.11.2", "3.3.2", "3.4.0b2"}, Versions()); diff != "" {
		t.Error(diff)
	}
}

func TestEveryListPinsTheVersionOfItsName(t *testing.T) {
	t.Parallel()
	for _, version := range Versions() {
		l, text, err := findList(version)
		if err != nil {
			t.Error(err)
		}
		if len(l.digest) != 12 || len(text) == 0 {
			t.Errorf("%s: digest %q, %d bytes", version, l.digest, len(text))
		}
	}
}

func TestParseList(t *testing.T) {
	t.Parallel()
	const good = "# python: 3.11 3.12\napache-airflow==3.9.1\nzipp==4.1.2\n"
	l, err := parseList("3.9.1", good)
	if err != nil {
		t.Fatal(err)
	}
	if l.version != "3.9.1" || l.major != 3 || !cmp.Equal(l.pythons, []string{"3.11", "3.12"}) {
		t.Errorf("parsed as %+v", l)
	}
	changed, err := parseList("3.9.1", good+"six==1.17.0\n")
	if err != nil || changed.digest == l.digest {
		t.Errorf("a changed list has the digest %s as before (%v)", changed.digest, err)
	}
}

func TestParseListRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ what, version, text, want string }{
		{
			"another version", "3.9.1", "# python: 3.11\napache-airflow==3.9.2",
			"requirements-3.9.1.txt: apache-airflow==3.9.1 is not in it",
		},
		{
			"a version left open", "3.9.1", "# python: 3.11\napache-airflow==3.9.1\nzipp>=4",
			`requirements-3.9.1.txt:3: "zipp>=4" pins no version: write name==version`,
		},
		{
			"no word of Python", "3.9.1", "apache-airflow==3.9.1",
			`requirements-3.9.1.txt: no line such as "# python: 3.11 3.12" says which Python it was locked for`,
		},
		{"a name that is not a version", "main", "", `requirements-main.txt: "main" is not a valid Airflow version`},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			if _, err := parseList(row.version, row.text); err == nil || err.Error() != row.want {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
}

func TestStartRefusesAnOldVersion(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Version: "1.10.15"})
	if err == nil || err.Error() != "starting Airflow 1.10.15: Airflow 1.10.15 is too old: choose 2.7.0 or later" {
		t.Errorf("error %v", err)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("3.3.2", "# python: 3.11\napache-airflow==3.3.2\n")
	f.Add("3", "apache-airflow==3\n#\n==\n")
	f.Fuzz(func(t *testing.T, version, text string) {
		l, err := parseList(version, text)
		if err == nil &&
			(l.major < 0 && !strings.HasPrefix(version, "-") || len(l.pythons) == 0 || !strings.Contains(text, "apache-airflow=="+version)) {
			t.Errorf("accepted %q as %+v", text, l)
		}
	})
}
