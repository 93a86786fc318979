# SPDX-License-Identifier: Apache-2.0
"""A DAG that cannot be imported any more; before/broken.py is how it was."""

from on_any_version import DAG, EmptyOperator, a_name_that_is_not_there

with DAG("broken", schedule=None):
    EmptyOperator(task_id="nothing")
