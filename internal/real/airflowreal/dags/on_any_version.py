# SPDX-License-Identifier: Apache-2.0
"""What the other files need, by the same names on every version from 2.7 on."""

import functools
import inspect
from datetime import datetime, timezone

from airflow import __version__

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, Asset, Param

    def named(name, uri):
        return Asset(name=name, uri=uri)
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.models.param import Param
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator

    def named(name, uri):
        return Asset(uri)


try:  # from 3.2 on
    from airflow.sdk import PartitionedAssetTimetable as Partitioned
except ImportError:
    Partitioned = None

# allowed_run_types came with 3.2, too.
BY_SCHEDULE_ALONE = {"allowed_run_types": ["scheduled"]} if "allowed_run_types" in inspect.signature(DAG).parameters else {}

OLD = tuple(map(int, __version__.split(".")[:2])) < (2, 9)

if OLD:  # it loads no DAG without a start
    DAG = functools.partial(DAG, start_date=datetime(1000, 1, 1, tzinfo=timezone.utc))

# What stands for "no default": an old Airflow loads no DAG whose Param has none.
NO_DEFAULT = {"default": "2026-01-01"} if OLD else {}

__all__ = ["BY_SCHEDULE_ALONE", "DAG", "NO_DEFAULT", "Asset", "EmptyOperator", "Param", "Partitioned", "PythonOperator", "named"]
