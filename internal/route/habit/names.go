// SPDX-License-Identifier: Apache-2.0

package habit

import (
	"slices"
	"strings"
)

// Known is what the events of a route have, so that only that is proposed.
type Known struct {
	Object, Message bool
	Captures        []string // of the object pattern
}

// Name returns the expression that somebody means who names a field without its
// variable, and "" where nobody knows.
func (k Known) Name(name string) string {
	if slices.Contains(k.Captures, name) {
		return "path." + name
	}
	if expression := objectNames[name]; expression != "" && k.Object {
		return expression
	}
	if expression := messageNames[name]; expression != "" && k.Message {
		return expression
	}
	return eventNames[name]
}

// fullName is the address of an object.
const fullName = `"gs://" + object.bucket + "/" + object.name`

var objectNames = map[string]string{
	"bucket": "object.bucket", "bucket_name": "object.bucket", "bucketName": "object.bucket", "bucketId": "object.bucket",
	"name": "object.name", "file": "object.name", "filename": "object.name", "file_name": "object.name", "fileName": "object.name",
	"object_name": "object.name", "objectName": "object.name", "objectId": "object.name", "object_id": "object.name",
	"blob": "object.name", "blob_name": "object.name", "key": "object.name", "file_path": "object.name", "filepath": "object.name",
	"uri": fullName, "gcs_uri": fullName, "gcs_path": fullName, "url": fullName,
	"size": "int(object.size)", "file_size": "int(object.size)",
	"contentType": "object.contentType", "content_type": "object.contentType",
	"generation": "object.generation", "metadata": "object.metadata", "timeCreated": "object.timeCreated",
	"time_created": "object.timeCreated", "updated": "object.updated", "md5Hash": "object.md5Hash", "storageClass": "object.storageClass",
}

var messageNames = map[string]string{
	"topic": "message.topic", "subscription": "message.subscription", "attributes": "message.attributes",
	"message_id": "message.id", "messageId": "message.id", "publish_time": "message.publish_time", "publishTime": "message.publish_time",
	"ordering_key": "message.ordering_key", "orderingKey": "message.ordering_key", "payload": "message.json", "body": "message.json",
}

var eventNames = map[string]string{
	"id": "event.id", "event_id": "event.id", "eventId": "event.id", "source": "event.source", "subject": "event.subject",
	"type": "event.type", "event_type": "event.type", "eventType": "event.type",
	"time": "event.time", "timestamp": "event.time", "ts": "event.time", "now": "event.time",
	"datetime": "event.time", "pendulum": "event.time",
	"execution_date": "event.time", "logical_date": "event.time", "dag_run": "data", "params": "data", "conf": "data",
	"cloud_event": "data", "cloudevent": "data", "request": "data", "payload": "data", "body": "data",
	"ds": dayOfEvent, "ds_nodash": `format_date(event.time, "%Y%m%d")`, "today": dayOfEvent,
}

// dayOfEvent writes the day on which an event happened.
const dayOfEvent = `format_date(event.time, "%Y-%m-%d")`

// members are fields under the names that other libraries give them.
var members = map[string]map[string]string{
	"object": {
		"filename": "object.name", "file": "object.name", "file_name": "object.name", "path": "object.name", "key": "object.name",
		"id_": "object.id", "bucket_name": "object.bucket", "bucketId": "object.bucket", "uri": fullName, "url": fullName,
		"created": "object.timeCreated", "time_created": "object.timeCreated", "modified": "object.updated", "last_modified": "object.updated",
		"md5": "object.md5Hash", "md5_hash": "object.md5Hash", "type": "object.contentType", "mime_type": "object.contentType",
		"length": "int(object.size)", "data": "data", "attributes": "object.metadata", "time": "event.time",
	},
	"message": {
		"data": "message.json, or message.text where it is not JSON", "body": "message.json, or message.text where it is not JSON",
		"payload": "message.json, or message.text where it is not JSON", "content": "message.json, or message.text where it is not JSON",
		"messageId": "message.id", "message_id": "message.id", "publishTime": "message.publish_time", "orderingKey": "message.ordering_key",
		"deliveryAttempt": "message.delivery_attempt", "attribute": "message.attributes", "attrs": "message.attributes",
	},
	"event": {
		"data": "data", "bucket": "object.bucket", "name": "object.name", "object": "object.name", "size": "int(object.size)",
		"attributes": "message.attributes, or event.extensions", "timestamp": "event.time", "event_id": "event.id",
		"event_type": "event.type", "eventType": "event.type", "eventId": "event.id", "message": "message",
	},
}

// Member returns the expression for a field that owner has under another name.
func Member(owner, field string) string { return members[owner][field] }

