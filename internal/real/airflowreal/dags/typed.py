# SPDX-License-Identifier: Apache-2.0
"""Two DAGs that say by schemas what conf they take."""

from on_any_version import DAG, NO_DEFAULT, EmptyOperator, Param

with DAG(
    "typed",
    schedule=None,
    params={
        "region": Param("eu", type="string", enum=["eu", "us"]),
        "rows": Param(1, type="integer", minimum=0, maximum=1000),
    },
):
    EmptyOperator(task_id="nothing")

with DAG(
    "strict",
    schedule=None,
    params={
        "day": Param(type="string", pattern=r"^\d{4}-\d{2}-\d{2}$", **NO_DEFAULT),
        "code": Param(None, type=["null", "string"], minLength=1, maxLength=3),
        "source": Param(
            {"bucket": "acme"},
            type="object",
            required=["bucket"],
            additionalProperties=False,
            properties={"bucket": {"type": "string"}, "size": {"type": "integer", "minimum": 0}},
        ),
    },
):
    EmptyOperator(task_id="nothing")
