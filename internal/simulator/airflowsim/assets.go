// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// datasetRoutes are v1's events of datasets (2.9.0 and later):
// airflow/api_connexion/endpoints/dataset_endpoint.py.
func datasetRoutes() []route {
	return []route{
		{http.MethodPost, "/api/v1/datasets/events", v1Body(datasetEventFields, v1Guard(publish, v1Publish))},
		{http.MethodGet, "/api/v1/datasets/events", v1Guard(read, v1Events)},
	}
}

// assetRoutes are v2's assets and their events:
// airflow/api_fastapi/core_api/routes/public/assets.py.
func assetRoutes() []route {
	return []route{
		{http.MethodGet, "/api/v2/assets", v2Guard(read, v2Assets)},
		{http.MethodPost, "/api/v2/assets/events", v2Body(assetEventModel, publish, v2Publish)},
		{http.MethodGet, "/api/v2/assets/events", v2Guard(read, v2Events)},
		{http.MethodGet, "/api/v2/assets/{asset_id}", v2Guard(read, v2GetAsset)},
	}
}

// publish keeps an event. It has no id of the caller's: a second one is another event.
func (c *call) publish(index int, extra *object) assetEvent {
	key, _ := c.body.vals["partition_key"].(string)
	event := assetEvent{extra: extra, AssetEvent: AssetEvent{ID: len(c.s.events) + 1, AssetID: index + 1, URI: c.s.config.Assets[index],
		Extra: pydanticStyle.encode(extra), PartitionKey: key, Time: c.now}}
	c.s.events = append(c.s.events, event)
	return event
}

// assetEvent is an event with its extra as the answers return it.
type assetEvent struct {
	AssetEvent
	extra *object
}

func v1Publish(c *call) answer {
	var m marshmallow
	m.null(c.body, "extra")
	m.unknown(c.body, datasetEventFields)
	if refusal := m.refusal(); refusal != nil {
		return *refusal
	}
	uri := c.body.vals["dataset_uri"].(string)
	index := slices.Index(c.s.config.Assets, uri)
	if index < 0 {
		return v1Problem(http.StatusNotFound, "Dataset not found", "Dataset with uri: '"+uri+"' not found")
	}
	extra, _ := c.body.vals["extra"].(*object)
	if extra == nil {
		extra = obj()
	}
	extra.set("from_rest_api", true)
	return v1JSON(v1Event(c.publish(index, extra)))
}

func v1Event(event assetEvent) *object {
	return obj("id", event.ID, "dataset_id", event.AssetID, "dataset_uri", event.URI, "extra", event.extra, "source_dag_id", nil,
		"source_task_id", nil, "source_run_id", nil, "source_map_index", -1, "created_dagruns", []any{}, "timestamp", iso(event.Time))
}

func v1Events(c *call) answer {
	if refusal := c.v1Query("limit", "offset"); refusal != nil {
		return *refusal
	}
	limit, offset, refusal := c.v1Page()
	if refusal != nil {
		return *refusal
	}
	return v1JSON(obj("dataset_events", c.events(limit, offset, v1Event), "total_entries", len(c.s.events)))
}

func (c *call) events(limit, offset int, render func(assetEvent) *object) []any {
	list := []any{}
	for _, event := range c.s.events {
		list = append(list, render(event))
	}
	return window(list, limit, offset)
}

// window is the page of a list that limit and offset ask for.
func window[T any](list []T, limit, offset int) []T {
	list = list[min(offset, len(list)):]
	return list[:min(limit, len(list))]
}

// v2Publish marks an extra as the caller's own only where there is one.
func v2Publish(c *call) answer {
	id := c.body.vals["asset_id"]
	text, isText := id.(string)
	if !isText {
		text = strings.TrimSuffix(string(id.(number)), ".0")
	}
	index, ok := c.s.asset(text)
	if !ok {
		return detail(http.StatusNotFound, "Asset with ID: `"+text+"` was not found")
	}
	extra, given := c.body.vals["extra"].(*object)
	if given {
		extra.set("from_rest_api", true)
	} else {
		extra = obj()
	}
	return json3(http.StatusOK, c.v2Event(c.publish(index, extra)))
}

func (c *call) v2Event(event assetEvent) *object {
	o := obj("id", event.ID, "asset_id", event.AssetID, "uri", event.URI, "name", event.URI, "group", "asset", "extra", event.extra,
		"source_task_id", nil, "source_dag_id", nil, "source_run_id", nil, "source_map_index", -1, "created_dagruns", []any{},
		"timestamp", isoZ(event.Time), "partition_key", orNull(event.PartitionKey))
	if c.v34() {
		o.set("source_task_instance_id", nil)
	}
	return o
}

func v2Events(c *call) answer {
	c.unsimulated("limit", "offset")
	limit, offset, faults := c.v2Page()
	if len(faults) > 0 {
		return detail(http.StatusUnprocessableEntity, faults)
	}
	return json3(http.StatusOK, obj("asset_events", c.events(limit, offset, c.v2Event), "total_entries", len(c.s.events)))
}

// asset is the place of the asset of an id.
func (s *Server) asset(id string) (index int, ok bool) {
	n, err := strconv.Atoi(id)
	return n - 1, err == nil && n >= 1 && n <= len(s.config.Assets)
}

func v2GetAsset(c *call) answer {
	index, ok := c.s.asset(c.vars["asset_id"])
	if !ok {
		return detail(http.StatusNotFound, "The Asset with ID: `"+c.vars["asset_id"]+"` was not found")
	}
	return json3(http.StatusOK, c.v2Asset(index))
}

// v2Assets is how a URI becomes an id.
func v2Assets(c *call) answer {
	c.unsimulated("uri_pattern", "limit", "offset")
	limit, offset, faults := c.v2Page()
	if len(faults) > 0 {
		return detail(http.StatusUnprocessableEntity, faults)
	}
	pattern, list := ilike(c.URL.Query().Get("uri_pattern")), []any{}
	for i, uri := range c.s.config.Assets {
		if pattern.MatchString(uri) {
			list = append(list, c.v2Asset(i))
		}
	}
	return json3(http.StatusOK, obj("assets", window(list, limit, offset), "total_entries", len(list)))
}

func (c *call) v2Asset(index int) *object {
	last := obj("id", nil, "timestamp", nil)
	for _, event := range c.s.events {
		if event.AssetID == index+1 {
			last = obj("id", event.ID, "timestamp", isoZ(event.Time))
		}
	}
	uri := c.s.config.Assets[index]
	return obj(
		"id",
		index+1,
		"name",
		uri,
		"uri",
		uri,
		"group",
		"asset",
		"extra",
		obj(),
		"created_at",
		isoZ(c.s.started),
		"updated_at",
		isoZ(c.s.started),
		"scheduled_dags",
		[]any{},
		"producing_tasks",
		[]any{},
		"consuming_tasks",
		[]any{},
		"aliases",
		[]any{},
		"watchers",
		[]any{},
		"last_asset_event",
		last,
	)
}