// Function returns what to write in place of a function, method or constant of another
// language, and "" for one that it does not know.
func Function(name string) string {
	if fix, ok := functions[name]; ok {
		return fix
	}
	return functions[strings.ToLower(name)]
}

var functions = perName(map[string]string{
	"write size(…)":                                 "len length count strlen char_length",
	"write string(…)":                               "str text to_string tostring repr",
	"write double(…)":                               "float number decimal todouble to_f tofloat to_float parsefloat parse_float atof",
	"write int(…)":                                  "toint to_int to_i parseint parse_int atoi integer as_int tonumber tolong",
	"write bool(…)":                                 "boolean tobool to_bool toboolean parsebool",
	"write it as a method: x.lowerAscii()":          "lower lcase tolower tolowercase casefold",
	"write it as a method: x.upperAscii()":          "upper ucase toupper touppercase",
	"write it as a method: x.trim()":                "strip trim lstrip rstrip trimstart trimend",
	`write x.startsWith("…")`:                       "startswith starts_with hasprefix",
	`write x.endsWith("…")`:                         "endswith ends_with hassuffix",
	`write x.contains("…")`:                         "contains includes has_substr instr",
	`write x.indexOf("…")`:                          "find index strpos",
	`write x.lastIndexOf("…")`:                      "rfind rindex",
	`write x.matches("…")`:                          "re match fullmatch search regexp_contains regexp_like regexp_matches regex_match test",
	`write regex.replace(x, "…", "…")`:              "sub regexp_replace re_sub",
	"write event.time, when the event happened":     "now utcnow current_timestamp datetime pendulum getdate sysdate time",
	`write format_date(event.time, "%Y-%m-%d")`:     "ds format_datetime date_format to_char isodate date",
	`write duration("24h")`:                         "timedelta interval days hours minutes",
	"write string(x)":                               "isoformat",
	"write type(x) == string, or int, map, list":    "isinstance typeof is_string is_int",
	"write has(x)":                                  "defined isset hasattr exists isnull is_null isnotnull isna notnull empty",
	`write x.?name.orValue("…")`:                    "get getattr dig",
	`write a + b`:                                   "concat",
	`write x.split("/").last().orValue("")`:         "basename",
	"write x.substring(0, x.lastIndexOf(\"/\"))":    "dirname parent",
	"write x.substring(begin, end)":                 "substr slice mid left right",
	"write null":                                    "none null nil undefined",
	"write true":                                    "true",
	"write false":                                   "false",
	"write message.text, which is the data decoded": "b64decode decode base64_decode atob base64",
	"write x.exists(v, …)":                          "any some",
	"write x.filter(v, …)":                          "where select",
	"write math.greatest(…)":                        "max greatest",
	"write math.least(…)":                           "min least",
	"write x.sort()":                                "sorted order_by",
	`write x.matches("^[0-9]+$")`:                   "isdigit isnumeric isdecimal",
	"write x.getFullYear()":                         "year",
	"write x.getMonth() + 1, which begins with 0":   "month",
	"write x.getDate()":                             "day",
	"write x.getMinutes()":                          "minute",
	"write x.getSeconds()":                          "second",
	"write x.getMilliseconds()":                     "millisecond microsecond",
	"write x.getHours()":                            "hour",
	"write x.getDayOfWeek(), 0 for Sunday":          "weekday isoweekday dayofweek",
	"write x.map(k, k), which gives the keys":       "keys",
	"write x[key] for each, or x itself":            "items values",

	`write x.split("/").last().orValue("") for the last part, and ` +
		`x.substring(0, x.lastIndexOf("/")) for what is before it`: "rsplit rpartition",
	`write x.split("/"), whose parts begin with [0]`: "partition explode tokenize",
	`write regex.replace(x, "^…", "") for a beginning, or "…$" for an end`: "removesuffix removeprefix trim_suffix trim_prefix " +
		"trimsuffix trimprefix chomp splitext stem",
	`write event.time, when the event happened, or format_date(event.time, "%Y-%m-%d") for its day`: "today current_date",
	`write .? before the last name, as in data.?name.orValue("…")`:                                  "coalesce ifnull nvl default",
	`write date(x, "%Y-%m-%d")`: "strptime fromisoformat parse_date parse_datetime " +
		" to_date todate to_timestamp parsedate",
	"write message.json, which is the data parsed": "loads json_extract json_value parse_json " +
		"json_parse from_json json",
	"leave it out: a random value would start a second run for an event that is delivered again": "uuid uuid4 random rand newid",
	"declare it in the file's vars, as in vars: {stage: {env: STAGE}}, and write vars.stage":     "os env environ getenv",
})
