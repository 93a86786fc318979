# SPDX-License-Identifier: Apache-2.0
"""What the other files need, by the same names on Airflow 2 and 3."""

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, Asset, Param

    BY_SCHEDULE_ALONE = {"allowed_run_types": ["scheduled"]}
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.models.param import Param
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator

    BY_SCHEDULE_ALONE = {}

__all__ = ["BY_SCHEDULE_ALONE", "DAG", "Asset", "EmptyOperator", "Param", "PythonOperator"]
