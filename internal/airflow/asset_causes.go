// SPDX-License-Identifier: Apache-2.0

package airflow

func assetCauses() []Cause {
	return []Cause{
		{
			Name: "no-producer", Kinds: []Kind{UnknownAsset}, Said: "materializes", Alone: true,
			Means: "no DAG that Airflow has parsed makes the asset",
			Fix:   "name the asset in the outlets of a task, or leave materialize out of the route",
		}, {
			Name: "unknown-asset", Kinds: []Kind{UnknownAsset},
			Means: "Airflow does not know the asset: misspelt, or no DAG that it has parsed uses it",
			Fix:   "write the URI or the name as Airflow's page of assets shows it, and see that a DAG is scheduled by it or makes it",
		}, {
			Name: "several-producers", Kinds: []Kind{Invalid, Conflict}, Said: "materializes", Alone: true,
			Means: "several DAGs make the asset, and Airflow does not choose",
			Fix:   "start one of them: dag in place of asset",
		}, {
			Name: "materialization-runs", Kinds: []Kind{Invalid}, Said: "does not allow asset materialization runs", Alone: true,
			Means: "the DAG's allowed_run_types exclude materializations",
			Fix:   "add asset_materialization to them",
		}, {
			Name: "not-partitioned", Kinds: []Kind{Invalid}, Said: "not a partitioned Dag", Alone: true,
			Means: "the DAG has no partitions, and from 3.3 Airflow then refuses a partition key",
			Fix:   "leave partition_key out of the route, or give the DAG a partitioned schedule, such as PartitionedAssetTimetable",
		}, {
			Name: "no-partition-keys", Kinds: []Kind{Invalid}, Said: "partition_key: Extra inputs", Alone: true,
			Means: "there are no partition keys before Airflow 3.2",
			Fix:   "upgrade Airflow, or leave partition_key out of the route",
		},
	}
}
