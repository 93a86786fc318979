# SPDX-License-Identifier: Apache-2.0
"""A DAG that prints what it was started with, on Airflow 1.10, 2 and 3."""

import json
from datetime import datetime

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    unscheduled, with_context = {"schedule": None}, {}
except ImportError:
    from airflow import DAG

    unscheduled = {"schedule_interval": None}
    try:  # Airflow 2
        from airflow.operators.python import PythonOperator

        with_context = {}
    except ImportError:  # Airflow 1.10
        from airflow.operators.python_operator import PythonOperator

        with_context = {"provide_context": True}


def print_conf(dag_run, **_):
    """Writes the run id and the conf, a line each, to the task's log."""
    print("run id: " + dag_run.run_id)
    print("conf: " + json.dumps(dag_run.conf or {}, sort_keys=True))


with DAG("print_conf", start_date=datetime(2020, 1, 1), **unscheduled) as dag:
    PythonOperator(task_id="print_conf", python_callable=print_conf, **with_context)
