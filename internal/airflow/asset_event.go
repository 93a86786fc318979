// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// EventIDKey is the member of an asset event's extra that holds [AssetEvent.ID].
const EventIDKey = "dagtrigger_id"

// AssetEvent asks for an event of an asset.
type AssetEvent struct {
	Asset string // its URI or its name
	// ID is what tells a repetition: Airflow's own ids of events are new each time.
	// It goes into the extra, under [EventIDKey].
	ID string
	// Extra is a JSON object; empty stands for {}. It is sent as it stands, as a run's
	// conf is, and Airflow adds from_rest_api.
	Extra []byte
	// PartitionKey is empty for none. It needs Airflow 3.2.
	PartitionKey string
	// Since: Airflow holds no event with this ID that is older. Zero where that is not known.
	Since time.Time
}

// Publish makes an event of an asset, in exactly one request once the API and the
// asset are known. It does not look for one with the same id: see [Client.FindAssetEvent].
func (c *Client) Publish(ctx context.Context, event AssetEvent) error {
	q, err := c.publishing(ctx, &event)
	if err != nil {
		return err
	}
	_, err = do(ctx, c, q, func(b *body) (none struct{}, err error) {
		var answer wireAssetEvent
		if err := b.decode(&answer); err != nil {
			return none, err
		}
		if answer.Extra.id != event.ID {
			return none, errors.New("it names another event, or none")
		}
		return none, nil
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == UnknownAsset {
		c.forgetAsset(event.Asset)
	}
	return err
}

// PublishRequest is what Publish would send for an asset, but for the credentials.
// It looks nothing up.
func (c *Client) PublishRequest(ctx context.Context, asset Asset, event AssetEvent) (*http.Request, error) {
	d, err := c.webServer(ctx)
	if err != nil {
		return nil, err
	}
	if d.api == Experimental {
		return nil, noExperimentalAssets()
	}
	q, err := eventRequest(d.api, asset, &event)
	if err != nil {
		return nil, err
	}
	return c.request(ctx, q)
}

func (c *Client) publishing(ctx context.Context, event *AssetEvent) (ask, error) {
	d, err := c.withAssets(ctx)
	if err != nil {
		return ask{}, err
	}
	asset, err := c.Asset(ctx, event.Asset)
	if err != nil {
		return ask{}, err
	}
	return eventRequest(d.api, asset, event)
}

// eventRequest is the request for an event, in the API's own fields.
func eventRequest(api API, asset Asset, event *AssetEvent) (ask, error) {
	if err := checkNewRunID(event.ID); err != nil { // it stands in the body as it is
		return ask{}, err
	}
	if err := checkPartitionKey(event.PartitionKey, api); err != nil {
		return ask{}, err
	}
	return ask{
		api: api, method: http.MethodPost, path: assetsPath(api) + "/events", body: eventBody(api, asset, event),
		run: &Run{RunID: event.ID, Conf: event.Extra},
	}, nil
}

// eventBody is CreateAssetEventsBody (airflow/api_fastapi/core_api/datamodels/assets.py),
// or CreateDatasetEventSchema (airflow/api_connexion/schemas/dataset_schema.py).
func eventBody(api API, asset Asset, event *AssetEvent) []byte {
	b := append(make([]byte, 0, len(event.Extra)+len(event.ID)+256), `{"extra":`...)
	b = appendExtra(b, event)
	if api == V1 {
		b = appendText(b, "dataset_uri", asset.URI)
	} else {
		b = append(b, `,"asset_id":`...)
		b = strconv.AppendInt(b, asset.ID, 10)
		if event.PartitionKey != "" {
			b = appendText(b, "partition_key", event.PartitionKey)
		}
	}
	return append(b, '}')
}

// appendExtra puts the id last: of a member that is there twice, Python takes the last.
func appendExtra(b []byte, event *AssetEvent) []byte {
	extra := bytes.TrimSpace(event.Extra)
	inner := bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimPrefix(extra, []byte("{")), []byte("}")))
	b = append(b, '{')
	if len(inner) > 0 {
		b = append(b, inner...)
		b = append(b, ',')
	}
	b = append(b, `"`+EventIDKey+`":"`...)
	b = append(b, event.ID...)
	return append(b, `"}`...)
}

// wireAssetEvent is an event in the fields of both APIs.
type wireAssetEvent struct {
	Extra     wireExtra
	Timestamp wireTime
}

// wireExtra is the id in an event's extra, empty where it has none, or another type.
type wireExtra struct{ id string }

// UnmarshalJSON never fails: the extra of another's event can be anything.
func (w *wireExtra) UnmarshalJSON(value []byte) error {
	var extra map[string]json.RawMessage
	if json.Unmarshal(value, &extra) == nil {
		w.id = readText(extra[EventIDKey])
	}
	return nil
}

