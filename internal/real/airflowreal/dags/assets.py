# SPDX-License-Identifier: Apache-2.0
"""A DAG that waits for an asset (Airflow 2: a dataset), and one that makes it."""

from datetime import datetime, timezone

from on_any_version import DAG, Asset, EmptyOperator

sales = Asset("dagtrigger://acme/sales")

with DAG("make_asset", schedule=None):
    EmptyOperator(task_id="make", outlets=[sales])

with DAG("on_asset", schedule=[sales], start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    EmptyOperator(task_id="nothing")
