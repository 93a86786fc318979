# SPDX-License-Identifier: Apache-2.0
"""Lists the objects that came in a window, for a route with every, on Airflow 2 and 3."""

from datetime import datetime

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.4 and later
    from airflow import DAG
    from airflow.operators.python import PythonOperator


def time_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def load(dag_run, **_):
    """Looks at the bucket itself: whatever came in the window is there when the run starts."""
    from airflow.providers.google.cloud.hooks.gcs import GCSHook

    conf = dag_run.conf
    window = conf["window"]
    if window.get("late"):
        names = [conf["object"]]  # its window's run has seen the others
    else:
        names = GCSHook().list_by_timespan(
            bucket_name=conf["bucket"],
            timespan_start=time_of(window["begin"]),
            timespan_end=time_of(window["end"]),
            prefix=conf["prefix"],
        )
    for name in names:
        print(f"gs://{conf['bucket']}/{name}")


with DAG("load_window", schedule=None, start_date=datetime(2020, 1, 1)):
    PythonOperator(task_id="load", python_callable=load)
