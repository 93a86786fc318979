// SPDX-License-Identifier: Apache-2.0

// Package monitoring_test holds the metrics, the dashboard and the alerts of
// this folder to the lines that the function logs, and to each other.
package monitoring_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the pages into the policies")

// metric is one of the files in metrics. All are distributions of the values of a
// field: a counter would count a line of many outcomes once, see
// https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics
type metric struct {
	Filter           string
	MetricDescriptor struct {
		MetricKind, ValueType string
		Labels                []struct{ Key string }
	}
	ValueExtractor  string
	LabelExtractors map[string]string
	BucketOptions   struct {
		ExponentialBuckets struct{ NumFiniteBuckets, GrowthFactor, Scale float64 }
	}
}

// metrics are those of the folder, by name.
func metrics(t *testing.T) map[string]metric {
	t.Helper()
	all := map[string]metric{}
	for _, path := range files(t, "metrics/*.json") {
		var m metric
		read(t, path, &m)
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = m
	}
	return all
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no files: %v", pattern, err)
	}
	return paths
}

// read reads a JSON file, in which nothing may stand that to does not have
// unless it is a map.
func read(t *testing.T, path string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text(t, path)), to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// clause is one condition of a filter of Cloud Logging's.
var clause = regexp.MustCompile(`^(resource\.type|severity|httpRequest\.\w+|jsonPayload\.\w+)(:\*|=|>=)(.*)$`)

// condition is a clause, read.
type condition struct {
	field  string // of the line; empty for what the platform adds
	values []string
}

// conditions reads the clauses of a filter.
func conditions(t *testing.T, filter string) (all []condition) {
	t.Helper()
	for part := range strings.SplitSeq(filter, " AND ") {
		m := clause.FindStringSubmatch(part)
		if m == nil {
			t.Fatalf("%q in %q is no clause that this test knows", part, filter)
		}
		c := condition{}
		if field, ok := strings.CutPrefix(m[1], "jsonPayload."); ok {
			c.field = field
		}
		for _, v := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[3], -1) {
			c.values = append(c.values, v[1])
		}
		if (m[2] == ":*") != (m[3] == "") || m[2] == "=" && len(c.values) == 0 {
			t.Fatalf("%q in %q compares nothing", part, filter)
		}
		all = append(all, c)
	}
	return all
}

// matches reports whether the filter selects a line of the log.
func matches(t *testing.T, filter string, line map[string]any) bool {
	t.Helper()
	for _, c := range conditions(t, filter) {
		if c.field == "" {
			continue
		}
		value, ok := line[c.field]
		if !ok || len(c.values) > 0 && !slices.Contains(c.values, fmt.Sprint(value)) {
			return false
		}
	}
	return true
}

// extracted is the field of the line that an extractor names.
func extracted(t *testing.T, extractor string, line map[string]any) any {
	t.Helper()
	m := regexp.MustCompile(`^EXTRACT\(jsonPayload\.(\w+)\)$`).FindStringSubmatch(extractor)
	if m == nil {
		t.Fatalf("%q is no extractor that this test knows", extractor)
	}
	value, ok := line[m[1]]
	if !ok {
		t.Errorf("%s: the function logs no %s: %v", extractor, m[1], line)
	}
	return value
}

// recorded is what Cloud Monitoring records of the lines: by the outcome, or by the
// cause where the metric has that label, the number of values and their sum.
func (m metric) recorded(t *testing.T, lines []map[string]any) (values, sums map[string]int) {
	t.Helper()
	values, sums = map[string]int{}, map[string]int{}
	for _, line := range lines {
		if !matches(t, m.Filter, line) {
			continue
		}
		value, ok := extracted(t, m.ValueExtractor, line).(float64)
		if !ok || value < 0 {
			t.Errorf("%s is not a positive number in %v", m.ValueExtractor, line)
		}
		for _, extractor := range m.LabelExtractors {
			if _, ok := extracted(t, extractor, line).(string); !ok {
				t.Errorf("%s is not text in %v", extractor, line)
			}
		}
		key := fmt.Sprint(line["outcome"])
		if _, ok := m.LabelExtractors["cause"]; ok {
			key = fmt.Sprint(line["cause"])
		}
		values[key]++
		sums[key] += int(value)
	}
	return values, sums
}

// A request of many events has a line for each of the first 100 outcomes, and one
// for all others of a kind: the sums count these as well.
func TestMetricsCountOutcomesAndNotLines(t *testing.T) {
	t.Parallel()
	own, lines := metrics(t), logged(t)
	kinds := map[string]int{
		"triggered": 1 + batch, "published": 1, "duplicate": 1, "unmatched": 1 + batch, "rejected": 1, "dead_lettered": 1,
		"deferred": 4 + batch,
	}
	if _, sums := own["dagtrigger_outcomes"].recorded(t, lines); !cmp.Equal(kinds, sums) {
		t.Errorf("outcomes (-want +got):\n%s", cmp.Diff(kinds, sums))
	}
	causes := map[string]int{"unauthorized": 1, "forbidden": 1, "login_redirect": 1 + batch, "no_credentials": 1}
	if _, sums := own["dagtrigger_deferrals"].recorded(t, lines); !cmp.Equal(causes, sums) {
		t.Errorf("deferrals (-want +got):\n%s", cmp.Diff(causes, sums))
	}
	ages := map[string]int{"triggered": 1 + 100, "published": 1} // many events have no age
	if values, _ := own["dagtrigger_event_age"].recorded(t, lines); !cmp.Equal(ages, values) {
		t.Errorf("ages (-want +got):\n%s", cmp.Diff(ages, values))
	}
}

