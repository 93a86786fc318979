# SPDX-License-Identifier: Apache-2.0
"""What the other files need, by the same names on Airflow 2 and 3."""

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, Asset, Param
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.models.param import Param
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator

__all__ = ["DAG", "Asset", "EmptyOperator", "Param", "PythonOperator"]
