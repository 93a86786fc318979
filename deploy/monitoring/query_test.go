// SPDX-License-Identifier: Apache-2.0

package monitoring_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// googles are the metrics of Google's that are asked for, with their labels:
// https://cloud.google.com/monitoring/api/metrics_gcp
var googles = map[string][]string{
	"pubsub.googleapis.com/subscription/oldest_unacked_message_age": nil,
	"pubsub.googleapis.com/subscription/num_undelivered_messages":   nil,
	"pubsub.googleapis.com/subscription/dead_letter_message_count":  nil,
	"run.googleapis.com/request_latencies":                          {"response_code", "response_code_class"},
	"run.googleapis.com/request_count":                              {"response_code", "response_code_class"},
	"run.googleapis.com/container/instance_count":                   {"state"},
}

// resources are the labels of the resources that metrics are of:
// https://cloud.google.com/monitoring/api/resources
var resources = map[string][]string{
	"cloud_run_revision":  {"service_name", "revision_name", "location", "configuration_name", "project_id"},
	"pubsub_subscription": {"subscription_id", "project_id"},
}

// query is what a policy or a chart asks for.
type query struct {
	where     string
	filter    string
	groups    []string
	reducers  []string
	threshold any // of a policy
}

// queries gathers what value, read from where, asks for.
func queries(where string, value any) (all []query) {
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			all = append(all, queries(fmt.Sprintf("%s[%d]", where, i), item)...)
		}
	case map[string]any:
		if filter, ok := v["filter"].(string); ok && strings.Contains(filter, "metric.type") {
			all = append(all, query{where, filter, groups(v), reducers(v), v["thresholdValue"]})
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, queries(where+"."+key, v[key])...)
		}
	}
	return all
}

// aggregations are those of a query of a policy, or of a chart.
func aggregations(v map[string]any) (all []map[string]any) {
	list, _ := v["aggregations"].([]any)
	for _, a := range append(list, v["aggregation"]) {
		if aggregation, ok := a.(map[string]any); ok {
			all = append(all, aggregation)
		}
	}
	return all
}

// groups are the fields that a query groups by.
func groups(v map[string]any) (fields []string) {
	for _, a := range aggregations(v) {
		by, _ := a["groupByFields"].([]any)
		for _, field := range by {
			fields = append(fields, fmt.Sprint(field))
		}
	}
	return fields
}

// reducers are what a query makes one series of several with.
func reducers(v map[string]any) (names []string) {
	for _, a := range aggregations(v) {
		names = append(names, fmt.Sprint(a["crossSeriesReducer"]))
	}
	return names
}

func TestPoliciesAndChartsUseExistingMetrics(t *testing.T) {
	t.Parallel()
	own, lines := metrics(t), logged(t)
	asked := 0
	for _, path := range append(files(t, "alerts/*.json"), "dashboard.json") {
		var whole any
		read(t, path, &whole)
		for _, q := range queries(path, whole) {
			asked++
			q.check(t, own, lines)
		}
	}
	if asked != 14 {
		t.Errorf("%d queries were found, want 14", asked)
	}
}

// The sum of distributions is a distribution, which cannot be compared with a number: a
// filter can ask for a percentile of the values. That of counts is above 0 wherever
// there is one, so it serves a policy that asks whether there is any.
func TestFiltersReduceDistributionsToANumber(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, path := range append(files(t, "alerts/*.json"), "dashboard.json") {
		var whole any
		read(t, path, &whole)
		for _, q := range queries(path, whole) {
			if !strings.Contains(q.filter, "logging.googleapis.com/user/") {
				continue
			}
			checked++
			if len(q.reducers) != 1 || !strings.HasPrefix(q.reducers[0], "REDUCE_PERCENTILE_") {
				t.Errorf("%s is reduced by %v", q.where, q.reducers)
			}
			if counts := !strings.Contains(q.filter, "dagtrigger_event_age"); counts && q.threshold != 0.0 {
				t.Errorf("%s: a percentile of counts is compared with %v, want 0", q.where, q.threshold)
			}
		}
	}
	if checked != 5 {
		t.Errorf("%d filters of the function's own metrics were found, want 5", checked)
	}
}

// promQL are the queries in PromQL in value.
func promQL(value any) (all []string) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			all = append(all, promQL(item)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if text, ok := v[key].(string); ok && (key == "query" || key == "prometheusQuery") {
				all = append(all, text)
			}
			all = append(all, promQL(v[key])...)
		}
	}
	return all
}

