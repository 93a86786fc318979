# SPDX-License-Identifier: Apache-2.0

# Events that no notification or message carries: those of Eventarc's triggers, which
# filter by the attributes that routes name, and those of Cloud Scheduler's jobs. The
# rule is that of "dagtrigger deploy plan".

locals {
  # What each family of event types is filtered by, and the type that stands for a
  # pattern: Firestore sends every change as written, too.
  families = {
    "google.cloud.audit.log.v1." = {
      known      = "written"
      attributes = [{ name = "serviceName", required = true, pattern = false }, { name = "methodName", required = true, pattern = false }, { name = "resourceName", required = false, pattern = true }]
    }
    "google.cloud.firestore.document.v1." = {
      known      = "written"
      attributes = [{ name = "database", required = true, pattern = false }, { name = "namespace", required = false, pattern = false }, { name = "document", required = false, pattern = true }]
    }
    "google.cloud.datastore.entity.v1." = {
      known      = "written"
      attributes = [{ name = "database", required = true, pattern = false }, { name = "namespace", required = false, pattern = false }, { name = "entity", required = false, pattern = true }]
    }
    "google.cloud.scheduler.job.v1." = { known = "executed", attributes = [] }
  }
  scheduler = "google.cloud.scheduler.job.v1."

  # What each route takes by a trigger with filters.
  filtered = flatten([
    for route in local.routes : [
      for type in distinct(flatten([for take in local.taken : take.types if take.route == route.name])) : {
        route      = route.name
        type       = type
        attributes = try([for prefix, family in local.families : family.attributes if startswith(type, prefix)][0], [for name in keys(try(route.attributes, {})) : { name = name, required = false, pattern = true }])
        texts = { for name, texts in { for name, value in try(route.attributes, {}) : lower(name) => value... } :
        name => [for text in flatten([texts[0]]) : text if !startswith(text, "!")] }
      } if !contains(values(local.types), type) && !startswith(type, local.scheduler)
    ] if !can(route.topic) && !can(route.subscription)
  ])

  # The filters by each attribute, any of which an event may pass: none where the route
  # takes any value.
  choices = [
    for take in local.filtered : merge(take, {
      gaps = flatten([for a in take.attributes : concat(
        [for text in try(take.texts[lower(a.name)], []) : "the route ${take.route}: Terraform reads YAML 1.1, where the ${lower(a.name)} is ${text}: quote it" if text == true || text == false],
        [for text in try(take.texts[lower(a.name)], []) : "the route ${take.route}: a trigger cannot filter by the ${lower(a.name)} ${text}: write * for its commas and dollar signs" if !can(regex("^[^$,[:cntrl:]]{1,1000}$", text))],
        [for text in try(take.texts[lower(a.name)], []) : "the route ${take.route}: the ${lower(a.name)} ${text} is a pattern, and a trigger for ${take.type} watches one: list those that exist in attributes" if a.required && can(regex("[*{]", text))],
        a.required && length(try(take.texts[lower(a.name)], [])) == 0 ? ["the route ${take.route}: it takes any ${lower(a.name)}, and a trigger for ${take.type} watches one: name it in attributes"] : [],
      )])
      filters = [for a in take.attributes : anytrue([
        for text in try(take.texts[lower(a.name)], []) : can(regex("[*{]", text)) && (!a.pattern || replace(text, "/\\{\\w+=(\\*+)\\}/", "$1") == "**")
        ]) ? [] : [for text in try(take.texts[lower(a.name)], []) : jsonencode({
          attribute = a.name
          value     = replace(text, "/\\{\\w+=(\\*+)\\}/", "$1")
          operator  = can(regex("[*{]", text)) ? "match-path-pattern" : null
      })]]
    })
  ]

  # One trigger for each combination of their filters.
  combined = [
    for take in local.choices : merge(take, {
      triggers = length(take.gaps) > 0 ? [] : setproduct([""], [""], [for filters in take.filters : filters if length(filters) > 0]...)
    })
  ]
  events = { for event in distinct(flatten([
    for take in local.combined : [
      for filters in take.triggers : { type = take.type, filters = [for filter in sort(filters) : jsondecode(filter) if filter != ""] }
    ] if length(take.triggers) <= 100
    ])) : "${lower(reverse(split(".", event.type))[0])}-${substr(sha256(jsonencode(event)), 0, 8)}" => merge(event, {
    documents = startswith(event.type, "google.cloud.firestore.") || startswith(event.type, "google.cloud.datastore.")
    channel   = startswith(event.type, "google.") ? null : var.event_channels[event.type]
  }) }

  # Where the triggers have to be: where their database or their channel is, and for audit
  # logs everywhere.
  places = { for key, event in local.events : key => event.channel != null ? split("/", event.channel)[3] : try(
    [for filter in event.filters : var.locations[filter.value] if filter.attribute == "database"][0],
    var.locations[event.type],
    startswith(event.type, "google.cloud.audit.log.v1.") ? "global" : var.region,
  ) }

  # The jobs of each source that a route names, by the job's name alone or by its full name.
  ordered = flatten([
    for route in local.routes : [
      for text in try(length([for text in flatten([route.source]) : text if !startswith(text, "!")]), 0) > 0 ? [for text in flatten([route.source]) : text if !startswith(text, "!")] : ["**"] : {
        route = route.name
        text  = text
        names = [for name in keys(var.schedules) : name if can(regex(local.expressions[text], "//cloudscheduler.googleapis.com/${name}")) || can(regex(local.expressions[text], "//cloudscheduler.googleapis.com/projects/${var.project}/locations/${var.region}/jobs/${name}"))]
      }
    ] if anytrue([for take in local.taken : anytrue([for type in take.types : startswith(type, local.scheduler)]) if take.route == route.name]) && !can(route.topic) && !can(route.subscription)
  ])
  jobs = toset(flatten([for order in local.ordered : order.names]))

  event_apis = compact(concat(
    length(local.events) > 0 ? ["eventarc.googleapis.com"] : [],
    anytrue([for event in local.events : event.channel != null]) ? ["eventarcpublishing.googleapis.com"] : [],
    anytrue([for event in local.events : event.documents]) ? ["firestore.googleapis.com"] : [],
    length(local.jobs) > 0 ? ["cloudscheduler.googleapis.com"] : [],
  ))

  event_gaps = concat(
    flatten([for take in local.choices : slice(take.gaps, 0, min(1, length(take.gaps)))]),
    [for take in local.combined : "the route ${take.route}: its attributes make over 100 triggers: write patterns, or split the route between several functions" if length(take.triggers) > 100],
    [for order in local.ordered : "the route ${order.route}: no job in schedules has the source ${order.text}: give each job its schedule there, or name the route in elsewhere" if length(order.names) == 0],
  )
}
