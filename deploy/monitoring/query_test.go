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
	where  string
	filter string
	groups []string
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
			all = append(all, query{where, filter, groups(v)})
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, queries(where+"."+key, v[key])...)
		}
	}
	return all
}

// groups are the fields that a query groups by.
func groups(v map[string]any) (fields []string) {
	aggregations, _ := v["aggregations"].([]any)
	for _, a := range append(aggregations, v["aggregation"]) {
		aggregation, _ := a.(map[string]any)
		by, _ := aggregation["groupByFields"].([]any)
		for _, field := range by {
			fields = append(fields, fmt.Sprint(field))
		}
	}
	return fields
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
	if asked < 20 {
		t.Errorf("%d queries were found", asked)
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
