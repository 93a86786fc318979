# SPDX-License-Identifier: Apache-2.0

# What delivers the events of eventarc.tf.

# Messages of a topic do not need it.
resource "google_project_iam_member" "receiver" {
  count = length(local.events) > 0 ? 1 : 0

  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.invoker.member
}

resource "google_eventarc_trigger" "event" {
  for_each = local.events

  project                 = var.project
  location                = local.places[each.key]
  name                    = "${var.name}-${each.key}"
  labels                  = local.labels
  service_account         = google_service_account.invoker.email
  channel                 = each.value.channel
  event_data_content_type = each.value.documents ? "application/protobuf" : null

  matching_criteria {
    attribute = "type"
    value     = each.value.type
  }

  dynamic "matching_criteria" {
    for_each = each.value.filters

    content {
      attribute = matching_criteria.value.attribute
      value     = matching_criteria.value.value
      operator  = try(matching_criteria.value.operator, null)
    }
  }

  destination {
    cloud_run_service {
      service = google_cloudfunctions2_function.function.name
      region  = var.region
    }
  }

  depends_on = [google_project_service.api, google_project_iam_member.receiver, google_cloud_run_v2_service_iam_member.invoker]
}

# Pub/Sub itself takes off a subscription what it moves away.
resource "google_pubsub_subscription_iam_member" "event" {
  for_each = local.events

  project      = var.project
  subscription = google_eventarc_trigger.event[each.key].transport[0].pubsub[0].subscription
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# Terraform cannot set the subscription that Eventarc makes, and no other carries these
# events: https://github.com/hashicorp/terraform-provider-google/issues/17697. The values
# are those of google_pubsub_subscription.source.
resource "terraform_data" "delivery" {
  for_each = local.events

  triggers_replace = [google_eventarc_trigger.event[each.key].transport[0].pubsub[0].subscription, google_pubsub_topic.kept["undelivered"].id]

  provisioner "local-exec" {
    command = "gcloud pubsub subscriptions update \"$SUBSCRIPTION\" --project=\"$PROJECT\" --dead-letter-topic=\"$TOPIC\" --ack-deadline=600 --min-retry-delay=10s --max-retry-delay=600s --message-retention-duration=7d --max-delivery-attempts=100 --expiration-period=never"

    environment = {
      PROJECT      = var.project
      SUBSCRIPTION = google_eventarc_trigger.event[each.key].transport[0].pubsub[0].subscription
      TOPIC        = google_pubsub_topic.kept["undelivered"].id
    }
  }

  depends_on = [google_pubsub_subscription_iam_member.event, google_pubsub_topic_iam_member.undelivered]
}

# A job repeats what the function refuses until both limits are reached. Without any, a run
# that fails once is lost.
resource "google_cloud_scheduler_job" "job" {
  for_each = local.jobs

  project          = var.project
  region           = var.region
  name             = each.key
  description      = "Starts DAG runs by ${var.name}"
  schedule         = var.schedules[each.key]
  time_zone        = var.time_zone
  attempt_deadline = "600s"

  retry_config {
    retry_count          = 5
    max_retry_duration   = "43200s"
    min_backoff_duration = "10s"
    max_backoff_duration = "600s"
  }

  http_target {
    uri         = local.uri
    http_method = "POST"

    oidc_token {
      service_account_email = google_service_account.invoker.email
      audience              = local.uri
    }
  }

  depends_on = [google_project_service.api, google_cloud_run_v2_service_iam_member.invoker]
}
