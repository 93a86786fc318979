// SPDX-License-Identifier: Apache-2.0

package document

import "strings"

// meantKeys are keys by the names that other tools give them.
var meantKeys = func() map[string]string {
	all := map[string]string{}
	for key, names := range map[string]string{
		"name":         "id route rule title",
		"on":           "event events event_type eventtype type types trigger when_event",
		"bucket":       "buckets bucket_name",
		"object":       "path prefix key pattern file filename file_name glob blob objects name_pattern",
		"topic":        "topics topic_name",
		"subscription": "subscriptions sub",
		"attributes":   "attribute attrs headers labels",
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
		"enabled":      "disabled active enable",
		"routes":       "rules triggers mappings",
		"environments": "envs airflows connections environment",
		"url":          "host webserver endpoint address airflow_url base_url webserver_url",
		"composer":     "composer_environment",
		"username":     "user login",
		"password":     "pass",
		"api":          "version api_version",
	} {
		for name := range strings.FieldsSeq(names) {
			all[name] = key
		}
	}
	return all
}()
