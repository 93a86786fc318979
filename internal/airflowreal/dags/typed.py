# SPDX-License-Identifier: Apache-2.0
"""A DAG that says by a schema what conf it takes."""

from on_any_version import DAG, EmptyOperator, Param

with DAG(
    "typed",
    schedule=None,
    params={
        "region": Param("eu", type="string", enum=["eu", "us"]),
        "rows": Param(1, type="integer", minimum=0, maximum=1000),
    },
):
    EmptyOperator(task_id="nothing")
