# SPDX-License-Identifier: Apache-2.0

output "uri" {
  description = "Address that events are pushed to."
  value       = local.uri
}

output "runtime_account" {
  description = "Account that the function runs as: the one that Airflow meets."
  value       = google_service_account.runtime.email
}

output "invoker_account" {
  description = "Account that may call the function: for the push of your subscriptions."
  value       = google_service_account.invoker.email
}

output "subscriptions" {
  description = "Subscriptions that push to the function, by the bucket and the kind of change, or the topic."
  value       = { for key, subscription in google_pubsub_subscription.source : key => subscription.id }
}

output "dead_letters" {
  description = "Topic of what the function gave up, and its subscription, as \"dagtrigger dead-letters\" takes them; null where routes_file says where dead letters go."
  value = local.own ? {
    store        = "pubsub://${google_pubsub_topic.kept["dead-letters"].id}"
    subscription = google_pubsub_subscription.kept["dead-letters"].name
  } : null
}

output "undelivered" {
  description = "Subscription that keeps what Pub/Sub could not deliver."
  value       = google_pubsub_subscription.kept["undelivered"].id
}
