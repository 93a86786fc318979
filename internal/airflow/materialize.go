// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Producer is the DAG that makes an asset, of which Materialize starts a run.
func (c *Client) Producer(ctx context.Context, nameOrURI string) (dagID string, err error) {
	d, err := c.withMaterialize(ctx)
	if err != nil {
		return "", err
	}
	asset, err := c.Asset(ctx, nameOrURI)
	if err != nil {
		return "", err
	}
	switch len(asset.Producers) {
	case 0:
		e := &Error{Kind: UnknownAsset, API: d.api, Said: "No DAG materializes the asset"}
		e.Hint = c.hint(e, d.version)
		return "", e
	case 1:
		return asset.Producers[0], nil
	}
	e := &Error{
		Kind: Invalid, API: d.api,
		Said: fmt.Sprintf("not sent: More than one DAG materializes the asset: %.200s", strings.Join(asset.Producers, ", ")),
	}
	e.Hint = c.hint(e, d.version)
	return "", e
}

// withMaterialize is the web server, where a materialization has the run id that
// is asked for. Before 3.2.2 the endpoint took no body, and made an id itself
// (airflow/api_fastapi/core_api/routes/public/assets.py, materialize_asset).
func (c *Client) withMaterialize(ctx context.Context) (server, error) {
	d, err := c.withAssets(ctx)
	if err != nil {
		return server{}, err
	}
	if d.api != V2 || before(d.version, "3.2.2") {
		return server{}, beforeSending(Invalid, d.api,
			"not sent: Airflow "+d.version+" generates the run id of a materialization, so that a redelivered event would start a second run",
			"upgrade to Airflow 3.2.2, or start the DAG that makes the asset: dag in place of asset")
	}
	return d, nil
}

// Materialize asks for a run that makes an asset, as [Client.Trigger] does for one
// of a DAG. run.DAGID is the asset's [Client.Producer].
func (c *Client) Materialize(ctx context.Context, nameOrURI string, run Run) (DAGRun, error) {
	if err := checkDAGID(run.DAGID); err != nil {
		return DAGRun{}, err
	}
	d, err := c.withMaterialize(ctx)
	if err != nil {
		return DAGRun{}, err
	}
	asset, err := c.Asset(ctx, nameOrURI)
	if err != nil {
		return DAGRun{}, err
	}
	q, err := materialization(d, asset, &run)
	if err != nil {
		return DAGRun{}, err
	}
	return do(ctx, c, q, func(b *body) (DAGRun, error) { return readCreated(b, q.api, &run) })
}

// MaterializeRequest is what Materialize would send for an asset, but for the
// credentials. It looks nothing up.
func (c *Client) MaterializeRequest(ctx context.Context, asset Asset, run Run) (*http.Request, error) {
	d, err := c.webServer(ctx)
	if err != nil {
		return nil, err
	}
	if d.api != V2 {
		return nil, noAssets(d.api, "there are no materializations before Airflow 3.2.2")
	}
	q, err := materialization(d, asset, &run)
	if err != nil {
		return nil, err
	}
	return c.request(ctx, q)
}

func materialization(d server, asset Asset, run *Run) (ask, error) {
	if err := checkNewRunID(run.RunID); err != nil {
		return ask{}, err
	}
	q, err := trigger(d, run)
	q.path = assetsPath(d.api) + "/" + strconv.FormatInt(asset.ID, 10) + "/materialize"
	return q, err
}
