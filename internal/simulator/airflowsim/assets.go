// SPDX-License-Identifier: Apache-2.0

package airflowsim

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Asset is an asset, a dataset on 2.11. Its id is its place among them, from 1.
type Asset struct {
	URI  string
	Name string // empty stands for the URI; a dataset has none
	// Consumers are the DAGs that it schedules, each by itself, and Producers
	// those with a task that makes it.
	Consumers, Producers []string
}

// AddAsset makes an asset known. One of the same URI is replaced.
func (s *Server) AddAsset(asset Asset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Assets = slices.Clone(s.config.Assets) // the caller's
	if i := slices.IndexFunc(s.config.Assets, func(a Asset) bool { return a.URI == asset.URI }); i >= 0 {
		s.config.Assets[i] = asset
		return
	}
	s.config.Assets = append(s.config.Assets, asset)
}

// datasetRoutes are v1's datasets, and their events (2.9.0 and later):
// airflow/api_connexion/endpoints/dataset_endpoint.py.
func datasetRoutes() []route {
	return []route{
		{http.MethodGet, "/api/v1/datasets", v1Guard(read, v1Datasets)},
		{http.MethodPost, "/api/v1/datasets/events", v1Body(datasetEventFields, v1Guard(publish, v1Publish))},
		{http.MethodGet, "/api/v1/datasets/events", v1Guard(read, v1Events)},
	}
}

// assetRoutes are v2's assets and their events:
// airflow/api_fastapi/core_api/routes/public/assets.py.
func assetRoutes(version Version) []route {
	return []route{
		{http.MethodGet, "/api/v2/assets", v2Guard(read, v2Assets)},
		{http.MethodPost, "/api/v2/assets/events", v2Body(assetEventModel(version), publish, v2Publish)},
		{http.MethodGet, "/api/v2/assets/events", v2Guard(read, v2Events)},
		{http.MethodGet, "/api/v2/assets/{asset_id}", v2Guard(read, v2GetAsset)},
		{http.MethodPost, "/api/v2/assets/{asset_id}/materialize", v2Materialize(version)},
	}
}

// publish keeps an event, and starts the runs of the DAGs that wait for it. It
// has no id of the caller's: a second one is another event.
func (c *call) publish(index int, extra *object) assetEvent {
	key, _ := c.body.vals["partition_key"].(string)
	event := &assetEvent{extra: extra, AssetEvent: AssetEvent{ID: len(c.s.events) + 1, AssetID: index + 1, URI: c.s.config.Assets[index].URI,
		Extra: pydanticStyle.encode(extra), PartitionKey: key, Time: c.now}}
	c.s.events = append(c.s.events, event)
	for _, id := range c.s.config.Assets[index].Consumers {
		d := c.s.dags[id]
		// A DAG that is paused or draining never sees the event: register_asset_change
		// of airflow/assets/manager.py.
		if d != nil && d.state() == activeState && d.spec.Partitioned == (key != "") && !c.s.config.NoScheduler {
			event.runs = append(event.runs, c.runOnAsset(d, key))
		}
	}
	return assetEvent{AssetEvent: event.AssetEvent, extra: extra} // its answer is made before the scheduler has seen it
}

// runOnAsset makes the run that an event starts.
func (c *call) runOnAsset(d *dag, key string) *run {
	r := &run{conf: obj(), trigger: "asset", Run: Run{
		DAG: d.spec.ID, Type: "asset_triggered", PartitionKey: key, RunAfter: c.now, Created: c.now,
	}}
	if c.s.config.Version == Airflow211 {
		r.Type, r.LogicalDate, r.dataInterval = "dataset_triggered", c.now, [2]time.Time{c.now, c.now}
		for d.onDate(r.LogicalDate) != nil {
			r.LogicalDate = r.LogicalDate.Add(time.Microsecond)
		}
	}
	r.ID = r.Type + "__" + isoformat(c.now, "T")
	for n := 1; d.byID[r.ID] != nil; n++ {
		r.ID = r.Type + "__" + isoformat(c.now, "T") + "_" + strconv.Itoa(n)
	}
	c.s.insert(d, r, r.Created)
	return r
}

// assetEvent is an event with its extra as the answers return it.
type assetEvent struct {
	AssetEvent
	extra *object
	runs  []*run // that it started
}

func v1Publish(c *call) answer {
	var m marshmallow
	m.null(c.body, "extra")
	m.unknown(c.body, datasetEventFields)
	if refusal := m.refusal(); refusal != nil {
		return *refusal
	}
	uri := c.body.vals["dataset_uri"].(string)
	index := slices.IndexFunc(c.s.config.Assets, func(a Asset) bool { return a.URI == uri })
	if index < 0 {
		return v1Problem(http.StatusNotFound, "Dataset not found", "Dataset with uri: '"+uri+"' not found")
	}
	extra, _ := c.body.vals["extra"].(*object)
	if extra == nil {
		extra = obj()
	}
	extra.set("from_rest_api", true)
	return v1JSON(c.v1Event(c.publish(index, extra)))
}

