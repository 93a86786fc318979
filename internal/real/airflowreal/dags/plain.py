# SPDX-License-Identifier: Apache-2.0
"""A DAG of one empty task, and the same paused at creation."""

from on_any_version import DAG, EmptyOperator

with DAG("plain", schedule=None):
    EmptyOperator(task_id="nothing")

with DAG("paused", schedule=None, is_paused_upon_creation=True):
    EmptyOperator(task_id="nothing")
