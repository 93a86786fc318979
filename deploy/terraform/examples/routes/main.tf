# SPDX-License-Identifier: Apache-2.0

# A routes file says which objects and messages start which DAG. Events that fail
# permanently are kept in topics, and an alert is sent.

terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
  }
}

provider "google" {
  project = "acme-data"
  region  = "europe-west1"
}

variable "channels" {
  type        = list(string)
  default     = []
  description = "Notification channels of the alerts, projects/P/notificationChannels/N."
}

resource "google_pubsub_topic" "orders" {
  name = "orders"
}

module "dagtrigger" {
  source = "../.."

  project              = "acme-data"
  region               = "europe-west1"
  composer_environment = "projects/acme-data/locations/europe-west1/environments/prod"

  routes_file           = "${path.module}/routes.yaml"
  notification_channels = var.channels

  depends_on = [google_pubsub_topic.orders]
}

output "dead_letters" {
  description = "What failed permanently, for dagtrigger dead-letters and dagtrigger replay."
  value       = module.dagtrigger.dead_letters
}