func (c *call) v1Event(event assetEvent) *object {
	runs := []any{}
	for _, r := range event.runs {
		state, start, end := c.s.state(r, c.now)
		runs = append(runs, obj("dag_run_id", r.ID, "dag_id", r.DAG, "logical_date", iso(r.LogicalDate),
			"start_date", iso(start), "end_date", iso(end), "state", state,
			"data_interval_start", iso(r.dataInterval[0]), "data_interval_end", iso(r.dataInterval[1])))
	}
	return obj("id", event.ID, "dataset_id", event.AssetID, "dataset_uri", event.URI, "extra", event.extra, "source_dag_id", nil,
		"source_task_id", nil, "source_run_id", nil, "source_map_index", -1, "created_dagruns", runs, "timestamp", iso(event.Time))
}

func v1Events(c *call) answer {
	if refusal := c.v1Query("limit", "offset", "dataset_id", "order_by"); refusal != nil {
		return *refusal
	}
	limit, offset, refusal := c.v1Page()
	if refusal != nil {
		return *refusal
	}
	list := c.events(c.URL.Query().Get("dataset_id"), c.v1Event)
	return v1JSON(obj("dataset_events", window(list, limit, offset), "total_entries", len(list)))
}

// events are those of an asset, empty for any, that the query asks for.
func (c *call) events(assetID string, render func(assetEvent) *object) []any {
	query, list := c.URL.Query(), []any{}
	from, zoned := time.Time{}, true
	if text := query.Get("timestamp_gte"); text != "" {
		from, zoned, _ = parsePydantic(text)
	}
	order := query.Get("order_by")
	c.strange = c.strange || !zoned || !slices.Contains([]string{"", "timestamp", "-timestamp"}, order)
	for _, event := range c.s.events {
		fits := assetID == "" || assetID == strconv.Itoa(event.AssetID)
		for _, pair := range query["extra"] {
			name, value, _ := strings.Cut(pair, "=")
			fits = fits && event.extra.vals[name] == value
		}
		if fits && !event.Time.Before(from) {
			list = append(list, render(*event))
		}
	}
	if order == "-timestamp" {
		slices.Reverse(list)
	}
	return list
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
	runs := []any{}
	for i, r := range event.runs {
		state, start, end := c.s.state(r, c.now)
		runs = append(runs, obj("run_id", r.ID, "dag_id", r.DAG, "logical_date", nil,
			"start_date", isoZ(start), "end_date", isoZ(end), "state", state,
			"data_interval_start", nil, "data_interval_end", nil, "partition_key", orNull(r.PartitionKey), "triggering", i == 0))
	}
	asset := c.s.config.Assets[event.AssetID-1]
	o := obj("id", event.ID, "asset_id", event.AssetID, "uri", event.URI, "name", cmp.Or(asset.Name, asset.URI), "group", "asset",
		"extra", event.extra, "source_task_id", nil, "source_dag_id", nil, "source_run_id", nil, "source_map_index", -1,
		"created_dagruns", runs, "timestamp", isoZ(event.Time), "partition_key", orNull(event.PartitionKey))
	if c.v34() {
		o.set("source_task_instance_id", nil)
	}
	return o
}

func v2Events(c *call) answer {
	known := []string{"limit", "offset", "asset_id", "order_by", "timestamp_gte"}
	if c.v34() {
		known = append(known, "extra")
	}
	c.unsimulated(known...)
	limit, offset, faults := c.v2Page()
	if len(faults) > 0 {
		return detail(http.StatusUnprocessableEntity, faults)
	}
	list := c.events(c.URL.Query().Get("asset_id"), c.v2Event)
	page := window(list, limit, offset)
	if !c.v34() && slices.ContainsFunc(page, func(v any) bool { return startsQueued(v.(*object)) }) {
		return internalError
	}
	return json3(http.StatusOK, obj("asset_events", page, "total_entries", len(list)))
}

