// SPDX-License-Identifier: Apache-2.0

package habit

import "strings"

// Key returns the key that other tools give this name, and "" for a name that nobody
// gives a key.
func Key(name string) string { return keys[strings.ToLower(name)] }

// keys are keys by their other names.
var keys = perName(map[string]string{
	"name":         "id route rule title",
	"on":           "event events event_type eventtype type types trigger when_event",
	"bucket":       "buckets bucket_name",
	"object":       "path prefix key pattern file filename file_name glob blob objects name_pattern",
	"topic":        "topics topic_name",
	"subscription": "subscriptions sub",
	"attributes": "attribute attrs headers labels filters event_filters eventfilters event_filter matching_criteria extensions " +
		"servicename service_name methodname method_name resourcename resource_name database namespace document collection",
	"skip":         "ignore exclude",
	"when":         "if condition conditions filter where only_if expression",
	"dag":          "dag_id dagid trigger_dag_id dag_name pipeline workflow target",
	"conf":         "params parameters config payload body data args kwargs mapping",
	"run_id":       "dag_run_id runid dedup_key key_by",
	"logical_date": "execution_date logicaldate date",
	"environment":  "env stage airflow",
	"every":        "window interval batch",
	"max_active":   "max_active_runs concurrency limit",
	"dead_letter":  "dlq deadletter dead_letters deadletters",
	"shadow":       "dry_run dryrun noop canary mirror",
	"enabled":      "disabled active enable",
	"routes":       "rules triggers mappings",
	"environments": "envs airflows connections environment",
	"url":          "host webserver endpoint address airflow_url base_url webserver_url",
	"composer":     "composer_environment",
	"username":     "user login",
	"password":     "pass",
	"api":          "version api_version",
})

// Branch returns what to write in place of a branch of another language's if, which no
// key stands for, and "" for any other name.
func Branch(name string) string { return branches[strings.ToLower(name)] }

var branches = perName(map[string]string{
	"write match: first at the top of the file, and as its last route one that takes the rest": "else default otherwise fallback",
	"write match: first at the top of the file, and each branch as a route, in their order":    "elif elsif elseif else_if case cases switch",
})

// perName turns a map of values to the names that stand for them, separated by blanks.
func perName(values map[string]string) map[string]string {
	all := map[string]string{}
	for value, names := range values {
		for name := range strings.FieldsSeq(names) {
			all[name] = value
		}
	}
	return all
}
