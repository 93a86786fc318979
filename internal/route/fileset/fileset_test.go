// SPDX-License-Identifier: Apache-2.0

package fileset_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dagtrigger/internal/route/fileset"
)

func TestSetIsCompleteWhenAllFilesExist(t *testing.T) {
	t.Parallel()
	csv := func(o fileset.Object) bool { return strings.HasSuffix(o.Name, ".csv") }
	of := func(change func(*fileset.Set)) fileset.Set {
		s := fileset.Set{Bucket: "acme", Prefix: "d/"}
		change(&s)
		return s
	}
	listed := func(names ...string) fileset.Set { return of(func(s *fileset.Set) { s.Names = names }) }
	matched := func(n int) fileset.Set { return of(func(s *fileset.Set) { s.Count, s.Match = n, csv }) }
	for _, tt := range []struct {
		name    string
		set     fileset.Set
		there   []string
		want    []string
		missing string // empty where it is complete
	}{
		{"all names", listed("us.csv", "eu.csv"), []string{"d/eu.csv", "d/other", "d/us.csv", "e/eu.csv"}, []string{"d/eu.csv", "d/us.csv"}, ""},
		{"one name missing", listed("us.csv", "eu.csv"), []string{"d/eu.csv", "e/us.csv"}, []string{"d/eu.csv"}, "us.csv"},
		{"nothing there", listed("us.csv", "eu.csv"), nil, nil, "eu.csv, us.csv"},
		{"whole names", listed("d/eu.csv", "gs://acme/d/us.csv"), []string{"d/eu.csv", "d/us.csv"}, []string{"d/eu.csv", "d/us.csv"}, ""},
		{"a name that is listed twice", listed("eu.csv", "eu.csv"), []string{"d/eu.csv"}, []string{"d/eu.csv"}, ""},
		{"many missing", listed("1", "2", "3", "4", "5", "6", "7"), nil, nil, "1, 2, 3, 4, 5 and 2 more"},
		{"the count", matched(2), []string{"d/a.csv", "d/b.csv", "d/c.txt"}, []string{"d/a.csv", "d/b.csv"}, ""},
		{"more than the count", matched(2), []string{"d/a.csv", "d/b.csv", "d/c.csv"}, []string{"d/a.csv", "d/b.csv", "d/c.csv"}, ""},
		{"long names", listed(strings.Repeat("x", 1000)), nil, nil, strings.Repeat("x", 100) + "…"},
		{"fewer", matched(3), []string{"d/a.csv", "d/c.txt"}, []string{"d/a.csv"}, "2 of 3 objects"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var listed []fileset.Object
			for _, name := range tt.there {
				listed = append(listed, fileset.Object{Name: name})
			}
			whole, err := tt.set.Whole(tt.set.Names)
			if err != nil {
				t.Fatal(err)
			}
			got := tt.set.Compare(listed, whole)
			if got.Missing != tt.missing || got.Complete != (tt.missing == "") {
				t.Errorf("%+v", got)
			}
			var names []string
			for _, o := range got.Objects {
				names = append(names, o.Name)
			}
			if diff := cmp.Diff(tt.want, names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesThatNoListingOfThePrefixHasAreErrors(t *testing.T) {
	t.Parallel()
	set := fileset.Set{Bucket: "acme", Prefix: "d/"}
	for _, tt := range []struct{ name, want string }{
		{"gs://other/d/a", "gs://other/d/a is not below gs://acme/d/: name objects below it alone"},
		{"gs://acme/e/a", "gs://acme/e/a is not below gs://acme/d/: name objects below it alone"},
		{"s3://acme/d/a", "s3://acme/d/a is not below gs://acme/d/: name objects below it alone"},
		{strings.Repeat("x", 1023), strings.Repeat("x", 100) + "… has over 1024 bytes, and no object's name has"},
	} {
		if _, err := set.Whole([]string{"b", tt.name}); err == nil || err.Error() != tt.want {
			t.Errorf("%.100s: %v, want %s", tt.name, err, tt.want)
		}
	}
	got, err := set.Whole([]string{"../e", "gs://acme/d/a b", "ü://x", "d/ü", "C:/x", "ü"})
	want := []string{"d/../e", "d/C:/x", "d/a b", "d/ü", "d/ü://x"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