// startsQueued reports whether a run that an event started is still queued. Before
// 3.4 such an event cannot be listed: DagRunAssetReference of datamodels/assets.py
// wants a start_date.
func startsQueued(event *object) bool {
	return slices.ContainsFunc(event.vals["created_dagruns"].([]any), func(v any) bool { return v.(*object).vals["start_date"] == nil })
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

// v2Assets is how a URI or a name becomes an id.
func v2Assets(c *call) answer {
	known := []string{"uri_pattern", "name_pattern", "limit", "offset", "order_by"}
	if c.v34() {
		known = append(known, "uri")
	}
	c.unsimulated(known...)
	limit, offset, faults := c.v2Page()
	if len(faults) > 0 {
		return detail(http.StatusUnprocessableEntity, faults)
	}
	list := c.assets(c.v2Asset)
	return json3(http.StatusOK, obj("assets", window(list, limit, offset), "total_entries", len(list)))
}

// v1Datasets counts all datasets, whatever the pattern.
func v1Datasets(c *call) answer {
	if refusal := c.v1Query("uri_pattern", "limit", "offset", "order_by"); refusal != nil {
		return *refusal
	}
	limit, offset, refusal := c.v1Page()
	if refusal != nil {
		return *refusal
	}
	return v1JSON(obj("datasets", window(c.assets(c.v1Dataset), limit, offset), "total_entries", len(c.s.config.Assets)))
}

// assets are those that the query asks for, in its order.
func (c *call) assets(render func(index int) *object) []any {
	query := c.URL.Query()
	uri, name, exact := ilike(query.Get("uri_pattern")), ilike(query.Get("name_pattern")), query["uri"]
	var places []int
	for i, a := range c.s.config.Assets {
		if uri.MatchString(a.URI) && name.MatchString(cmp.Or(a.Name, a.URI)) && (len(exact) == 0 || slices.Contains(exact, a.URI)) {
			places = append(places, i)
		}
	}
	order := query.Get("order_by")
	c.strange = c.strange || !slices.Contains([]string{"", "id", "uri", "name"}, order)
	slices.SortStableFunc(places, func(i, j int) int {
		a, b := c.s.config.Assets[i], c.s.config.Assets[j]
		switch order {
		case "uri":
			return cmp.Compare(a.URI, b.URI)
		case "name":
			return cmp.Compare(cmp.Or(a.Name, a.URI), cmp.Or(b.Name, b.URI))
		}
		return 0
	})
	list := []any{}
	for _, i := range places {
		list = append(list, render(i))
	}
	return list
}

// references are the DAGs of an asset, as the answers list them.
func (c *call) references(dags []string, date func(time.Time) any, more ...any) []any {
	list := []any{}
	for _, id := range dags {
		o := obj("dag_id", id, "created_at", date(c.s.started), "updated_at", date(c.s.started))
		for i := 0; i+1 < len(more); i += 2 {
			o.set(more[i].(string), more[i+1])
		}
		list = append(list, o)
	}
	return list
}

func (c *call) v2Asset(index int) *object {
	last := obj("id", nil, "timestamp", nil)
	for _, event := range c.s.events {
		if event.AssetID == index+1 {
			last = obj("id", event.ID, "timestamp", isoZ(event.Time))
		}
	}
	a := c.s.config.Assets[index]
	date := func(t time.Time) any { return isoZ(t) }
	consumers, producers := c.references(a.Consumers, date), c.references(a.Producers, date, "task_id", "make")
	if c.v34() {
		consumers = c.references(a.Consumers, date, "team_name", nil)
		producers = c.references(a.Producers, date, "task_id", "make", "team_name", nil)
	}
	return obj("id", index+1, "name", cmp.Or(a.Name, a.URI), "uri", a.URI, "group", "asset", "extra", obj(),
		"created_at", isoZ(c.s.started), "updated_at", isoZ(c.s.started), "scheduled_dags", consumers, "producing_tasks", producers,
		"consuming_tasks", []any{}, "aliases", []any{}, "watchers", []any{}, "last_asset_event", last)
}

func (c *call) v1Dataset(index int) *object {
	a := c.s.config.Assets[index]
	date := func(t time.Time) any { return iso(t) }
	return obj("id", index+1, "uri", a.URI, "extra", obj(), "created_at", iso(c.s.started), "updated_at", iso(c.s.started),
		"consuming_dags", c.references(a.Consumers, date), "producing_tasks", c.references(a.Producers, date, "task_id", "make"),
		"aliases", []any{})
}

// v2Materialize starts a run of the one DAG that makes an asset: materialize_asset.
// From 3.4 it takes no empty body.
func v2Materialize(version Version) func(*call) answer {
	model := slices.Clone(triggerModel(version))
	for i := range model {
		model[i].required = false
	}
	withBody := v2Body(model, publish, materialize)
	return func(c *call) answer {
		if len(c.text) == 0 && version == Airflow33 {
			return v2Guard(publish, func(c *call) answer { c.body = obj(); return materialize(c) })(c)
		}
		return withBody(c)
	}
}

func materialize(c *call) answer {
	id := c.vars["asset_id"]
	index, ok := c.s.asset(id)
	var producers []string
	if ok {
		producers = c.s.config.Assets[index].Producers
	}
	switch len(producers) {
	case 0:
		return detail(http.StatusNotFound, "No Dag materializes asset with ID: "+id)
	case 1:
		c.vars["dag_id"] = producers[0]
		return c.v2Start("asset_materialization")
	}
	return detail(http.StatusConflict, "More than one Dag materializes asset with ID: "+id)
}
