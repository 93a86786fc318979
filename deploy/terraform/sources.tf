# SPDX-License-Identifier: Apache-2.0

# Which sources the routes need: the rule of "dagtrigger deploy plan".

locals {
  message = "google.cloud.pubsub.topic.v1.messagePublished"

  # What Cloud Storage calls a change, by the end of its type's name.
  change = "google.cloud.storage.object.v1."
  changes = {
    archived        = "OBJECT_ARCHIVE"
    deleted         = "OBJECT_DELETE"
    finalized       = "OBJECT_FINALIZE"
    metadataUpdated = "OBJECT_METADATA_UPDATE"
  }

  # The types that can be watched, by the short names of the routes.
  types = merge(
    { "message.published" = local.message },
    { for change in keys(local.changes) : "object.${change}" => "${local.change}${change}" },
  )

  document = try(yamldecode(file(var.routes_file)), { routes = [] })
  # Terraform reads YAML 1.1, where the key on is true.
  routes = [
    for route in local.document.routes : merge(route, { on = try(route["true"], route.on) })
    if try(route.enabled, true) && !contains(var.elsewhere, route.name)
  ]

  # The routes that need the names of their buckets, wherever their events come from, and
  # the buckets that they name. A pattern that begins with ! excludes.
  holders = [
    for route in local.document.routes : {
      route    = route.name
      complete = can(route.complete)
      patterns = [for text in flatten([try(route.bucket, [])]) : text if !startswith(text, "!")]
    } if try(route.enabled, true)
  ]

  # The patterns of the routes as regular expressions: ** is any text, * any but /.
  expressions = {
    for text in distinct(flatten([for route in concat(local.routes, local.holders) : [
      "**", try(route.on, []), try(route.source, []), try(route.bucket, []), try(route.topic, []), try(route.patterns, []),
    ]])) :
    text => "^${join(".*", [for part in split("**", replace(text, "/[.+?^$()|{}\\[\\]\\\\]/", "\\$0")) : replace(part, "*", "[^/]*")])}$"
  }

  # What each route takes, as far as it can be watched. A pattern means types other than
  # those of objects and messages only where it names their family.
  taken = flatten([
    for route in local.routes : [
      for on in flatten([route.on]) : {
        route = route.name
        on    = on
        types = concat(
          [for short, type in local.types : type if on == short || can(regex(local.expressions[on], type))],
          [
            for prefix, family in local.families : "${prefix}${family.known}"
            if can(regex("\\*", on)) && startswith(split("*", on)[0], prefix) && can(regex(local.expressions[on], "${prefix}${family.known}"))
          ],
          can(regex("\\*", on)) || contains(concat(keys(local.types), values(local.types)), on) ? [] : can(route.topic) || can(route.subscription) ? [on] :
          startswith(on, "google.cloud.tasks.") || startswith(on, "dagtrigger.") || !startswith(on, "google.") && !can(var.event_channels[on]) ? [] : [on],
        )
      } if !startswith(on, "!")
    ]
  ])

  # What each route asks for: the changes of one kind, or messages. Objects of a route
  # with topic come as notifications, which are messages. What a route picks by
  # subscription comes by one that is not made here.
  asked = distinct(flatten([
    for route in local.routes : [
      for type in distinct(flatten([for take in local.taken : take.types if take.route == route.name])) : {
        route    = route.name
        type     = can(route.topic) ? local.message : type
        what     = can(route.topic) || type == local.message ? "topic" : "bucket"
        patterns = [for text in flatten([try(route[can(route.topic) || type == local.message ? "topic" : "bucket"], [])]) : text if !startswith(text, "!")]
      } if !can(route.subscription) && (can(route.topic) || contains(values(local.types), type))
    ]
  ]))

  known = { bucket = var.buckets, topic = var.topics }
  valid = {
    bucket = "^[a-z0-9][-a-z0-9_.]{1,220}[a-z0-9]$"
    topic  = "^[A-Za-z][-A-Za-z0-9._~+%]{2,254}$"
  }

  # The names that each asks for: one without a wildcard itself, any other those
  # of the known that it covers. None at all means all that are known.
  named = concat(
    flatten([
      for ask in local.asked : [
        for text in ask.patterns : merge(ask, { text = text, name = ask.what == "topic" ? trimprefix(text, "projects/${var.project}/topics/") : text })
        if !can(regex("\\*", text))
      ]
    ]),
    flatten([
      for ask in local.asked : [
        for text in ask.patterns : [
          for name in local.known[ask.what] : merge(ask, { text = text, name = name })
          if can(regex(local.expressions[text], name)) || can(regex(local.expressions[text], "projects/${var.project}/topics/${name}"))
        ] if can(regex("\\*", text))
      ]
    ]),
    flatten([
      for ask in local.asked : [for name in local.known[ask.what] : merge(ask, { text = "", name = name })] if length(ask.patterns) == 0
    ]),
    var.dag_id == null ? [] : concat(
      [for name in var.buckets : { type = local.types["object.finalized"], what = "bucket", name = name }],
      [for name in var.topics : { type = local.message, what = "topic", name = name }],
    ),
  )

  # The sources, each once, by the last part of their subscription's name.
  sources = {
    for source in distinct([for n in local.named : { type = n.type, what = n.what, name = n.name }]) :
    source.what == "topic" ? "topic-${source.name}" : "gs-${source.name}-${trimprefix(source.type, local.change)}" => source
  }
  buckets = { for key, source in local.sources : key => source if source.what == "bucket" }

  # The buckets of each route, by the same rule.
  held = {
    for holder in local.holders : holder.route => distinct(flatten([
      [for text in holder.patterns : text if !can(regex("\\*", text))],
      [for text in holder.patterns : [for name in var.buckets : name if can(regex(local.expressions[text], name))] if can(regex("\\*", text))],
      [for name in var.buckets : name if length(holder.patterns) == 0],
    ]))
  }

  # The buckets that routes with complete list.
  listed = toset(flatten([for holder in local.holders : local.held[holder.route] if holder.complete]))

  # The notifications of routes for objects that name a topic, by the bucket, the topic
  # and the kind of change. A topic among var.topics exists, and has its own.
  notified = { for n in distinct(flatten([
    for route in local.routes : [
      for type in distinct(flatten([for take in local.taken : take.types if take.route == route.name])) : [
        for topic in [for text in flatten([try(route.topic, [])]) : trimprefix(text, "projects/${var.project}/topics/")] : {
          route = route.name
          topic = topic
          type  = type
        } if can(regex(local.valid.topic, topic)) && !contains(var.topics, topic)
      ] if startswith(type, local.change)
    ] if !can(route.subscription)
    ])) : "${n.route}/${n.topic}/${n.type}" => n
  }
  notifications = { for n in distinct(flatten([
    for n in local.notified : [for bucket in local.held[n.route] : { bucket = bucket, topic = n.topic, type = n.type }]
    ])) : "${n.bucket}-${n.topic}-${trimprefix(n.type, local.change)}" => n
  }
  notified_topics = toset([for n in local.notified : n.topic])

  # The routes whose events come from no bucket, so that only the listing or the
  # notifications need it.
  unwatched = [
    for holder in local.holders : holder if(holder.complete || contains([for n in local.notified : n.route], holder.route))
    && !contains([for ask in local.asked : ask.route if ask.what == "bucket"], holder.route)
  ]

  # The routes that would get no events, or could not list their files.
  gaps = distinct(concat(
    local.event_gaps,
    [for take in local.taken : "the route ${take.route}: nothing is made for events of the type ${take.on}: name their channel in event_channels, or make what sends them to the function yourself, and name the route in elsewhere" if length(take.types) == 0],
    [for route in local.routes : "the route ${route.name}: it picks messages by topic and by subscription: leave one of the two out" if can(route.topic) && can(route.subscription)],
    [for ask in local.asked : "the route ${ask.route}: it takes any ${ask.what}: name those that exist in ${ask.what}s" if length(ask.patterns) + length(local.known[ask.what]) == 0],
    flatten([
      for ask in local.asked : [
        for text in ask.patterns : "the route ${ask.route}: the ${ask.what} ${text} is a pattern: name those that exist in ${ask.what}s"
        if !contains([for n in local.named : "${n.what} ${try(n.text, "")}"], "${ask.what} ${text}")
      ]
    ]),
    [for holder in local.unwatched : "the route ${holder.route}: it takes any bucket: name those that exist in buckets" if length(holder.patterns) + length(var.buckets) == 0],
    flatten([
      for holder in local.unwatched : [
        for text in holder.patterns : "the route ${holder.route}: the bucket ${text} is a pattern: name those that exist in buckets"
        if can(regex("\\*", text)) && !anytrue([for name in var.buckets : can(regex(local.expressions[text], name))])
      ]
    ]),
    flatten([
      for holder in local.unwatched : [
        for text in holder.patterns : "the route ${holder.route}: invalid bucket name ${text}: write the name that it has"
        if !can(regex("\\*", text)) && !can(regex(local.valid.bucket, text))
      ]
    ]),
    [for source in local.sources : "the topic ${source.name} is not in the project ${var.project}: subscribe to it there, and pick its messages by subscription" if can(regex("^projects/", source.name))],
    [for source in local.sources : "invalid ${source.what} name ${source.name}: write the name that it has" if !can(regex(local.valid[source.what], source.name)) && !can(regex("^projects/", source.name))],
  ))
}
