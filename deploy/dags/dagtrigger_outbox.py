# SPDX-License-Identifier: Apache-2.0
"""Starts the runs that dagtrigger publishes to a topic (deploy/outbox.md), on Airflow 2 and 3.

It pulls a subscription of the topic, starts each run under its run id, and acknowledges the message
after that: a message that comes twice finds its run. A message that can never start a run is logged
and left to the subscription's dead-letter policy; it holds no other up. Where Airflow or Pub/Sub
fails, the task fails, and its retry goes on.

Airflow Variables (or environment variables AIRFLOW_VAR_DAGTRIGGER_OUTBOX_...):
    dagtrigger_outbox_subscription  projects/P/subscriptions/S, required
    dagtrigger_outbox_seconds       for how long one run of this DAG pulls; 300 by default

It needs google-auth, which Composer and the Google provider have, and roles/pubsub.subscriber on
the subscription for the account of the workers.
"""

import base64
import json
import logging
import os
import time
from datetime import datetime, timedelta, timezone

import requests

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    AIRFLOW_2 = False
except ImportError:  # Airflow 2.6 and later
    from airflow import DAG
    from airflow.operators.python import PythonOperator

    AIRFLOW_2 = True

log = logging.getLogger(__name__)

FORMAT = "1"  # of the messages
PULL = 20  # messages in a request: each has at most 10 MB
PAUSE = 1  # seconds, where there are none


class Refused(Exception):
    """A message that starts no run, however often it comes."""


def connect():
    """A session of Pub/Sub's REST API and its address, with the account of the worker."""
    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if emulator:
        return requests.Session(), f"http://{emulator}/v1/"
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/pubsub"])
    return AuthorizedSession(credentials), "https://pubsub.googleapis.com/v1/"


def call(session, url, body):
    answer = session.post(url, json=body, timeout=120)
    if not answer.ok:
        raise RuntimeError(f"{url} was answered {answer.status_code}: {answer.text[:500]}")
    return answer.json()


def decode(message):
    """The run that a message asks for."""
    try:
        run = json.loads(base64.b64decode(message.get("data", "")))
    except ValueError as e:
        raise Refused(f"its data is not valid JSON ({e}): let nothing but dagtrigger publish to the topic") from e
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise Refused(f"it is not in format {FORMAT}: use dagtrigger_outbox.py of the release that published it")
    if not isinstance(run.get("conf"), dict) or not all(isinstance(run.get(k), str) for k in ("dag_id", "dag_run_id")):
        raise Refused("it lacks dag_id, dag_run_id or conf: let nothing but dagtrigger publish to the topic")
    if run.get("partition_key"):
        raise Refused("it has a partition_key, which a task cannot pass on: take it out of the route")
    for name in ("logical_date", "run_after"):
        if run.get(name):
            run[name] = datetime.fromisoformat(run[name].replace("Z", "+00:00"))
    return run


