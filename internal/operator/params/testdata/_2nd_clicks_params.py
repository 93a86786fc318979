"""The conf that the route 2nd-clicks of dagtrigger gives a run of the DAG load_window.

Written by "dagtrigger params 2nd-clicks". Do not edit: run it again when the route
changes, and "dagtrigger params 2nd-clicks --check FILE" to see whether this is up to date.

    from _2nd_clicks_params import Route2ndClicksConf, PARAMS

    with DAG("load_window", params=PARAMS, ...):
        @task
        def load(dag_run=None):
            conf: Route2ndClicksConf = dag_run.conf
"""

from typing import Any, Dict, List, TypedDict

try:  # Airflow 3
    from airflow.sdk import Param
except ImportError:  # Airflow 2.2 to 2.11
    from airflow.models.param import Param

# The member window.
Route2ndClicksConfWindow = TypedDict(
    "Route2ndClicksConfWindow",
    {
        "begin": str,
        "end": str,
    },
)

# dag_run.conf, as the route makes it.
Route2ndClicksConf = TypedDict(
    "Route2ndClicksConf",
    {
        "window": Route2ndClicksConfWindow,
    },
)

PARAMS = {
    "window": Param(None, type=["null", "object"]),
}


def test_params():
    """Run by pytest: each Param takes its own default, and each has a type above."""
    for param in PARAMS.values():
        param.resolve()
    assert set(PARAMS) == set(Route2ndClicksConf.__annotations__)
