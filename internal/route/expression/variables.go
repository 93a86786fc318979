// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"slices"

	"cel.dev/cel-go/cel"
)

// Variable is something that an expression can name.
type Variable struct {
	Name, Doc string
	// Fields are the declared fields. A variable without any is of any type.
	Fields []Field
}

// Field is a field of a variable, or of such a field.
type Field struct {
	Name, Doc string
	Type      Type
	Fields    []Field // of a Resource
	Optional  bool    // many events have none: a conf that needs it fails for those
}

// Type is a type in words, as problems and the documentation name it.
type Type string

// The types of fields, and of what expressions give.
const (
	Any       Type = "anything"
	Bool      Type = "true or false"
	Bytes     Type = "bytes"
	Duration  Type = "a duration"
	List      Type = "a list"
	Map       Type = "a map"
	MapOfText Type = "a map of text"
	Null      Type = "null"
	Number    Type = "a number"
	Optional  Type = "an optional"
	Resource  Type = "a map with declared fields"
	Text      Type = "text"
	Time      Type = "a timestamp"
	TypeName  Type = "a type"
)

// Variables are what an expression can name, in the order in which people need
// them. An absent field is absent: has() of it is false, and its use an error.
func Variables() []Variable { return slices.Clone(variables) }

const (
	eventVariable   = "event"
	objectVariable  = "object"
	messageVariable = "message"
	dataVariable    = "data"
	pathVariable    = "path"
	varsVariable    = "vars"
	setVariable     = "complete"
	listVariable    = "manifest"
)

var variables = []Variable{
	{eventVariable, "the event itself", []Field{
		{Name: "id", Type: Text, Doc: "the CloudEvent's id"},
		{Name: "source", Type: Text, Doc: "the CloudEvent's source"},
		{Name: "type", Type: Text, Doc: "the CloudEvent's type"},
		{Name: "subject", Type: Text, Doc: "the CloudEvent's subject"},
		{Name: "time", Type: Time, Doc: "when it happened"},
		{Name: "extensions", Type: MapOfText, Doc: "the CloudEvent's extension attributes, names in lower case"},
	}},
	{objectVariable, "the object resource of a Cloud Storage change, under the JSON API's names; ${object} is the whole of it, undeclared " +
		"fields included", objectFields},
	{messageVariable, "the Pub/Sub message that is the event, or that carried an object's notification or a CloudEvent", []Field{
		{Name: "id", Type: Text, Doc: "the message id"},
		{Name: "topic", Type: Text, Doc: "projects/P/topics/T"},
		{Name: "subscription", Type: Text, Doc: "projects/P/subscriptions/S"},
		{Name: "ordering_key", Type: Text, Optional: true, Doc: "the ordering key"},
		{Name: "publish_time", Type: Time, Doc: "when it was published"},
		{Name: "delivery_attempt", Type: Number, Optional: true, Doc: "from 1; absent where the subscription has no dead-letter policy"},
		{Name: "attributes", Type: MapOfText, Doc: "the attributes, names as they were sent"},
		{Name: "text", Type: Text, Doc: "the data, where it is UTF-8 and not declared as bytes"},
		{Name: "data_base64", Type: Text, Doc: "the data, base64"},
		{Name: "json", Type: Any, Doc: "the data parsed, null where it is not JSON; data that is gzip is uncompressed, without an " +
			"attribute contentEncoding: gzip to at most 2 MiB"},
	}},
	{dataVariable, "the event's data as JSON: the resource of a Cloud Storage change, a message's JSON; where it is not valid JSON, text, " +
		"or bytes where it is no UTF-8", nil},
	{pathVariable, "what the patterns of object, subject and attributes captured: text, under the captures' names", nil},
	{varsVariable, "the values of the file's vars and the route's, under their names; of a table, vars.tables[path.table]", nil},
	{setVariable, "the set of a route with complete, in its conf and note; ${complete} is all of it", []Field{
		{Name: "bucket", Type: Text, Doc: "the bucket's name"},
		{Name: "prefix", Type: Text, Doc: "the set's prefix"},
		{Name: "files", Type: List, Doc: "its objects, sorted by name, each with name, generation, size and updated, all text"},
	}},
	{listVariable, "the manifest's JSON, in complete's files alone", nil},
}