def start_in_2(run):
    """Starts a run unless it exists, and says whether it did. A task of Airflow 2 has the database."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.exceptions import AirflowException, DagRunAlreadyExists
    from airflow.models import DagModel, DagRun
    from airflow.utils.session import create_session

    model = DagModel.get_current(run["dag_id"])
    if model is None or not model.is_active:
        raise Refused(f"there is no DAG {run['dag_id']}: upload it, or correct the route")
    if model.has_import_errors:
        raise Refused(f"the file of the DAG {run['dag_id']} has import errors: fix it")
    # One date is both here. That of a waiting run is its run_after, and no other run may have it.
    date = run.get("logical_date") or run.get("run_after") or datetime.now(timezone.utc)
    while True:
        try:
            trigger_dag(
                run["dag_id"], run_id=run["dag_run_id"], conf=run["conf"], execution_date=date, replace_microseconds=False
            )
            break
        except DagRunAlreadyExists as e:
            if DagRun.find(dag_id=run["dag_id"], run_id=run["dag_run_id"]):
                return False
            if run.get("logical_date"):
                raise Refused(f"another run of the DAG has the logical date {date}: pass the date in conf") from e
            date += timedelta(microseconds=1)
        except (AirflowException, ValueError) as e:
            raise Refused(f"Airflow refuses the run: {e}") from e
    if run.get("note"):
        with create_session() as session:
            started = session.query(DagRun).filter_by(dag_id=run["dag_id"], run_id=run["dag_run_id"]).one()
            started.note = (run["note"], None)
    return True


def start_in_3(run):
    """Starts a run unless it exists, and says whether it did, by the request that TriggerDagRunOperator makes."""
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, GetDagRunState, TriggerDagRun

    def ask(request):
        """The error of a request, None for none; only Airflow's own refusals are permanent."""
        try:
            answer = task_runner.SUPERVISOR_COMMS.send(request)
        except AirflowRuntimeError as e:
            answer = e.error
        if not isinstance(answer, ErrorResponse) or answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
            return answer
        if (answer.detail or {}).get("status_code") in (400, 404, 413, 422):
            raise Refused(f"Airflow refuses the run: {answer.detail}")
        raise RuntimeError(f"Airflow did not start the run: {answer}")

    optional = {k: run[k] for k in ("logical_date", "run_after") if run.get(k)}
    if run.get("note") and "note" in TriggerDagRun.model_fields:  # an older version has none
        optional["note"] = run["note"]
    try:
        request = TriggerDagRun(dag_id=run["dag_id"], run_id=run["dag_run_id"], conf=run["conf"], **optional)
    except ValueError as e:
        raise Refused(f"this version of Airflow cannot start it from a task: {e}") from e
    if not isinstance(ask(request), ErrorResponse):
        return True
    if run.get("logical_date"):  # which may be another run's
        try:
            ask(GetDagRunState(dag_id=run["dag_id"], run_id=run["dag_run_id"]))
        except Refused as e:
            raise Refused(f"another run of the DAG has the logical date {run['logical_date']}: pass the date in conf") from e
    return False


def start_all(received, acks):
    """Starts the run of each message, and adds the ids to acknowledge to acks as it goes."""
    failure = None
    for one in received:
        message = one["message"]
        name = f"message {message.get('messageId')} ({(message.get('attributes') or {}).get('dag_run_id', 'no run id')})"
        try:
            run = decode(message)
            created = (start_in_2 if AIRFLOW_2 else start_in_3)(run)
            log.info("%s: run %s of DAG %s %s", name, run["dag_run_id"], run["dag_id"], "started" if created else "exists")
            acks.append(one["ackId"])
        except Refused as e:
            log.error("%s starts no run: %s. It comes again until the subscription's dead-letter policy takes it", name, e)
        except Exception as e:  # the others may start all the same
            log.exception("%s failed; it comes again", name)
            failure = e
    if failure:
        raise failure


def pull(subscription, seconds):
    """Starts runs for so many seconds."""
    if not subscription:
        raise ValueError("set the Airflow Variable dagtrigger_outbox_subscription to projects/P/subscriptions/S")
    session, root = connect()
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        received = call(session, f"{root}{subscription}:pull", {"maxMessages": PULL}).get("receivedMessages", [])
        acks = []
        try:
            start_all(received, acks)
        finally:
            if acks:
                call(session, f"{root}{subscription}:acknowledge", {"ackIds": acks})
        if not received:
            time.sleep(PAUSE)


with DAG(
    "dagtrigger_outbox",
    schedule="@continuous",  # the next run begins when one ends
    start_date=datetime(2020, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 10, "retry_delay": timedelta(seconds=30)},
):
    PythonOperator(
        task_id="pull",
        python_callable=pull,
        op_kwargs={
            "subscription": "{{ var.value.get('dagtrigger_outbox_subscription', '') }}",
            "seconds": "{{ var.value.get('dagtrigger_outbox_seconds', '300') }}",
        },
    )