// FindAssetEvent reports whether Airflow holds an event with this one's id.
//
// Airflow 3.4 finds it among all of the asset's events. Before, the events since
// event.Since are read, newest first: where there are over [MaxEventsSearched] of
// them, or where Since is zero and the asset has as many, or where Airflow could not
// list some, all is false, and the event may have been missed.
func (c *Client) FindAssetEvent(ctx context.Context, event AssetEvent) (found, all bool, err error) {
	d, err := c.withAssets(ctx)
	if err != nil {
		return false, false, err
	}
	asset, err := c.Asset(ctx, event.Asset)
	if err != nil {
		return false, false, err
	}
	query := eventsOf(d.api, asset)
	if d.api == V2 && !before(d.version, "3.4") {
		query.Set("extra", EventIDKey+"="+event.ID)
		query.Set("limit", "1")
		page, err := c.eventPage(ctx, d.api, query)
		return len(page) > 0, true, err
	}
	if d.api == V2 && !event.Since.IsZero() {
		query.Set("timestamp_gte", event.Since.UTC().Format(microseconds))
	}
	query.Set("order_by", "-timestamp")
	return c.searchEvents(ctx, d.api, query, &event)
}

// search is the reading of an asset's events, for one of them.
type search struct {
	client *Client
	api    API
	query  url.Values
	event  *AssetEvent
	left   int  // requests
	found  bool // the event
	missed bool // some events could not be read
	over   bool // the others are older than the event
}

func (c *Client) searchEvents(ctx context.Context, api API, query url.Values, event *AssetEvent) (found, all bool, err error) {
	s := search{client: c, api: api, query: query, event: event, left: maxSearchRequests}
	for offset := 0; offset < MaxEventsSearched && !s.over; offset += maxPage {
		if err := s.read(ctx, offset, maxPage); err != nil {
			return false, false, err
		}
	}
	return s.found, s.found || s.over && !s.missed, nil
}

// maxSearchRequests bounds the requests of one search: a full one takes 10.
const maxSearchRequests = 30

// read reads n events. Before 3.4 Airflow 3 fails on an event while a run that it
// started is queued, since its model wants a start_date (DagRunAssetReference in
// airflow/api_fastapi/core_api/datamodels/assets.py): the others are then read in
// smaller parts.
func (s *search) read(ctx context.Context, offset, n int) error {
	if s.over {
		return nil
	}
	if s.left--; s.left < 0 {
		s.missed, s.over = true, true
		return nil
	}
	s.query.Set("offset", strconv.Itoa(offset))
	s.query.Set("limit", strconv.Itoa(n))
	page, err := s.client.eventPage(ctx, s.api, s.query)
	if e, ok := errors.AsType[*Error](err); ok && s.api == V2 && e.Status == http.StatusInternalServerError {
		if n == 1 {
			s.missed = true
			return nil
		}
		if err := s.read(ctx, offset, n/2); err != nil {
			return err
		}
		return s.read(ctx, offset+n/2, n-n/2)
	}
	if err != nil {
		return err
	}
	s.look(page, n)
	return nil
}

func (s *search) look(page []wireAssetEvent, n int) {
	for _, e := range page {
		switch {
		case e.Extra.id == s.event.ID:
			s.found, s.over = true, true
			return
		case !s.event.Since.IsZero() && !e.Timestamp.IsZero() && e.Timestamp.Before(s.event.Since):
			s.over = true
			return
		}
	}
	s.over = s.over || len(page) < n
}

// HasAssetEventsFrom reports whether Airflow holds events of an asset that are as
// old as at, or older: those that "airflow db clean" has removed are not found again.
func (c *Client) HasAssetEventsFrom(ctx context.Context, nameOrURI string, at time.Time) (bool, error) {
	d, err := c.withAssets(ctx)
	if err != nil {
		return false, err
	}
	asset, err := c.Asset(ctx, nameOrURI)
	if err != nil {
		return false, err
	}
	query := eventsOf(d.api, asset)
	query.Set("limit", "1")
	query.Set("order_by", "timestamp")
	page, err := c.eventPage(ctx, d.api, query)
	return len(page) > 0 && !page[0].Timestamp.After(at), err
}

// eventsOf asks for the events of an asset.
func eventsOf(api API, asset Asset) url.Values {
	name := map[API]string{V2: "asset_id", V1: "dataset_id"}[api]
	return url.Values{name: {strconv.FormatInt(asset.ID, 10)}, "limit": {strconv.Itoa(maxPage)}}
}

func (c *Client) eventPage(ctx context.Context, api API, query url.Values) ([]wireAssetEvent, error) {
	var answer struct {
		Assets   *[]wireAssetEvent `json:"asset_events"`
		Datasets *[]wireAssetEvent `json:"dataset_events"`
	}
	path := assetsPath(api) + "/events?" + query.Encode()
	err := c.get(ctx, api, path, &answer, func() bool { return answer.Assets != nil || answer.Datasets != nil })
	switch {
	case err != nil:
		return nil, err
	case answer.Assets != nil:
		return *answer.Assets, nil
	}
	return *answer.Datasets, nil
}

// MayPublish asks whether the caller may publish events of assets, and publishes
// none: it asks for one of an asset that cannot exist, which Airflow looks for
// only after it has looked at the caller's permission.
func (c *Client) MayPublish(ctx context.Context) error {
	d, err := c.withAssets(ctx)
	if err != nil {
		return err
	}
	q := ask{api: d.api, method: http.MethodPost, path: assetsPath(d.api) + "/events", body: []byte(`{"asset_id":0}`)}
	if d.api == V1 {
		q.body = []byte(`{"dataset_uri":"dagtrigger-doctor"}`)
	}
	_, err = do(ctx, c, q, func(*body) (none struct{}, err error) { return none, nil })
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == UnknownAsset {
		return nil
	}
	return err
}