// A query in PromQL spells a metric's name in its own way, and has the sum of a
// distribution by a suffix: https://cloud.google.com/monitoring/promql/promql-mapping
var (
	selector = regexp.MustCompile(`increase\(logging_googleapis_com:user_(\w+)_sum\{([^}]*)\}\[(1h|5m|24h|\$\{__interval\})\]\)`)
	selected = regexp.MustCompile(`^(\w+)=(~?)"([^"]*)"$`)
	grouped  = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

func TestPromQLSumsExistingMetrics(t *testing.T) {
	t.Parallel()
	own, lines, found := metrics(t), logged(t), 0
	for _, path := range append(files(t, "alerts/*.json"), "dashboard.json") {
		var whole any
		read(t, path, &whole)
		for _, text := range promQL(whole) {
			found++
			checkPromQL(t, own, lines, path, text)
		}
	}
	if found != 7 {
		t.Errorf("%d were found, want 7", found)
	}
}

// checkPromQL holds one query to the metrics, their labels and the values logged.
func checkPromQL(t *testing.T, own map[string]metric, lines []map[string]any, path, text string) {
	t.Helper()
	m := selector.FindStringSubmatch(text)
	if m == nil || own[m[1]].ValueExtractor != "EXTRACT(jsonPayload.count)" {
		t.Errorf("%s: %q sums no metric of counts", path, text)
		return
	}
	of := own[m[1]]
	for _, by := range grouped.FindAllStringSubmatch(text, -1) {
		if of.LabelExtractors[by[1]] == "" {
			t.Errorf("%s: %q groups by %s, which is no label of %s", path, text, by[1], m[1])
		}
	}
	resource := false
	for part := range strings.SplitSeq(m[2], ", ") {
		c := selected.FindStringSubmatch(part)
		switch {
		case c == nil:
			t.Errorf("%s: %q selects nothing in %q", path, part, text)
		case c[1] == "monitored_resource":
			resource = resources[c[3]] != nil
		case of.LabelExtractors[c[1]] == "":
			t.Errorf("%s: %s has no label %s", path, m[1], c[1])
		default:
			for value := range strings.SplitSeq(c[3], "|") {
				query{where: path}.met(t, of, lines, c[1], value)
			}
		}
	}
	if !resource {
		t.Errorf("%s: %q names no resource", path, text)
	}
}

var (
	metricType   = regexp.MustCompile(`metric\.type = "([^"]+)"`)
	resourceType = regexp.MustCompile(`resource\.type = "([^"]+)"`)
	compared     = regexp.MustCompile(`metric\.labels\.(\w+) = (?:one_of\()?((?:"[^"]*"(?:, )?)+)\)?`)
	labelled     = regexp.MustCompile(`(metric|resource)\.labels?\.(\w+)`)
	quoted       = regexp.MustCompile(`"([^"]*)"`)
)

// check holds q to the metrics that exist, their labels, and the values that
// the function logs.
func (q query) check(t *testing.T, own map[string]metric, lines []map[string]any) {
	t.Helper()
	kind, resource := metricType.FindStringSubmatch(q.filter), resourceType.FindStringSubmatch(q.filter)
	if kind == nil || resource == nil || resources[resource[1]] == nil {
		t.Errorf("%s: %q names no metric, or no resource", q.where, q.filter)
		return
	}
	name, isOwn := strings.CutPrefix(kind[1], "logging.googleapis.com/user/")
	labels, known := googles[kind[1]]
	if isOwn {
		var m metric
		m, known = own[name]
		labels = slices.Collect(maps.Keys(m.LabelExtractors))
	}
	if !known {
		t.Errorf("%s asks for %s, which there is not", q.where, kind[1])
		return
	}
	for _, l := range labelled.FindAllStringSubmatch(q.filter+" "+strings.Join(q.groups, " "), -1) {
		if of := map[string][]string{"metric": labels, "resource": resources[resource[1]]}[l[1]]; !slices.Contains(of, l[2]) {
			t.Errorf("%s: %s has no label %s", q.where, kind[1], l[0])
		}
	}
	for _, c := range compared.FindAllStringSubmatch(q.filter, -1) {
		for _, value := range quoted.FindAllStringSubmatch(c[2], -1) {
			q.met(t, own[name], lines, c[1], value[1])
		}
	}
}

// met fails where no line that the metric counts has that value of the label.
func (q query) met(t *testing.T, m metric, lines []map[string]any, label, value string) {
	t.Helper()
	for _, line := range lines {
		if matches(t, m.Filter, line) && extracted(t, m.LabelExtractors[label], line) == value {
			return
		}
	}
	t.Errorf("%s: the function logs no %s %q", q.where, label, value)
}
