// SPDX-License-Identifier: Apache-2.0

package airflowsim_test

import (
	"testing"
)

func TestV1ReturnsADAG(t *testing.T) {
	t.Parallel()
	dag := `{
  "dag_display_name": "paused",
  "dag_id": "paused",
  "default_view": "grid",
  "description": null,
  "file_token": "Ii9vcHQi.paused",
  "fileloc": "/opt/airflow/dags/paused.py",
  "has_import_errors": false,
  "has_task_concurrency_limits": false,
  "is_active": true,
  "is_paused": true,
  "is_subdag": false,
  "last_expired": null,
  "last_parsed_time": "` + now + `",
  "last_pickled": null,
  "max_active_runs": 16,
  "max_active_tasks": 16,
  "max_consecutive_failed_dag_runs": 0,
  "next_dagrun": null,
  "next_dagrun_create_after": null,
  "next_dagrun_data_interval_end": null,
  "next_dagrun_data_interval_start": null,
  "owners": [
    "airflow"
  ],
  "pickle_id": null,
  "root_dag_id": null,
  "schedule_interval": null,
  "scheduler_lock": null,
  "tags": [],
  "timetable_description": "Never, external triggers only"
}
`
	check(t, airflow211, []row{
		{name: "in full", req: get("/api/v1/dags/paused").as("viewer"), want: answer{200, jsonType, dag}},
		{name: "stale", req: get("/api/v1/dags/stale"), want: answer{200, jsonType, "~\"is_active\": false"}},
		{name: "broken", req: get("/api/v1/dags/broken"), want: answer{200, jsonType, "~\"has_import_errors\": true"}},
		{
			name: "its start",
			req:  get("/api/v1/dags/started/details"),
			want: answer{200, jsonType, `~"start_date": "2020-01-01T00:00:00+00:00"`},
		},
		{name: "no start, and catchup by default", req: get("/api/v1/dags/d/details"), want: answer{200, jsonType, `~"catchup": true`}},
		{name: "its params", req: get("/api/v1/dags/needs/details"), want: answer{200, jsonType, `~"params": {
    "must": {
      "__class": "airflow.models.param.Param",
      "description": null,
      "schema": {
        "type": "string"
      },
      "value": null
    }
  }`}},
	})
}

func TestV2ReturnsADAG(t *testing.T) {
	t.Parallel()
	dag := `{"dag_id":"paused","dag_display_name":"paused","is_paused":true,"is_stale":false,"last_parsed_time":"` + nowZ +
		`","last_parse_duration":0.05,"last_expired":null,` +
		`"bundle_name":"dags-folder","bundle_version":null,"relative_fileloc":"paused.py","fileloc":"/opt/airflow/dags/paused.py",` +
		`"description":null,"timetable_summary":null,` +
		`"timetable_description":"Never, external triggers only","timetable_partitioned":false,"timetable_periodic":false,"tags":[],` +
		`"max_active_tasks":16,"max_active_runs":16,` +
		`"max_consecutive_failed_dag_runs":0,"has_task_concurrency_limits":false,"has_import_errors":false,"next_dagrun_logical_date":null,` +
		`"next_dagrun_data_interval_start":null,` +
		`"next_dagrun_data_interval_end":null,"next_dagrun_run_after":null,"allowed_run_types":null,"owners":["airflow"],` +
		`"is_backfillable":false,"file_token":"eyJidW5kbGVfbmFtZSI6ImRhZ3MtZm9sZGVyIn0.paused"}`
	check(t, airflow33, []row{
		{name: "in full", req: get("/api/v2/dags/paused").as("viewer"), want: json3(200, dag)},
		{name: "stale", req: get("/api/v2/dags/stale"), want: json3(200, `~"is_stale":true`)},
		{name: "broken", req: get("/api/v2/dags/broken"), want: json3(200, `~"has_import_errors":true`)},
		{name: "its start", req: get("/api/v2/dags/started/details"), want: json3(200, `~"start_date":"2020-01-01T00:00:00Z"`)},
		{
			name: "no start, and no catchup by default",
			req:  get("/api/v2/dags/d/details"),
			want: json3(200, `~"catchup":false,"dag_run_timeout":null,"asset_expression":null,"doc_md":null,"start_date":null`),
		},
		{
			name: "its params",
			req:  get("/api/v2/dags/params/details"),
			want: json3(
				200,
				`~"params":{"n":{"value":1,"schema":{"type":"integer","maximum":10,"minimum":1},"description":null,"source":null},"s":{"value":"a",`+
					`"schema":{"type":"string","pattern":"^[a-z]+$","maxLength":5,"minLength":1},"description":null,"source":null}`,
			),
		},
	})
}

