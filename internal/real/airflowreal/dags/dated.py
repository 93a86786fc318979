# SPDX-License-Identifier: Apache-2.0
"""A DAG whose tasks begin on a day, and one that its schedule alone may start."""

from datetime import datetime, timezone

from on_any_version import BY_SCHEDULE_ALONE, DAG, EmptyOperator

with DAG("later", schedule=None, default_args={"start_date": datetime(2020, 1, 1, tzinfo=timezone.utc)}):
    EmptyOperator(task_id="nothing")

with DAG("scheduled", schedule="@yearly", start_date=datetime(2100, 1, 1, tzinfo=timezone.utc), **BY_SCHEDULE_ALONE):
    EmptyOperator(task_id="nothing")
