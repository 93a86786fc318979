# SPDX-License-Identifier: Apache-2.0
"""DAGs that make assets (Airflow 2: datasets), and DAGs that wait for them."""

from datetime import datetime, timezone

from on_any_version import DAG, Asset, EmptyOperator, Partitioned, named

sales = Asset("dagtrigger://acme/sales")
orders = named("orders", "dagtrigger://acme/orders")
both = Asset("dagtrigger://acme/both")

with DAG("make_asset", schedule=None):
    EmptyOperator(task_id="make", outlets=[sales, both])

with DAG("make_both", schedule=None):
    EmptyOperator(task_id="make", outlets=[both])

begin = datetime(2026, 1, 1, tzinfo=timezone.utc)

with DAG("on_asset", schedule=[sales], start_date=begin):
    EmptyOperator(task_id="nothing")

with DAG("on_orders", schedule=[orders], start_date=begin):
    EmptyOperator(task_id="nothing")

if Partitioned is not None:
    parts = Asset("dagtrigger://acme/parts")

    with DAG("make_parts", schedule=None):
        EmptyOperator(task_id="make", outlets=[parts])

    with DAG("on_parts", schedule=Partitioned(assets=parts), start_date=begin):
        EmptyOperator(task_id="nothing")
