// SPDX-License-Identifier: Apache-2.0

package airflowreal

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVersionsAreOrdered(t *testing.T) {
	t.Parallel()
	ordered := []string{"2.7.0", "2.9.3", "2.11.2", "3.4.0a1", "3.4.0b2", "3.4.0rc1", "3.4.0", "3.10.0"}
	for i := range ordered[1:] {
		if CompareVersions(ordered[i], ordered[i+1]) >= 0 || CompareVersions(ordered[i+1], ordered[i]) <= 0 {
			t.Errorf("%s does not come before %s", ordered[i], ordered[i+1])
		}
	}
}

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"2.7.0": "", "2.10.5": "", "3.4.0b2": "", "3.12.34rc1": "",
		"2.6.3":              "Airflow 2.6.3 is too old: choose 2.7.0 or later",
		"1.10.15":            "Airflow 1.10.15 is too old: choose 2.7.0 or later",
		"3.3":                `"3.3" is not a valid Airflow version: write one such as 3.3.2`,
		"latest":             `"latest" is not a valid Airflow version: write one such as 3.3.2`,
		"":                   `"" is not a valid Airflow version: write one such as 3.3.2`,
		"3.3.2; import os #": `"3.3.2; import os #" is not a valid Airflow version: write one such as 3.3.2`,
	} {
		got := ""
		if err := CheckVersion(version); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s\nwant %s", version, got, want)
		}
	}
}

func TestNearVersions(t *testing.T) {
	t.Parallel()
	all := strings.Fields("3.0.1 2.9.3 2.10.0 1.10.9-bin 2.6.3 3.1.0b1 3.0.0 2.9.2 3.0.2")
	for version, want := range map[string]string{
		"2.9.9": "2.9.2 2.9.3 2.10.0 3.0.0", "2.7.5": "2.9.2 2.9.3", "9.0.0": "3.0.1 3.0.2", "3.1.0b9": "3.0.2 3.1.0b1",
	} {
		if got := strings.Join(near(version, all), " "); got != want {
			t.Errorf("near %s are %s, want %s", version, got, want)
		}
	}
}

func TestUnlockedVersionKnowsItsPythons(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"2.7.3": "3.10 3.11", "2.9.0": "3.10 3.11 3.12", "3.0.6": "3.10 3.11 3.12", "3.9.0": "3.10 3.11 3.12 3.13",
	} {
		l, text, err := findList(version)
		if err != nil || text != nil || strings.Join(l.pythons, " ") != want || len(l.digest) != 12 {
			t.Errorf("%s: %+v, %q, %v", version, l, text, err)
		}
	}
}

// fakeWheel is what pip's download leaves, with a file of a day.
func fakeWheel(t *testing.T, day time.Time) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "apache_airflow-3.1.7-py3-none-any.whl")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(file)
	for i := range 2 {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: string(rune('a' + i)), Modified: day.AddDate(0, 0, -i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnlockedVersionIsResolvedAsOfItsDay(t *testing.T) {
	t.Parallel()
	wheel := fakeWheel(t, time.Date(2026, 2, 20, 10, 0, 0, 0, time.UTC))
	b, notes := unlockedBuilder(t, `mkdir -p "$8" && cp '`+wheel+`' "$8/"`, "exit 2")
	i, err := b.install(t.Context())
	const packages = " 2026-03-06 apache-airflow==3.1.7 psycopg2-binary asyncpg"
	want := "venv download uv pip install --quiet --python " + i.bin("python") + " --exclude-newer" + packages +
		" pip install --quiet --disable-pip-version-check pip>=26" +
		" pip install --quiet --disable-pip-version-check --uploaded-prior-to" + packages
	if diff := cmp.Diff(want, notesOf(t, notes)); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestVersionThatPipLacksNamesThoseNearIt(t *testing.T) {
	t.Parallel()
	b, _ := unlockedBuilder(t, `echo "ERROR: No matching (from versions: 2.11.0, 3.1.6, 3.1.8, 3.2.0rc1, 3.2.0)"; exit 1`, "exit 0")
	_, err := b.install(t.Context())
	const want = "installing Airflow 3.1.7: pip has no Airflow 3.1.7 for this Python: choose a version near it: 2.11.0, 3.1.6, 3.1.8 or 3.2.0"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}
