# SPDX-License-Identifier: Apache-2.0
"""The DAG before it broke."""

from on_any_version import DAG, EmptyOperator

with DAG("broken", schedule=None):
    EmptyOperator(task_id="nothing")
