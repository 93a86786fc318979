# SPDX-License-Identifier: Apache-2.0

variable "project" {
  type        = string
  description = "Project that everything is made in, its buckets and topics included."

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$", var.project))
    error_message = "project is not a valid project id: \"gcloud projects list\" shows it."
  }
}

variable "region" {
  type        = string
  description = "Region of the function, near Airflow's web server. Buckets and topics may be anywhere."
}

variable "name" {
  type        = string
  default     = "dagtrigger"
  description = "Name of the function, and the beginning of all other names."

  validation {
    # An account's id, NAME-runtime, has at most 30 letters.
    condition     = can(regex("^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$", var.name))
    error_message = "name must begin with a letter, and have lower-case letters, digits and -, at most 22."
  }
}

variable "labels" {
  type        = map(string)
  default     = {}
  description = "Labels of everything that can have some."
  nullable    = false
}

variable "dag_id" {
  type        = string
  default     = null
  description = "DAG that every event of buckets and topics starts; or routes_file."
}

variable "routes_file" {
  type        = string
  default     = null
  description = "Path of a file of routes. What they name is watched: a trigger each for the changes of one kind in one bucket, and for the messages of one topic."

  validation {
    condition     = var.routes_file == null || can(yamldecode(file(coalesce(var.routes_file, "-"))).routes[0].name)
    error_message = "routes_file is not a valid routes file: dagtrigger check FILE prints what is wrong."
  }

  validation {
    condition = var.routes_file == null || alltrue(flatten([
      for environment in values(try(yamldecode(file(coalesce(var.routes_file, "-"))).environments, {})) : [
        for key in ["headers", "oauth2_client_secret", "password", "token"] : !can(environment[key])
      ]
    ]))
    error_message = "routes_file has a secret (headers, oauth2_client_secret, password or token), which the function and Terraform's state would show: keep it in Secret Manager, name it in secrets by the path of a file, and write headers_file, oauth2_client_secret_file, password_file or token_file with that path."
  }

  validation {
    # https://cloud.google.com/run/quotas
    condition     = var.routes_file == null || try(length(file(coalesce(var.routes_file, "-"))) <= 32000, true)
    error_message = "routes_file has more than 32,000 characters, and a function's variable holds no more: split it between several functions."
  }
}

variable "buckets" {
  type        = list(string)
  default     = []
  description = "With dag_id, the buckets whose new objects start the DAG. With routes_file, those that exist, for routes that name them by a pattern or not at all."
  nullable    = false

  validation {
    condition     = alltrue([for bucket in var.buckets : can(regex("^[a-z0-9][-a-z0-9_.]{1,220}[a-z0-9]$", bucket))])
    error_message = "buckets has a name that no bucket can have: write it without gs://."
  }
}

variable "topics" {
  type        = list(string)
  default     = []
  description = "With dag_id, the topics whose messages start the DAG. With routes_file, those that exist, as for buckets: any other topic that a route for objects names is made, with its buckets' notifications. Their own names, without the project."
  nullable    = false

  validation {
    condition     = alltrue([for topic in var.topics : can(regex("^[A-Za-z][-A-Za-z0-9._~+%]{2,254}$", topic))])
    error_message = "topics has a name that no topic can have: write it without projects/PROJECT/topics/."
  }
}

variable "event_channels" {
  type        = map(string)
  default     = {}
  description = "Channels of event types that are not Google's, projects/P/locations/L/channels/C, by the type."
  nullable    = false
}

variable "locations" {
  type        = map(string)
  default     = {}
  description = "Locations of triggers, by the database of Firestore or by the event type. By default those of audit logs are global, and all others in the region."
  nullable    = false
}

variable "schedules" {
  type        = map(string)
  default     = {}
  description = "Schedules of jobs of Cloud Scheduler in cron's format, by the job's name, for routes on google.cloud.scheduler.job.v1.executed."
  nullable    = false
}

variable "time_zone" {
  type        = string
  default     = "Etc/UTC"
  description = "Time zone of the schedules."
}

variable "elsewhere" {
  type        = list(string)
  default     = []
  description = "Routes of routes_file whose events are sent by something that is not made here."
  nullable    = false
}

variable "composer_environment" {
  type        = string
  default     = null
  description = "Environment whose Airflow is called, projects/P/locations/L/environments/E. Not with environments in routes_file, or AIRFLOW_URL in settings."

  validation {
    condition     = var.composer_environment == null || can(regex("^projects/[^/]+/locations/[^/]+/environments/[^/]+$", var.composer_environment))
    error_message = "composer_environment is no environment: write projects/P/locations/L/environments/E."
  }
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "Further settings of the function, such as AIRFLOW_URL or LOG_LEVEL: see deploy/settings.md."
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.settings), ["DAG_ID", "DAGTRIGGER_CONFIG", "COMPOSER_ENVIRONMENT", "DEAD_LETTER"])) == 0
    error_message = "settings has one that the module sets itself: use dag_id, routes_file or composer_environment; dead letters have their topic."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "AIRFLOW_HEADERS", "AIRFLOW_OAUTH2_CLIENT_SECRET", "AIRFLOW_PASSWORD", "AIRFLOW_TOKEN",
      "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    ])) == 0
    error_message = "settings has a secret, which the function and Terraform's state would show: keep it in Secret Manager, and name it in secrets."
  }
}

variable "secrets" {
  type        = map(string)
  default     = {}
  description = "Secrets of Secret Manager in the project, by the setting whose value they are, such as AIRFLOW_TOKEN, or by the path of the file that holds it, such as /secrets/airflow."
  nullable    = false
}

variable "source_dir" {
  type        = string
  default     = null
  description = "Clone that the function is built from; by default the one that the module is in."
}

variable "release" {
  type        = string
  default     = null
  description = "Version that the function tells in its log and to Airflow, such as v1.2.3: what is built from an upload does not know it."

  validation {
    condition     = var.release == null || can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+[-+.0-9A-Za-z]*$", var.release))
    error_message = "release is not a valid version: write it as v1.2.3."
  }
}

variable "memory" {
  type        = string
  default     = "512Mi"
  description = "Memory of an instance: twice what 80 requests of 1 MB at once were measured to need."

  validation {
    condition     = can(regex("^[0-9]+(M|Mi|G|Gi)$", var.memory))
    error_message = "memory is no size: write it as 512Mi."
  }
}

variable "min_instances" {
  type        = number
  default     = 0
  description = "Instances that are kept: a start takes milliseconds, and an event can wait for it."
}

variable "max_instances" {
  type        = number
  default     = 3
  description = "The most instances. Each has at most 80 calls at Airflow at once, and a web server serves some 10 to 75 a second: more instances would not make it faster."

  validation {
    condition     = var.max_instances >= 1
    error_message = "max_instances must be at least 1."
  }
}

variable "metrics" {
  type        = bool
  default     = true
  description = "Whether to make the log-based metrics and the dashboard. They serve every function of this kind in the project: false for the second."
}

variable "alerts" {
  type        = bool
  default     = true
  description = "Whether to make the alert policies, which need the metrics."
}

variable "notification_channels" {
  type        = list(string)
  default     = []
  description = "Channels that alerts are sent to, projects/P/notificationChannels/N."
  nullable    = false
}
