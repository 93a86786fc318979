# SPDX-License-Identifier: Apache-2.0
"""A DAG whose file has been removed since."""

from on_any_version import DAG, EmptyOperator

with DAG("retired", schedule=None):
    EmptyOperator(task_id="nothing")
