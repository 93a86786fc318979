"""The conf that the route day of dagtrigger gives a run of the DAG load_day.

Written by "dagtrigger params day". Do not edit: run it again when the route
changes, and "dagtrigger params day --check FILE" to see whether this is up to date.

    from day_params import DayConf, PARAMS

    with DAG("load_day", params=PARAMS, ...):
        @task
        def load(dag_run=None):
            conf: DayConf = dag_run.conf
"""

from typing import Any, Dict, List, TypedDict

try:  # Airflow 3
    from airflow.sdk import Param
except ImportError:  # Airflow 2.2 to 2.11
    from airflow.models.param import Param

# dag_run.conf, as the route makes it.
DayConf = TypedDict(
    "DayConf",
    {
        "bucket": str,
        "prefix": str,
        "files": List[Any],
    },
)

PARAMS = {
    "bucket": Param(None, type=["null", "string"], description="the bucket of the set"),
    "prefix": Param(None, type=["null", "string"], description="the prefix of the set"),
    "files": Param(None, type=["null", "array"], description="its objects: name, generation, size and updated of each, as text"),
}


def test_params():
    """Run by pytest: each Param takes its own default, and each has a type above."""
    for param in PARAMS.values():
        param.resolve()
    assert set(PARAMS) == set(DayConf.__annotations__)
