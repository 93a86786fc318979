# SPDX-License-Identifier: Apache-2.0
"""What the other files need, by the same names on Airflow 2 and 3."""

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, Asset, Param
    from airflow.sdk import PartitionedAssetTimetable as Partitioned

    def named(name, uri):
        return Asset(name=name, uri=uri)

    BY_SCHEDULE_ALONE = {"allowed_run_types": ["scheduled"]}
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.models.param import Param
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator

    Partitioned = None

    def named(name, uri):
        return Asset(uri)

    BY_SCHEDULE_ALONE = {}

__all__ = ["BY_SCHEDULE_ALONE", "DAG", "Asset", "EmptyOperator", "Param", "Partitioned", "PythonOperator", "named"]
