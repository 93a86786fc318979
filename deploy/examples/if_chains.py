# SPDX-License-Identifier: Apache-2.0
"""Starts DAGs for uploads and messages: a Cloud Function as it grows out of Google's sample."""

import base64
import json
import os
from datetime import datetime

import google.auth
from google.auth.transport.requests import AuthorizedSession

PROD = os.environ["PROD_WEB_SERVER"]
STAGING = os.environ["STAGING_WEB_SERVER"]


def trigger_dag(web_server_url, dag_id, conf):
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    url = f"{web_server_url}/api/v1/dags/{dag_id}/dagRuns"
    response = AuthorizedSession(credentials).request("POST", url, json={"conf": conf}, timeout=90)
    response.raise_for_status()


def trigger_dag_gcf(data, context=None):
    if context.event_type == "google.storage.object.finalize":
        on_upload(data)
    elif context.event_type == "google.pubsub.topic.publish":
        on_message(data, context)


def on_upload(data):
    bucket, name, size = data["bucket"], data["name"], int(data["size"])
    if size == 0 or name.endswith("/") or name.endswith(".tmp") or "_temporary/" in name:
        return
    uri = f"gs://{bucket}/{name}"

    if bucket == "acme-sales":
        parts = name.split("/")
        if len(parts) != 4 or parts[0] != "daily" or not name.endswith(".csv"):
            return
        _, region, day, _ = parts
        day = datetime.strptime(day, "%Y%m%d").strftime("%Y-%m-%d")
        if region in ("eu", "uk"):
            trigger_dag(PROD, "load_sales_europe", {"uri": uri, "region": region, "day": day})
        elif region == "us":
            trigger_dag(PROD, "load_sales_us", {"uri": uri, "day": day, "size": size})
        else:
            trigger_dag(PROD, "load_sales", {"uri": uri, "region": region, "day": day})
    elif bucket == "acme-stock":
        if name.endswith(".json"):
            trigger_dag(PROD, "load_stock", {"uri": uri})
        elif name.endswith(".parquet") and not name.startswith("archive/"):
            trigger_dag(PROD, "load_stock_parquet", {"uri": uri})
    elif bucket == "acme-invoices":
        customer = (data.get("metadata") or {}).get("customer", "unknown")
        if size > 100 * 1024 * 1024:
            trigger_dag(PROD, "invoices_large", {"uri": uri, "customer": customer})
        else:
            trigger_dag(PROD, "invoices", {"uri": uri, "customer": customer})
    elif bucket in ("acme-clicks-eu", "acme-clicks-us"):
        trigger_dag(PROD, "load_clicks", {"uri": uri, "region": bucket.split("-")[-1]})
        trigger_dag(STAGING, "load_clicks", {"uri": uri, "region": bucket.split("-")[-1]})
    elif bucket == "acme-staging":
        trigger_dag(STAGING, "try_upload", data)


def on_message(data, context):
    topic = context.resource["name"].split("/")[-1]
    attributes = data.get("attributes") or {}
    message = json.loads(base64.b64decode(data["data"]))

    if topic == "orders":
        web_server = STAGING if attributes.get("stage") == "test" else PROD
        if message["status"] == "paid":
            trigger_dag(web_server, "ship_order", {"order": message["id"], "lines": message.get("lines", [])})
        elif message["status"] == "cancelled" and message.get("refund", 0) > 0:
            trigger_dag(web_server, "refund_order", {"order": message["id"], "amount": message["refund"]})
    elif topic == "billing":
        if message["period"] in ("month", "year"):
            trigger_dag(PROD, "close_" + message["period"], message)