func TestMetricsAreDistributionsWithLabels(t *testing.T) {
	t.Parallel()
	for name, m := range metrics(t) {
		if m.MetricDescriptor.MetricKind != "DELTA" || m.MetricDescriptor.ValueType != "DISTRIBUTION" {
			t.Errorf("%s is a %s of %s", name, m.MetricDescriptor.MetricKind, m.MetricDescriptor.ValueType)
		}
		if b := m.BucketOptions.ExponentialBuckets; b.NumFiniteBuckets < 1 || b.GrowthFactor <= 1 || b.Scale <= 0 {
			t.Errorf("%s has invalid buckets: %+v", name, b)
		}
		var labels []string
		for _, l := range m.MetricDescriptor.Labels {
			labels = append(labels, l.Key)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(m.LabelExtractors)), slices.Sorted(slices.Values(labels))); diff != "" {
			t.Errorf("%s: extractors and labels differ:\n%s", name, diff)
		}
	}
}

// What a page has its reader look for is logged, too.
func TestPagesAndPanelsUseLoggedFields(t *testing.T) {
	t.Parallel()
	lines := logged(t)
	pages := append(files(t, "alerts/*.md"), "dashboard.json")
	for _, path := range pages {
		page := strings.ReplaceAll(text(t, path), `\"`, `"`)
		for _, m := range regexp.MustCompile(`gcloud logging read '([^']+)'`).FindAllStringSubmatch(page, -1) {
			filter := strings.ReplaceAll(m[1], ">=400", ":*")
			for _, c := range conditions(t, filter) {
				for _, value := range c.values {
					if c.field != "" && !slices.ContainsFunc(lines, func(line map[string]any) bool { return line[c.field] == value }) {
						t.Errorf("%s: the function logs no %s %q", path, c.field, value)
					}
				}
			}
		}
		for _, m := range regexp.MustCompile(`jsonPayload\.(\w+)`).FindAllStringSubmatch(page, -1) {
			if !slices.ContainsFunc(lines, func(line map[string]any) bool { _, ok := line[m[1]]; return ok }) {
				t.Errorf("%s: the function logs no %s", path, m[1])
			}
		}
	}
}

// The bounds of a policy's documentation:
// https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#Documentation
func TestPoliciesLinkTheirPages(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "alerts/*.json") {
		page := text(t, strings.TrimSuffix(path, ".json")+".md")
		if utf8.RuneCountInString(page) > 8192 || len(page) > 10240 {
			t.Errorf("the page of %s is too long to come with a notification: %d bytes", path, len(page))
		}
		if *update {
			write(t, path, page)
		}
		var policy struct {
			Documentation struct{ Content, MIMEType string }
			UserLabels    map[string]string
		}
		read(t, path, &policy)
		if policy.Documentation.Content != page {
			t.Errorf("%s does not carry its page: go test ./deploy/monitoring -update", path)
		}
		if want := strings.TrimSuffix(filepath.Base(path), ".json"); policy.UserLabels["alert"] != want {
			t.Errorf("%s is labelled %q, want %q", path, policy.UserLabels["alert"], want)
		}
	}
}

// write writes page into the policy at path.
func write(t *testing.T, path, page string) {
	t.Helper()
	var content strings.Builder
	enc := json.NewEncoder(&content)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(page); err != nil {
		t.Fatal(err)
	}
	within := regexp.MustCompile(`"content": ".*"\}`)
	policy := within.ReplaceAllLiteralString(text(t, path), `"content": `+strings.TrimSpace(content.String())+`}`)
	if err := os.WriteFile(path, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The grid is 48 columns wide, and no tile covers another:
// https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards#MosaicLayout
func TestDashboardTilesDoNotOverlap(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		MosaicLayout struct {
			Columns int
			Tiles   []struct {
				XPos, YPos, Width, Height int
				Widget                    struct{ Title string }
			}
		}
	}
	read(t, "dashboard.json", &dashboard)
	covered := map[[2]int]string{}
	for _, tile := range dashboard.MosaicLayout.Tiles {
		title := tile.Widget.Title
		if title == "" || tile.Width < 1 || tile.Height < 1 || tile.XPos < 0 || tile.XPos+tile.Width > dashboard.MosaicLayout.Columns {
			t.Errorf("the tile %q lies outside the grid", title)
		}
		for x := tile.XPos; x < tile.XPos+tile.Width; x++ {
			for y := tile.YPos; y < tile.YPos+tile.Height; y++ {
				if other := covered[[2]int{x, y}]; other != "" {
					t.Fatalf("the tile %q covers %q", title, other)
				}
				covered[[2]int{x, y}] = title
			}
		}
	}
}
