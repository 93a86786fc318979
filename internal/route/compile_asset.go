// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"strings"

	"example.com/dagtrigger/internal/document"
)

// maxAsset is the most characters of an asset's URI or name that Airflow stores
// (airflow/models/asset.py).
const maxAsset = 1500

// target compiles what the route starts: a DAG, or what stands in its place.
func (c *compiler) target(r *rule) {
	s := c.spec
	asset := s.asset()
	if asset.IsSet() {
		c.asset(asset)
		r.asset, r.materialize = asset.Value, s.Materialize.On()
	} else {
		c.needsAsset("extra", s.Extra.Position)
		c.needsAsset("materialize", s.Materialize.Position)
	}
	r.dag, r.dags = c.dag()
	if asset.IsSet() && !r.materialize {
		r.conf = c.mapping("extra", s.Extra)
	} else {
		r.conf = c.mapping("conf", s.Conf)
	}
	r.partitionKey = c.partitionKey()
}

// asset reports what is wrong with an asset, and with keys that have no meaning for it.
func (c *compiler) asset(asset Text) {
	s := c.spec
	switch {
	case s.Asset.IsSet() && s.Dataset.IsSet():
		c.problem(s.Dataset.Position, "dataset is Airflow 2's word for asset, and both are given", "leave one of the two out")
	case s.DAG.IsSet():
		c.problem(asset.Position, "asset cannot be combined with dag", "keep dag to start one DAG, or asset to start all that wait for it")
	case strings.TrimSpace(asset.Value) == "" || len([]rune(asset.Value)) > maxAsset:
		c.problem(asset.Position, fmt.Sprintf("asset: %.80q is neither the URI nor the name of an asset", asset.Value),
			fmt.Sprintf("write it as Airflow's page of assets shows it, with at most %d characters", maxAsset))
	case strings.Contains(asset.Value, "${"):
		c.problem(asset.Position, "asset takes no expression", "write a route for each asset, or pass what differs in extra or partition_key")
	}
	if len(s.DAGs) > 0 {
		c.problem(s.DAGs[0].Position, "dags is for a dag that is computed", "leave dags out")
	}
	if s.Materialize.On() {
		c.only(s.Extra.Position, "extra is of an asset's event, and materialize starts a run", "name it conf")
		return
	}
	c.only(s.Conf.Position, "conf is of a run, and the asset's event has none", "name it extra, or add materialize: true")
	for _, k := range []struct {
		name string
		at   Position
	}{
		{"logical_date", s.LogicalDate.Position}, {"note", s.Note.Position}, {"every", s.Every.Position},
		{"max_active", s.MaxActive.Position}, {"skip_active", s.SkipActive.Position},
	} {
		c.only(k.at, k.name+" is of a run, and an asset's event has none", "leave it out, or add materialize: true")
	}
}

// only reports a key that is there and must not be.
func (c *compiler) only(at Position, what, fix string) {
	if at.Line > 0 {
		c.problem(at, what, fix)
	}
}

func (c *compiler) needsAsset(key string, at Position) {
	c.only(at, key+" stands without asset", "leave it out, or name an asset in place of dag")
}

// asset is the asset that the route names, by whichever of its keys.
func (s *Spec) asset() Text {
	if s.Asset.IsSet() {
		return s.Asset
	}
	return s.Dataset
}

func (c *compiler) partitionKey() *located {
	s := c.spec
	if s.PartitionKey.IsSet() && s.Every.Value > 0 && s.RunID.Value != s.PartitionKey.Value {
		c.problem(s.PartitionKey.Position, "with every, one run would have the events of several partitions",
			"set run_id to the same as partition_key")
	}
	return c.template("partition_key", s.PartitionKey)
}

// The APIs, as an environment states them.
const (
	apiV1           = "v1"
	apiExperimental = "experimental"
)

// api reports what the API that the environment states does not have.
func (c *compiler) api(environment string) {
	s := c.spec
	asset, api := s.asset(), c.options.APIs[environment]
	if api == Outbox {
		c.problems = append(c.problems, s.OutboxProblems()...)
		return
	}
	switch {
	case api == apiExperimental && asset.IsSet():
		c.problem(asset.Position, "asset: the environment's API is experimental, which has no assets", "name the DAG instead: dag: load_sales")
	case api == apiV1 && s.Materialize.On():
		c.problem(s.Materialize.Position, "materialize: the environment's API is v1, which has no materializations",
			"name the DAG that makes the dataset instead: dag: load_sales")
	}
	if s.PartitionKey.IsSet() && (api == apiV1 || api == apiExperimental) {
		c.problem(s.PartitionKey.Position, "partition_key: the environment's API is "+api+", and there are no partition keys before Airflow 3.2",
			"leave it out, and pass the value in conf or extra")
	}
}

// mapping compiles a conf or an extra into JSON text with templates where something
// is computed; nil where there is none.
func (c *compiler) mapping(key string, v Value) *conf {
	switch v.Kind {
	case document.Nothing:
		if c.spec.Complete.IsSet() {
			return c.wholeObject(key, Text{Value: "${complete}", Position: c.spec.Complete.Position, Lead: -1})
		}
		return nil
	case document.List, document.Literal:
		c.problem(v.Position, key+" is no map", "Airflow takes an object: write "+key+" as key: value")
		return nil
	case document.String:
		return c.wholeObject(key, v.Text)
	}
	return c.members(key, v)
}
