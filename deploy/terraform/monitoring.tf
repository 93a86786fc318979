# SPDX-License-Identifier: Apache-2.0

# The metrics, the dashboard and the alerts of deploy/monitoring, which is their
# one source.

locals {
  monitoring = "${path.module}/../monitoring"

  metrics = {
    for file in var.metrics ? fileset(local.monitoring, "metrics/*.json") : [] :
    trimsuffix(basename(file), ".json") => jsondecode(file("${local.monitoring}/${file}"))
  }

  # There they look at the subscriptions of Eventarc, here at the module's, and at those of
  # its triggers.
  theirs = "starts_with(\\\"eventarc-\\\")"
  ours   = length(local.events) == 0 ? "starts_with(\\\"${local.pushing}\\\")" : "monitoring.regex.full_match(\\\"(${local.pushing}|eventarc-.*-${var.name}-).*\\\")"
  policies = {
    for file in var.alerts ? fileset(local.monitoring, "alerts/*.json") : [] :
    trimsuffix(basename(file), ".json") => jsondecode(replace(file("${local.monitoring}/${file}"), local.theirs, local.ours))
  }
}

resource "google_logging_metric" "metric" {
  for_each = local.metrics

  project          = var.project
  name             = each.key
  description      = each.value.description
  filter           = each.value.filter
  value_extractor  = try(each.value.valueExtractor, null)
  label_extractors = each.value.labelExtractors

  metric_descriptor {
    metric_kind = each.value.metricDescriptor.metricKind
    value_type  = each.value.metricDescriptor.valueType
    unit        = each.value.metricDescriptor.unit

    dynamic "labels" {
      for_each = each.value.metricDescriptor.labels

      content {
        key         = labels.value.key
        value_type  = labels.value.valueType
        description = labels.value.description
      }
    }
  }

  dynamic "bucket_options" {
    for_each = can(each.value.bucketOptions) ? [each.value.bucketOptions.exponentialBuckets] : []

    content {
      exponential_buckets {
        num_finite_buckets = bucket_options.value.numFiniteBuckets
        growth_factor      = bucket_options.value.growthFactor
        scale              = bucket_options.value.scale
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_dashboard" "dashboard" {
  count = var.metrics ? 1 : 0

  project        = var.project
  dashboard_json = replace(file("${local.monitoring}/dashboard.json"), local.theirs, local.ours)
  depends_on     = [google_logging_metric.metric]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.policies

  project               = var.project
  display_name          = each.value.displayName
  severity              = each.value.severity
  combiner              = each.value.combiner
  notification_channels = var.notification_channels
  user_labels           = merge(each.value.userLabels, local.labels)

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      dynamic "condition_threshold" {
        for_each = can(conditions.value.conditionThreshold) ? [conditions.value.conditionThreshold] : []

        content {
          filter          = condition_threshold.value.filter
          comparison      = condition_threshold.value.comparison
          threshold_value = condition_threshold.value.thresholdValue
          duration        = condition_threshold.value.duration

          dynamic "aggregations" {
            for_each = condition_threshold.value.aggregations

            content {
              alignment_period     = aggregations.value.alignmentPeriod
              per_series_aligner   = aggregations.value.perSeriesAligner
              cross_series_reducer = aggregations.value.crossSeriesReducer
              group_by_fields      = aggregations.value.groupByFields
            }
          }
        }
      }

      dynamic "condition_prometheus_query_language" {
        for_each = can(conditions.value.conditionPrometheusQueryLanguage) ? [conditions.value.conditionPrometheusQueryLanguage] : []

        content {
          query               = condition_prometheus_query_language.value.query
          duration            = condition_prometheus_query_language.value.duration
          evaluation_interval = condition_prometheus_query_language.value.evaluationInterval
          alert_rule          = condition_prometheus_query_language.value.alertRule
          rule_group          = condition_prometheus_query_language.value.ruleGroup
        }
      }
    }
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
  }

  documentation {
    mime_type = each.value.documentation.mimeType
    content   = each.value.documentation.content
  }

  depends_on = [google_logging_metric.metric]
}
