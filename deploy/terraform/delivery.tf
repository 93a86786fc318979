# SPDX-License-Identifier: Apache-2.0

# The way of an event: a bucket notifies a separate topic, and a subscription to
# that, or to an existing topic, pushes to the function.

locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  uri          = google_cloudfunctions2_function.function.service_config[0].uri

  # The beginning of the names of all subscriptions that push, for the alerts.
  pushing = "${var.name}-events-"

  # Where the file of routes says where dead letters go, none is made for them:
  # only what Pub/Sub could not deliver is then kept here.
  own  = !can(local.document.dead_letter)
  kept = toset(concat(["undelivered"], local.own ? ["dead-letters"] : []))

  # The topics that runs are published to, of environments that no request can reach.
  outboxes = compact(concat([lookup(var.settings, "AIRFLOW_OUTBOX", "")], [
    for environment in values(local.environments) : try(environment.outbox, "")
  ]))

  stores = compact(concat([try(local.document.dead_letter, "")], [
    for route in local.document.routes : try(route.dead_letter, "") if try(route.enabled, true)
  ]))
  store_topics = toset(concat(
    [for store in local.stores : trimprefix(store, "pubsub://") if startswith(store, "pubsub://")], local.outboxes,
  ))
  store_buckets = toset([for store in local.stores : split("/", store)[2] if startswith(store, "gs://")])
}

data "google_storage_project_service_account" "agent" {
  project    = var.project
  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic" "bucket" {
  for_each = local.buckets

  project    = var.project
  name       = "${local.pushing}${each.key}"
  labels     = local.labels
  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic_iam_member" "bucket" {
  for_each = local.buckets

  project = var.project
  topic   = google_pubsub_topic.bucket[each.key].name
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.agent.member
}

resource "google_storage_notification" "bucket" {
  for_each = local.buckets

  bucket         = each.value.name
  topic          = google_pubsub_topic.bucket[each.key].id
  event_types    = [local.changes[trimprefix(each.value.type, local.change)]]
  payload_format = "JSON_API_V1"
  depends_on     = [google_pubsub_topic_iam_member.bucket]
}

# The topics of routes for objects, and the notifications that buckets publish there.

resource "google_pubsub_topic" "notified" {
  for_each = local.notified_topics

  project    = var.project
  name       = each.key
  labels     = local.labels
  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic_iam_member" "notified" {
  for_each = local.notified_topics

  project = var.project
  topic   = google_pubsub_topic.notified[each.key].name
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.agent.member
}

resource "google_storage_notification" "notified" {
  for_each = local.notifications

  bucket            = each.value.bucket
  topic             = google_pubsub_topic.notified[each.value.topic].id
  event_types       = [local.changes[trimprefix(each.value.type, local.change)]]
  payload_format    = "JSON_API_V1"
  custom_attributes = { dagtrigger = var.name }

  # A topic without a subscription keeps nothing.
  depends_on = [google_pubsub_topic_iam_member.notified, google_pubsub_subscription.source]
}

resource "google_pubsub_subscription" "source" {
  for_each = local.sources

  project                    = var.project
  name                       = "${local.pushing}${each.key}"
  topic                      = each.value.what == "bucket" ? google_pubsub_topic.bucket[each.key].id : try(google_pubsub_topic.notified[each.value.name].id, "projects/${var.project}/topics/${each.value.name}")
  labels                     = local.labels
  ack_deadline_seconds       = 600       # longer than a request may take, else an event that is worked on is delivered again
  message_retention_duration = "604800s" # 7 days, longer than all attempts last

  # Else a subscription without an event for 31 days ends, and what comes then is lost.
  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.kept["undelivered"].id
    max_delivery_attempts = 100 # the most there is: with these delays, over 15 hours
  }

  push_config {
    # A push names no topic. This is how Eventarc's own subscriptions have Cloud
    # Run add it: the message arrives as the CloudEvent that Eventarc sends.
    push_endpoint = each.value.what == "bucket" ? local.uri : "${local.uri}?__GCP_CloudEventsMode=CUSTOM_PUBSUB_${urlencode("projects/${var.project}/topics/${each.value.name}")}"

    oidc_token {
      service_account_email = google_service_account.invoker.email
      audience              = local.uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invoker, google_pubsub_topic_iam_member.undelivered]
}

# Pub/Sub itself takes off a subscription what it moves away.
resource "google_pubsub_subscription_iam_member" "source" {
  for_each = local.sources

  project      = var.project
  subscription = google_pubsub_subscription.source[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_pubsub_topic" "kept" {
  for_each = local.kept

  project    = var.project
  name       = "${var.name}-${each.key}"
  labels     = local.labels
  depends_on = [google_project_service.api]
}

# What is published to a topic without a subscription is gone.
resource "google_pubsub_subscription" "kept" {
  for_each = local.kept

  project                    = var.project
  name                       = google_pubsub_topic.kept[each.key].name
  topic                      = google_pubsub_topic.kept[each.key].id
  labels                     = local.labels
  message_retention_duration = "2678400s" # 31 days, the longest there is

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "dead_letters" {
  count = local.own ? 1 : 0

  project = var.project
  topic   = google_pubsub_topic.kept["dead-letters"].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.runtime.member
}

resource "google_pubsub_topic_iam_member" "undelivered" {
  project = var.project
  topic   = google_pubsub_topic.kept["undelivered"].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

# The stores and outboxes that the file of routes names are not created: who owns them decides
# where they are, and for how long they keep what is in them. A missing one is an
# error of the plan. A topic needs a subscription, else what is published is lost.

data "google_pubsub_topic" "store" {
  for_each = local.store_topics

  project = split("/", each.key)[1]
  name    = split("/", each.key)[3]
}

data "google_storage_bucket" "store" {
  for_each = local.store_buckets

  name = each.key
}

resource "google_pubsub_topic_iam_member" "store" {
  for_each = local.store_topics

  project = data.google_pubsub_topic.store[each.key].project
  topic   = data.google_pubsub_topic.store[each.key].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.runtime.member
}

resource "google_storage_bucket_iam_member" "listed" {
  for_each = local.listed

  bucket = each.key
  role   = "roles/storage.objectViewer"
  member = google_service_account.runtime.member
}

# A record that is there already is read, and replaced.
resource "google_storage_bucket_iam_member" "store" {
  for_each = local.store_buckets

  bucket = data.google_storage_bucket.store[each.key].name
  role   = "roles/storage.objectUser"
  member = google_service_account.runtime.member
}
