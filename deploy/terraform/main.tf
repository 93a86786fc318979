# SPDX-License-Identifier: Apache-2.0

locals {
  labels = merge({ dagtrigger = var.name }, var.labels)

  # The projects of the environments that are called.
  environments      = try(local.document.environments, {})
  composer_names    = compact(concat([var.composer_environment], [for environment in values(local.environments) : try(environment.composer, null)]))
  composer_projects = toset([for name in local.composer_names : split("/", name)[1]])

  apis = toset(concat([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "storage.googleapis.com",
  ], length(var.secrets) > 0 ? ["secretmanager.googleapis.com"] : [], local.event_apis))

  # Each secret is one setting, or one file.
  secret_settings = { for name, secret in var.secrets : name => secret if !startswith(name, "/") }
  secret_files    = { for name, secret in var.secrets : name => secret if startswith(name, "/") }
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "api" {
  for_each = local.apis

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

# Two accounts: the one that may call the function may not call Airflow.

resource "google_service_account" "runtime" {
  project      = var.project
  account_id   = "${var.name}-runtime"
  display_name = "${var.name}-runtime"
  description  = "Runs ${var.name}, and calls Airflow"
  depends_on   = [google_project_service.api]
}

resource "google_service_account" "invoker" {
  project      = var.project
  account_id   = "${var.name}-invoker"
  display_name = "${var.name}-invoker"
  description  = "Delivers events to ${var.name}"
  depends_on   = [google_project_service.api]
}

# An environment has no separate policy, so the project is the smallest scope.
resource "google_project_iam_member" "composer" {
  for_each = local.composer_projects

  project = each.value
  role    = "roles/composer.user"
  member  = google_service_account.runtime.member
}

resource "google_secret_manager_secret_iam_member" "runtime" {
  for_each = toset(values(var.secrets))

  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.runtime.member
}

# The source, without what the function does not need.

data "archive_file" "source" {
  type        = "zip"
  source_dir  = coalesce(var.source_dir, "${path.module}/../..")
  output_path = "${path.root}/.terraform/${var.name}-source.zip"
  excludes    = [".git/**", ".ci/**", ".github/**", "deploy/terraform/**", "**/*_test.go", "dagtrigger"]
}

resource "google_storage_bucket" "source" {
  project                     = var.project
  name                        = "${var.project}-${var.name}-source"
  location                    = var.region
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true
  depends_on                  = [google_project_service.api]
}

# Its name follows from what is in it, so that a change of it is deployed.
resource "google_storage_bucket_object" "source" {
  bucket = google_storage_bucket.source.name
  name   = "${data.archive_file.source.output_sha256}.zip"
  source = data.archive_file.source.output_path
}

resource "google_cloudfunctions2_function" "function" {
  project     = var.project
  location    = var.region
  name        = var.name
  description = "Starts Airflow DAG runs for events"
  labels      = local.labels

  build_config {
    runtime               = "go126"
    entry_point           = "TriggerDAG"
    environment_variables = { GOOGLE_GOLDFLAGS = var.release == null ? "-s -w" : "-s -w -X=example.com/dagtrigger/internal/build.linked=${var.release}" }

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.runtime.email
    available_cpu                    = "1" # the least that serves several requests at once
    available_memory                 = var.memory
    max_instance_request_concurrency = 80 # a request waits for Airflow nearly all its time
    min_instance_count               = var.min_instances
    max_instance_count               = var.max_instances
    timeout_seconds                  = 300                   # longer than a call to Airflow, shorter than Pub/Sub's deadline
    ingress_settings                 = "ALLOW_INTERNAL_ONLY" # a push of the project's own subscriptions is internal
    all_traffic_on_latest_revision   = true

    environment_variables = merge(
      { GOOGLE_CLOUD_PROJECT = var.project },
      local.own ? { DEAD_LETTER = "pubsub://${google_pubsub_topic.kept["dead-letters"].id}" } : {},
      # Before Pub/Sub moves the event away, which tells no reason.
      can(local.document.give_up_after) ? {} : { GIVE_UP_AFTER = "12h" },
      var.dag_id == null ? {} : { DAG_ID = var.dag_id },
      var.routes_file == null ? {} : { DAGTRIGGER_CONFIG = file(var.routes_file) },
      var.composer_environment == null ? {} : { COMPOSER_ENVIRONMENT = var.composer_environment },
      var.settings,
    )

    dynamic "secret_environment_variables" {
      for_each = local.secret_settings

      content {
        key        = secret_environment_variables.key
        project_id = var.project
        secret     = secret_environment_variables.value
        version    = "latest"
      }
    }

    dynamic "secret_volumes" {
      for_each = local.secret_files

      content {
        mount_path = dirname(secret_volumes.key)
        project_id = var.project
        secret     = secret_volumes.value

        versions {
          path    = basename(secret_volumes.key)
          version = "latest"
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = (var.dag_id == null) != (var.routes_file == null)
      error_message = "Give dag_id or routes_file, and not both: the routes of a file name their DAGs."
    }

    precondition {
      condition     = var.composer_environment != null || length(local.environments) > 0 || anytrue([for name in ["AIRFLOW_URL", "AIRFLOW_OUTBOX"] : contains(keys(var.settings), name)])
      error_message = "Airflow is not named: give composer_environment, AIRFLOW_URL or AIRFLOW_OUTBOX in settings, or environments in routes_file."
    }

    precondition {
      condition     = length(local.gaps) == 0
      error_message = "These routes would get no events, or could not list their files:\n${join("\n", local.gaps)}"
    }
  }

  depends_on = [
    google_project_service.api,
    google_project_iam_member.composer,
    google_pubsub_topic_iam_member.dead_letters,
    google_pubsub_topic_iam_member.store,
    google_storage_bucket_iam_member.store,
    google_secret_manager_secret_iam_member.runtime,
  ]
}

# Nobody else may call it.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  project  = var.project
  location = var.region
  name     = google_cloudfunctions2_function.function.name
  role     = "roles/run.invoker"
  member   = google_service_account.invoker.member
}
