// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of what is asked of an asset.
const (
	// MaxPartitionKey is the length of a partition key, in characters
	// (ID_LEN in airflow/models/base.py).
	MaxPartitionKey = 250
	// MaxEventsSearched is how many events of an asset are searched, newest
	// first, for one that was published before. Airflow 3.4 searches by itself.
	MaxEventsSearched = 10 * maxPage

	maxAssetsSearched = 10 * maxPage
	assetTTL          = time.Minute // for which the answer about an asset counts
	maxAssetsKnown    = 1000
)

// Asset is an asset of Airflow 3, a dataset of Airflow 2.
type Asset struct {
	ID   int64
	URI  string
	Name string // the URI on v1
	// Consumers are the DAGs that the asset schedules and that the caller may
	// read. The DAGs that wait for it by an alias are not among them.
	Consumers []string
	// Producers are the DAGs with a task that makes the asset.
	Producers []string
}

// knownAsset is an answer about an asset.
type knownAsset struct {
	asset Asset
	asked time.Time
}

// Asset looks an asset up by its URI or its name. The answer counts for a minute.
// An Error of kind [UnknownAsset] says that Airflow has none, or that no DAG uses it any more.
func (c *Client) Asset(ctx context.Context, nameOrURI string) (Asset, error) {
	d, err := c.withAssets(ctx)
	if err != nil {
		return Asset{}, err
	}
	c.mu.Lock()
	known, ok := c.assets[nameOrURI]
	c.mu.Unlock()
	if ok && c.now().Sub(known.asked) < assetTTL {
		return known.asset, nil
	}
	asset, err := c.findAsset(ctx, d, nameOrURI)
	if err != nil {
		return Asset{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.assets == nil || len(c.assets) >= maxAssetsKnown {
		c.assets = map[string]knownAsset{}
	}
	c.assets[nameOrURI] = knownAsset{asset, c.now()}
	return asset, nil
}

// forgetAsset has an asset looked up again.
func (c *Client) forgetAsset(nameOrURI string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.assets, nameOrURI)
}

// withAssets is the web server, with its version, where its Airflow has assets.
// Events of datasets are published from 2.9 on
// (airflow/api_connexion/endpoints/dataset_endpoint.py, create_dataset_event).
func (c *Client) withAssets(ctx context.Context) (server, error) {
	d, err := c.webServer(ctx)
	if err != nil {
		return server{}, err
	}
	if d.api == Experimental {
		return server{}, noExperimentalAssets()
	}
	if d.version == "" {
		if d.version, err = c.Version(ctx); err != nil {
			return server{}, err
		}
	}
	if d.api == V1 && before(d.version, "2.9") {
		return server{}, noAssets(d.api, "Airflow "+d.version+" does not accept dataset events")
	}
	return d, nil
}

func noExperimentalAssets() *Error {
	return noAssets(Experimental, "the experimental API has no assets")
}

func noAssets(api API, said string) *Error {
	return beforeSending(Invalid, api, "not sent: "+said,
		"upgrade to Airflow 2.9 (datasets) or 3 (assets), or start the DAG itself: dag in place of asset")
}

// findAsset finds the asset that has exactly this URI, or else this name.
func (c *Client) findAsset(ctx context.Context, d server, nameOrURI string) (Asset, error) {
	fields := []string{"uri", "name"}
	if d.api == V1 {
		fields = fields[:1] // a dataset has no name
	}
	for _, field := range fields {
		asset, found, err := c.searchAsset(ctx, d, field, nameOrURI)
		if err != nil || found {
			return asset, err
		}
	}
	e := &Error{Kind: UnknownAsset, API: d.api, Said: fmt.Sprintf("no asset has the URI or the name %.200q", nameOrURI)}
	e.Hint = c.hint(e, d.version)
	return Asset{}, e
}

// searchAsset searches by a field. Before 3.4 Airflow finds what contains a text,
// in which % and _ are wildcards: what it finds is compared here.
func (c *Client) searchAsset(ctx context.Context, d server, field, value string) (Asset, bool, error) {
	query := url.Values{"order_by": {field}, "limit": {strconv.Itoa(maxPage)}}
	if field == "uri" && d.api == V2 && !before(d.version, "3.4") {
		query.Set("uri", value)
	} else {
		// \ escapes in a pattern of PostgreSQL's, and | separates patterns in one of Airflow 3's.
		query.Set(field+"_pattern", strings.NewReplacer(`\`, "_", "|", "_").Replace(value))
	}
	for offset := 0; offset < maxAssetsSearched; offset += maxPage {
		query.Set("offset", strconv.Itoa(offset))
		page, err := c.assetPage(ctx, d, query)
		if err != nil {
			return Asset{}, false, err
		}
		for _, a := range page {
			if asset := a.asset(); field == "uri" && asset.URI == value || field == "name" && asset.Name == value {
				return asset, true, nil
			}
		}
		if len(page) < maxPage {
			return Asset{}, false, nil
		}
	}
	return Asset{}, false, beforeSending(Invalid, d.api,
		fmt.Sprintf("not sent: the %s %.200q is part of those of over %d assets", field, value, maxAssetsSearched),
		"write the asset's whole URI or name")
}

// wireAsset is an asset in the fields of both APIs.
type wireAsset struct {
	ID        int64
	Name, URI string
	Scheduled []wireDAG `json:"scheduled_dags"` // v2 from 3.1
	Consuming []wireDAG `json:"consuming_dags"` // v2 3.0, v1
	Producing []wireDAG `json:"producing_tasks"`
}

type wireDAG struct {
	ID string `json:"dag_id"`
}

func (w *wireAsset) asset() Asset {
	ids := func(dags []wireDAG) (ids []string) {
		for _, d := range dags {
			ids = append(ids, d.ID)
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	a := Asset{ID: w.ID, URI: w.URI, Name: w.Name, Consumers: ids(append(w.Scheduled, w.Consuming...)), Producers: ids(w.Producing)}
	if a.Name == "" {
		a.Name = a.URI
	}
	return a
}

func (c *Client) assetPage(ctx context.Context, d server, query url.Values) ([]wireAsset, error) {
	var answer struct {
		Assets   *[]wireAsset
		Datasets *[]wireAsset
	}
	path := assetsPath(d.api) + "?" + query.Encode()
	err := c.get(ctx, d.api, path, &answer, func() bool { return answer.Assets != nil || answer.Datasets != nil })
	switch {
	case err != nil:
		return nil, err
	case answer.Assets != nil:
		return *answer.Assets, nil
	}
	return *answer.Datasets, nil
}

func assetsPath(api API) string {
	if api == V1 {
		return "/api/v1/datasets"
	}
	return "/api/v2/assets"
}

// checkPartitionKey refuses a key that Airflow would refuse, whatever its version.
func checkPartitionKey(key string, api API) error {
	switch {
	case key == "":
		return nil
	case api != V2:
		return beforeSending(Invalid, api, "not sent: there are no partition keys before Airflow 3.2",
			"leave partition_key out of the route, and pass the value in its conf or extra")
	case strings.TrimSpace(key) == "":
		return beforeSending(Invalid, api, "not sent: the partition key is blank", "compute it of something that each event has")
	case len([]rune(key)) > MaxPartitionKey:
		return beforeSending(Invalid, api,
			fmt.Sprintf("not sent: the partition key has %d characters, and Airflow takes %d", len([]rune(key)), MaxPartitionKey),
			"make it shorter")
	}
	return nil
}

// appendText adds a member whose value is any text.
func appendText(b []byte, name, value string) []byte {
	text, err := json.Marshal(value)
	if err != nil { // of a text there is none
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return append(b, text...)
}
