"""The conf that the route sales-csv of dagtrigger gives a run of the DAG load_sales.

Written by "dagtrigger params sales-csv". Do not edit: run it again when the route
changes, and "dagtrigger params sales-csv --check FILE" to see whether this is up to date.

    from sales_csv_params import SalesCsvConf, PARAMS

    with DAG("load_sales", params=PARAMS, ...):
        @task
        def load(dag_run=None):
            conf: SalesCsvConf = dag_run.conf
"""

from typing import Any, Dict, List, TypedDict

try:  # Airflow 3
    from airflow.sdk import Param
except ImportError:  # Airflow 2.2 to 2.11
    from airflow.models.param import Param

# The member source.
SalesCsvConfSource = TypedDict(
    "SalesCsvConfSource",
    {
        "kind": str,
        "bucket": str,
    },
)

# dag_run.conf, as the route makes it.
SalesCsvConf = TypedDict(
    "SalesCsvConf",
    {
        "uri": str,
        "size": int,
        "region": str,
        "full": bool,
        "factor": float,
        "name": str,
        "at": str,
        "meta": Dict[str, Any],
        "x-y": Any,
        "tags": List[Any],
        "source": SalesCsvConfSource,
    },
)

PARAMS = {
    "uri": Param(None, type=["null", "string"], description="gs://${object.bucket}/${object.name}"),
    "size": Param(None, type=["null", "integer"], description="${int(object.size)}"),
    "region": Param(None, type=["null", "string"], description="${path.region}"),
    "full": Param(True, type="boolean"),
    "factor": Param(1.5, type="number"),
    "name": Param("fixed \"text\"", type="string"),
    "at": Param(None, type=["null", "string"], description="${event.time}"),
    "meta": Param(None, type=["null", "object"], description="${object.metadata}"),
    "x-y": Param(None, description="${data.foo}"),
    "tags": Param(None, type=["null", "array"]),
    "source": Param(None, type=["null", "object"]),
}


def test_params():
    """Run by pytest: each Param takes its own default, and each has a type above."""
    for param in PARAMS.values():
        param.resolve()
    assert set(PARAMS) == set(SalesCsvConf.__annotations__)