// objectFields are the fields of an object resource, by
// https://cloud.google.com/storage/docs/json_api/v1/objects#resource. 64-bit
// integers are text there, and times text in RFC 3339.
var objectFields = []Field{
	{Name: "bucket", Type: Text, Doc: "the bucket's name"},
	{Name: "name", Type: Text, Doc: "the object's name"},
	{Name: "generation", Type: Text, Doc: "an int64 as text: the version of the content"},
	{Name: "metageneration", Type: Text, Doc: "an int64 as text: the version of the metadata"},
	{Name: "size", Type: Text, Doc: "an int64 as text: bytes"},
	{Name: "contentType", Type: Text},
	{Name: "contentEncoding", Type: Text, Optional: true},
	{Name: "contentDisposition", Type: Text, Optional: true},
	{Name: "contentLanguage", Type: Text, Optional: true},
	{Name: "cacheControl", Type: Text, Optional: true},
	{Name: "metadata", Type: MapOfText, Doc: "the object's custom metadata; an empty map where it has none"},
	{Name: "contexts", Type: Any, Optional: true},
	{Name: "md5Hash", Type: Text, Optional: true, Doc: "base64; absent on composite objects"},
	{Name: "crc32c", Type: Text, Doc: "base64"},
	{Name: "etag", Type: Text},
	{Name: "storageClass", Type: Text},
	{Name: "componentCount", Type: Number, Optional: true, Doc: "of a composite object"},
	{Name: "timeCreated", Type: Text},
	{Name: "timeDeleted", Type: Text, Optional: true},
	{Name: "timeFinalized", Type: Text},
	{Name: "timeStorageClassUpdated", Type: Text},
	{Name: "updated", Type: Text},
	{Name: "customTime", Type: Text, Optional: true},
	{Name: "softDeleteTime", Type: Text, Optional: true},
	{Name: "hardDeleteTime", Type: Text, Optional: true},
	{Name: "retentionExpirationTime", Type: Text, Optional: true},
	{Name: "temporaryHold", Type: Bool, Optional: true},
	{Name: "eventBasedHold", Type: Bool, Optional: true},
	{Name: "retention", Type: Resource, Optional: true, Fields: []Field{
		{Name: "mode", Type: Text},
		{Name: "retainUntilTime", Type: Text},
	}},
	{Name: "customerEncryption", Type: Resource, Optional: true, Fields: []Field{
		{Name: "encryptionAlgorithm", Type: Text},
		{Name: "keySha256", Type: Text},
	}},
	{Name: "kmsKeyName", Type: Text, Optional: true},
	{Name: "owner", Type: Resource, Optional: true, Fields: []Field{
		{Name: "entity", Type: Text},
		{Name: "entityId", Type: Text},
	}},
	{Name: "acl", Type: Any, Optional: true},
	{Name: "id", Type: Text},
	{Name: "kind", Type: Text},
	{Name: "selfLink", Type: Text},
	{Name: "mediaLink", Type: Text},
	{Name: "restoreToken", Type: Text, Optional: true},
	{Name: "eventType", Type: Text, Optional: true, Doc: "of a notification without payload alone, such as OBJECT_FINALIZE"},
}

// celType is the type by which a field called name is declared.
func (f Field) celType(owner string) *cel.Type {
	switch f.Type {
	case Text:
		return cel.StringType
	case Number:
		return cel.IntType
	case Bool:
		return cel.BoolType
	case Time:
		return cel.TimestampType
	case MapOfText:
		return cel.MapType(cel.StringType, cel.StringType)
	case List:
		return cel.ListType(cel.MapType(cel.StringType, cel.StringType)) // of complete.files, the only one
	case Resource:
		return cel.ObjectType(recordType(owner + "." + f.Name))
	}
	return cel.DynType
}

// typeOf is the type in words of what has the CEL type t.
func typeOf(t *cel.Type) Type {
	switch t.Kind() {
	case cel.BoolKind:
		return Bool
	case cel.BytesKind:
		return Bytes
	case cel.DurationKind:
		return Duration
	case cel.IntKind, cel.UintKind, cel.DoubleKind:
		return Number
	case cel.ListKind:
		return List
	case cel.MapKind, cel.StructKind:
		return Map
	case cel.NullTypeKind:
		return Null
	case cel.StringKind:
		return Text
	case cel.TimestampKind:
		return Time
	case cel.TypeKind:
		return TypeName
	case cel.OpaqueKind:
		return Optional // CEL has no other opaque type here
	}
	return Any
}

// isInteger reports whether t has integers alone.
func isInteger(t *cel.Type) bool { return t.Kind() == cel.IntKind || t.Kind() == cel.UintKind }
