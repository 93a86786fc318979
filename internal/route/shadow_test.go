// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/dagtrigger/internal/event"
	"example.com/dagtrigger/internal/route"
)

// summary writes a decision: plans as ROUTE>DAG, failures as ROUTE!, misses as ROUTE:REASON.
func summary(d route.Decision) string {
	text := ""
	for _, p := range d.Plans {
		text += p.Route + ">" + p.DAG + " "
	}
	for _, f := range d.Failures {
		text += f.Route + "! "
	}
	for _, m := range d.Misses {
		text += m.Route + ":" + m.Reason + " "
	}
	return text + fmt.Sprint(d.Unnamed)
}

func TestShadowsDecideBesideLiveRoutes(t *testing.T) {
	t.Parallel()
	const (
		first  = "- {name: first, on: object.finalized, object: '*.csv', dag: a}\n"
		second = "- {name: second, on: object.finalized, dag: b}\n"
		new    = "- {name: new, on: object.finalized, object: '*.csv', dag: c, shadow: true}\n"
		broken = "- {name: broken, on: object.finalized, dag: d, conf: {e: '${object.etag}'}, shadow: true}\n"
	)
	csv, txt := upload(t, "acme", "a.csv"), upload(t, "acme", "a.txt")
	const unmatched = `new:object is "a.txt", not *.csv `
	for _, row := range []struct {
		name, routes  string
		first         bool
		ev            *event.Event
		live, shadows string
	}{
		{"both match", first + new, false, csv, "first>a 0", "new>c 0"},
		{"neither does", first + new, false, txt, `first:object is "a.txt", not *.csv 0`, unmatched + "0"},
		{"only the live route", second + new, false, txt, "second>b 0", unmatched + "0"},
		{"several, one of which fails", first + new + broken, false, csv, "first>a 0", "new>c broken! 0"},
		{"a disabled shadow", first + "- {name: new, on: object.finalized, dag: c, shadow: true, enabled: false}\n", false, csv,
			"first>a 0", "new:enabled is false 0"},
		{"a shadow alone", new, false, csv, ":there are no routes 0", "new>c 0"},

		{"above the first that matches", new + first, true, csv, "first>a 0", "new>c 0"},
		{"below the first that matches", first + new + broken, true, csv, "first>a 0",
			"new:match is first, and first comes before it broken:match is first, and first comes before it 0"},
		{"between one that does not match and one that does", first + broken + second, true, txt, "second>b 0", "broken! 0"},
		{"two shadows, each as if it were alone", new + broken + second, true, csv, "second>b 0", "new>c broken! 0"},
	} {
		specs, problems := decode(t, row.routes)
		table, more := route.Compile(specs, route.Options{First: row.first})
		if len(problems)+len(more) > 0 || !table.HasShadows() {
			t.Fatal(row.name, problems, more)
		}
		table = table.WithMaxTime(time.Hour)
		live := table.Decide(t.Context(), row.ev)
		if got := summary(live); got != row.live {
			t.Errorf("%s: live routes decide %q, want %q", row.name, got, row.live)
		}
		if got := summary(table.DecideShadows(t.Context(), row.ev, live)); got != row.shadows {
			t.Errorf("%s: shadows decide %q, want %q", row.name, got, row.shadows)
		}
	}
	if load(t, first).HasShadows() {
		t.Error("a file without a shadow has shadows")
	}
}

// The plans of live routes are the same with shadows beside them, wherever they stand.
func TestShadowsDoNotChangeWhatLiveRoutesDecide(t *testing.T) {
	t.Parallel()
	const live = "- {name: a, on: object.finalized, object: '{n=*}.csv', dag: d, conf: {n: '${path.n}'}}\n"
	const shadow = "- {name: %s, on: object.finalized, dag: d, shadow: true, conf: {x: '${[1,2,3].map(i, object.name)}'}}\n"
	ev := upload(t, "acme", "x.csv")
	want := load(t, live).Decide(t.Context(), ev)
	got := load(t, fmt.Sprintf(shadow, "s")+live+fmt.Sprintf(shadow, "t")).Decide(t.Context(), ev)
	if summary(got) != summary(want) || string(got.Plans[0].Conf) != string(want.Plans[0].Conf) || got.Written != want.Written {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestExplainShowsShadowsInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	specs, _ := decode(t, `
- {name: s1, on: object.finalized, dag: d, shadow: true}
- {name: live, on: object.finalized, dag: d}
- {name: s2, on: object.finalized, dag: d, shadow: true}
- {name: last, on: object.finalized, dag: d}
`)
	table, _ := route.Compile(specs, route.Options{First: true})
	got := ""
	for _, x := range table.Explain(t.Context(), upload(t, "acme", "a.csv")) {
		got += fmt.Sprintf("%s %t %s\n", x.Route, x.Shadow, x.Reason)
	}
	want := "s1 true \nlive false \ns2 true match is first, and live comes before it\nlast false match is first, and live comes before it\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
