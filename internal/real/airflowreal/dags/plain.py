# SPDX-License-Identifier: Apache-2.0
"""DAGs of one empty task: one is paused at creation, and tests change the state of three."""

from on_any_version import DAG, EmptyOperator

with DAG("plain", schedule=None):
    EmptyOperator(task_id="nothing")

with DAG("paused", schedule=None, is_paused_upon_creation=True):
    EmptyOperator(task_id="nothing")

for name in ("drain", "drained", "unpaused"):
    with DAG(name, schedule=None):
        EmptyOperator(task_id="nothing")