func TestV1PublishesADatasetEvent(t *testing.T) {
	t.Parallel()
	const path = "/api/v1/datasets/events"
	event := func(extra string) answer {
		return answer{200, jsonType, `{
  "created_dagruns": [],
  "dataset_id": 2,
  "dataset_uri": "s3://b/k",
  "extra": ` + extra + `,
  "id": 1,
  "source_dag_id": null,
  "source_map_index": -1,
  "source_run_id": null,
  "source_task_id": null,
  "timestamp": "` + now + `"
}
`}
	}
	forbidden := problem(403, `"Forbidden"`, docs("PermissionDenied"), "null")
	check(t, airflow211, []row{
		{name: "by a user", req: post(path, `{"dataset_uri": "s3://b/k"}`).as("user"), want: event("{\n    \"from_rest_api\": true\n  }")},
		{
			name: "with an extra",
			req:  post(path, `{"dataset_uri": "s3://b/k", "extra": {"z": 1, "a": 2.50}}`),
			want: event("{\n    \"a\": 2.5,\n    \"from_rest_api\": true,\n    \"z\": 1\n  }"),
		},
		{
			name: "with an extra of null",
			req:  post(path, `{"dataset_uri": "s3://b/k", "extra": null}`),
			want: bad(`"{'extra': ['Field may not be null.']}"`),
		},
		{
			name: "of no dataset",
			req:  post(path, `{"dataset_uri": "nope"}`),
			want: problem(404, `"Dataset not found"`, docs("NotFound"), `"Dataset with uri: 'nope' not found"`),
		},
		{name: "without one", req: post(path, `{}`), want: bad(`"'dataset_uri' is a required property"`)},
		{name: "with more", req: post(path, `{"dataset_uri": "s3://b/k", "x": 1}`), want: bad(`"{'x': ['Unknown field.']}"`)},
		{name: "by a viewer", req: post(path, `{"dataset_uri": "s3://b/k"}`).as("viewer"), want: forbidden},
		{name: "by nobody", req: post(path, `{"dataset_uri": "s3://b/k"}`).as("-"), want: forbidden},
		{
			name:  "and reads it back",
			after: []request{post(path, `{"dataset_uri": "s3://b/k"}`)},
			req:   get(path + "?limit=2").as("viewer"),
			want:  answer{200, jsonType, "~\"total_entries\": 1"},
		},
	})
}

func TestV2PublishesAnAssetEvent(t *testing.T) {
	t.Parallel()
	const path = "/api/v2/assets/events"
	event := func(extra, key string) answer {
		return json3(
			200,
			`{"id":1,"asset_id":2,"uri":"s3://b/k","name":"s3://b/k","group":"asset","extra":`+extra+`,"source_task_id":null,`+
				`"source_dag_id":null,"source_run_id":null,"source_map_index":-1,"created_dagruns":[],"timestamp":"`+nowZ+`","partition_key":`+key+`}`,
		)
	}
	invalid := func(kind, loc, message, input string) answer {
		return json3(422, `{"detail":[{"type":"`+kind+`","loc":["body","`+loc+`"],"msg":"`+message+`","input":`+input+`}]}`)
	}
	check(t, airflow33, []row{
		{name: "by an op", req: post(path, `{"asset_id":2}`).as("op"), want: event("{}", "null")},
		{name: "by a text of its id", req: post(path, `{"asset_id":"2","partition_key":"k"}`), want: event("{}", `"k"`)},
		{
			name: "with an extra",
			req:  post(path, `{"asset_id":2,"extra":{"z":1,"a":2.50}}`),
			want: event(`{"z":1,"a":2.5,"from_rest_api":true}`, "null"),
		},
		{
			name: "with an extra of null",
			req:  post(path, `{"asset_id":2,"extra":null}`),
			want: invalid("dict_type", "extra", "Input should be a valid dictionary", "null"),
		},
		{name: "of no asset", req: post(path, `{"asset_id":99}`), want: detail(404, "Asset with ID: `99` was not found")},
		{
			name: "of half an asset",
			req:  post(path, `{"asset_id":1.5}`),
			want: invalid("int_from_float", "asset_id", "Input should be a valid integer, got a number with a fractional part", "1.5"),
		},
		{
			name: "of a word",
			req:  post(path, `{"asset_id":"x"}`),
			want: invalid("int_parsing", "asset_id", "Input should be a valid integer, unable to parse string as an integer", `"x"`),
		},
		{name: "by a user", req: post(path, `{"asset_id":2}`).as("user"), want: detail(403, "Forbidden")},
		{name: "by nobody", req: post(path, `{"asset_id":2}`).as("-"), want: detail(401, "Not authenticated")},
		{
			name:  "and reads it back",
			after: []request{post(path, `{"asset_id":2}`)},
			req:   get(path).as("viewer"),
			want:  json3(200, `~"total_entries":1}`),
		},
		{
			name: "the id of a URI",
			req:  get("/api/v2/assets?uri_pattern=s3://b/k").as("viewer"),
			want: json3(200, `~{"assets":[{"id":2,"name":"s3://b/k","uri":"s3://b/k"`),
		},
		{
			name:  "an asset",
			after: []request{post(path, `{"asset_id":2}`)},
			req:   get("/api/v2/assets/2"),
			want:  json3(200, `~"last_asset_event":{"id":1,"timestamp":"`+nowZ+`"}}`),
		},
		{name: "no asset", req: get("/api/v2/assets/3"), want: detail(404, "The Asset with ID: `3` was not found")},
	})
}

// An asset event has no id of its sender's, so that it can be sent twice.
func TestAssetEventsAreNeverDuplicates(t *testing.T) {
	t.Parallel()
	s := newServer(t, airflow33(t))
	for range 2 {
		do(t, s, post("/api/v2/assets/events", `{"asset_id":1,"extra":{"k":1}}`))
	}
	events := s.AssetEvents()
	if len(events) != 2 || events[0].URI != "s3://b/other" || string(events[1].Extra) != `{"k":1,"from_rest_api":true}` {
		t.Errorf("got %+v", events)
	}
}
