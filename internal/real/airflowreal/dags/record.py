# SPDX-License-Identifier: Apache-2.0
"""A DAG whose task writes its run's conf into a file named by the run id."""

import json
import os

from on_any_version import DAG, PythonOperator


def record(dag_run, **_):
    path = os.path.join(os.environ["DAGTRIGGER_CONF_FOLDER"], dag_run.run_id + ".json")
    with open(path + ".partial", "w", encoding="utf-8") as file:
        json.dump(dag_run.conf, file)
    os.replace(path + ".partial", path)  # whole, or not there


with DAG("record", schedule=None):
    PythonOperator(task_id="record", python_callable=record)
