// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"testing"

	"example.com/dagtrigger/internal/event"
)

func TestSkip(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ preset, name, size, reason string }{
		{"folders", "a/", "0", "its name ends in /"},
		{"folders", "a/", "11", "its name ends in /"},
		{"folders", "a_$folder$", "0", "its name ends in _$folder$"},
		{"folders", "a/b", "0", ""},
		{"empty", "a/b", "0", "its size is 0"},
		{"empty", "a/b", "1", ""},
		{"empty", "a/", "11", ""},
		{"temporary", "out/_temporary/0/task_1/part-0", "1", "its name has _temporary/"},
		{"temporary", "_temporary/0/x", "1", "its name has _temporary/"},
		{"temporary", "out/.spark-staging-8a/day=1/part-0.parquet", "1", "its name has .spark-staging-"},
		{"temporary", "out/.temp-beam-2026-11-22_01-02-03-1/5f", "1", "its name has .temp-beam"},
		{"temporary", "out/beam-temp-result-1c/4a.result", "1", "its name has beam-temp-"},
		{"temporary", "1234/gsutil/tmp/parallel_composite_uploads/for_details_see/gsutil_help_cp/ab", "1", "its name has tmp/"},
		{"temporary", "gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details/ab", "1", "its name has tmp/"},
		{"temporary", "in/a.csv._COPYING_", "1", "its name ends in ._copying_"},
		{"temporary", "a.tmp", "1", "its name ends in .tmp"},
		{"temporary", "A.TMP", "1", "its name ends in .tmp"},
		{"temporary", "in/a.csv.part", "1", "its name ends in .part"},
		{"temporary", "in/a.csv.filepart", "1", "its name ends in .filepart"},
		{"temporary", "a.zip.crdownload", "1", "its name ends in .crdownload"},
		{"temporary", "a.csv~", "1", "its name ends in ~"},
		{"temporary", "in/.a.csv.swp", "1", "its name ends in .swp"},
		{"temporary", "in/a.partial", "1", "its name ends in .partial"},
		{"temporary", "tmp/a.csv", "1", "its name has tmp/"},
		{"temporary", "sales/tmp/a.csv", "1", "its name has tmp/"},
		{"temporary", "sales/_tmp/a.csv", "1", "its name has _tmp/"},
		{"temporary", "t/.hive-staging_hive_2026/-ext-10000/0", "1", "its name has .hive-staging"},
		{"temporary", "out/.part-0-0.inprogress.5f3c2a1b-0c1d-4a5b", "1", "its name ends in .5f3c2a1b-0c1d-4a5b"},
		{"temporary", "out/a.inprogress", "1", "its name ends in .inprogress"},
		{"temporary", "in/.a.csv.Xy12Zq", "1", "its name ends in .Xy12Zq"},
		{"temporary", "in/.~tmp~/a.csv", "1", "its name has .~tmp~/"},
		{"temporary", ".gcsfuse_tmp/5f", "1", "its name has .gcsfuse_tmp/"},
		{"temporary", "in/~$plan.xlsx", "1", "its name begins with ~$"},
		{"temporary", "in/.~lock.plan.ods#", "1", "its name begins with .~lock."},
		{"temporary", "out/__magic_job-1/a", "1", "its name has __magic"},
		{"temporary", "my_temporary/a", "1", ""},
		{"temporary", "sales/temp/a.csv", "1", ""},
		{"temporary", "mytmp/a.csv", "1", ""},
		{"temporary", "tmp", "1", ""},
		{"temporary", "a.part-0001.csv", "1", ""},
		{"temporary", "part-00000.parquet", "1", ""},
		{"temporary", "in/a.csv.Xy12Zq", "1", ""},
		{"temporary", "in/.env.backup", "1", ""},
		{"temporary", "a.tmp.csv", "1", ""},
		{"temporary", "out/a_SUCCESS", "1", ""},
		{"temporary", "out/_SUCCESS", "0", ""},
	} {
		table := load(t, good+"  skip: [folders, empty, temporary]\n")
		if row.reason == "" {
			table = load(t, good+"  skip: "+row.preset)
		}
		d := table.Decide(t.Context(), object(t, "finalized", "acme", row.name, row.size))
		reason := ""
		if len(d.Misses) > 0 {
			reason = d.Misses[0].Reason
		}
		want := row.reason
		if want != "" {
			want = "skip: " + row.preset + ": " + want
		}
		if reason != want {
			t.Errorf("%s of %s bytes misses because %q, want %q", row.name, row.size, reason, want)
		}
	}
}

// A notification without payload says nothing of the size.
func TestObjectWithoutASizeIsNotEmpty(t *testing.T) {
	t.Parallel()
	ev := upload(t, "acme", "a")
	ev.Object = &event.Object{Bucket: "acme", Name: "a", Generation: "1", Resource: []byte(`{"bucket":"acme","name":"a"}`)}
	if d := load(t, good+"  skip: empty").Decide(t.Context(), ev); len(d.Plans) != 1 {
		t.Errorf("Decide = %+v, want a plan", d)
	}
}
