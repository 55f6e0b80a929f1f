# Few, and each worth waking up for. Each has an entry in docs/operations.md ("Alarm: …"); the price stands in variables.tf.
locals {
  # Where a graph and an alarm share a threshold.
  limits = {
    end_to_end    = 3000  # ms: 2 s of delay, and up to 1 s because the table tells its time in whole seconds
    no_proof      = 120   # s: 10 to 25 in good times; the promise is 2 min
    relay_behind  = 60000 # ms: a relay that keeps up is below 1 s
    canary        = max(180, 3 * var.canary_interval_seconds)
    rest_duration = 3000 # ms: a request takes some 10, a cold start 620, a table that does not answer 7,000
    memory        = 85   # %
  }

  # class         `page` wakes somebody: users miss something now. `ticket` waits for the morning
  # when          in which deployments
  # metrics       one, or several with an expression over their keys
  # period        seconds; of the last `periods`, `breaching` (all, if left out) are beyond the threshold (`over` or `under`)
  # missing       what no data means: chosen for each, with the reason in `silence`
  alarm_choices = {
    down = {
      class     = "page"
      when      = local.own
      metrics   = { value = { of = "own", metric = "mode_down", stat = "Sum" } }
      over      = 0
      period    = 60
      periods   = 3
      missing   = "notBreaching"
      silence   = "silent containers raise the alarm no-metrics"
      meaning   = local.fargate ? "A container gets events neither from its queue nor from the table." : "Streams cannot read the table."
      users_see = "no events; heartbeats say mode down"
    }
    not-pushing = {
      class = "ticket"
      when  = local.own && local.fargate
      metrics = {
        poll = { of = "own", metric = "mode_poll", stat = "Sum" }
        down = { of = "own", metric = "mode_down", stat = "Sum" }
      }
      math      = "poll + down"
      over      = 0
      period    = 60
      periods   = 10
      missing   = "notBreaching"
      silence   = "silent containers raise the alarm no-metrics"
      meaning   = "For 10 min a container has had no events by push."
      users_see = "events up to about 7 s late; deletions of items older than about 3 min are missed; reads of the table cost three times as much"
    }
    no-metrics = {
      class     = "page"
      when      = local.own && local.fargate
      metrics   = { value = { of = "own", metric = "streams_open", stat = "SampleCount" } }
      under     = 1
      period    = 60
      periods   = 5
      missing   = "breaching"
      silence   = "silence is what this alarm reports"
      meaning   = "No container has reported for 5 min."
      users_see = "probably no stream; if the containers are healthy, only the metrics are broken"
    }
    late = {
      class     = "page"
      when      = local.own && local.fargate
      metrics   = { value = { of = "own", metric = "committed_to_sent", stat = "p99" } }
      over      = local.limits.end_to_end
      period    = 300
      periods   = 3
      missing   = "notBreaching"
      silence   = "without changes nothing is late"
      meaning   = "For 15 min one change in a hundred has taken over 2 s from the table to the streams (3 s as measured, from the whole second)."
      users_see = "late events"
    }
    no-proof = {
      class     = "page"
      when      = local.own
      metrics   = { value = { of = "own", metric = "watermark_age", stat = "Maximum" } }
      over      = local.limits.no_proof
      period    = 60
      periods   = 5
      missing   = "notBreaching"
      silence   = "missing until the first query; a table that never answers raises the alarm down"
      meaning   = "For 5 min the sentiment table could not be read, so it is unknown whether events are missing."
      users_see = local.fargate ? "events by push as before; repeats or a reset after a reconnect" : "no events"
    }
    missed-by-push = {
      class     = "ticket"
      when      = local.own && local.fargate
      metrics   = { value = { of = "own", metric = "items_missed", stat = "Sum" } }
      over      = 0
      period    = 300
      periods   = 3
      missing   = "notBreaching"
      silence   = "silent containers raise the alarm no-metrics"
      meaning   = "In each of three periods of 5 min the table held items that push did not bring."
      users_see = "some events 15 to 30 s late"
    }
    canary = {
      class     = "ticket"
      when      = local.own && local.fargate
      metrics   = { value = { of = "own", metric = "canary_age", stat = "Maximum" } }
      over      = local.limits.canary
      period    = 60
      periods   = 3
      missing   = "notBreaching"
      silence   = "missing until a container's first canary; a container that never receives one raises the alarm not-pushing"
      meaning   = "A container has received no canary for ${local.limits.canary} s: the relay's schedule, the relay, the topic or its queue is broken."
      users_see = "events some seconds late, because the containers poll"
    }
    refused = {
      class     = "page"
      when      = local.own && local.fargate
      metrics   = { value = { of = "own", metric = "streams_refused", stat = "Sum" } }
      over      = 0
      period    = 300
      periods   = 3
      breaching = 2
      missing   = "notBreaching"
      silence   = "silent containers raise the alarm no-metrics"
      meaning   = "Streams are refused: the containers are full."
      users_see = "503 with Retry-After, or closing (server_busy); a plain EventSource gives up for good"
    }
    relay-errors = {
      class     = local.fargate ? "page" : "ticket"
      when      = true
      metrics   = { value = { of = "relay", metric = "Errors", stat = "Sum" } }
      over      = 0
      period    = 60
      periods   = 5
      breaching = 3
      missing   = "notBreaching"
      silence   = "Lambda reports nothing for minutes without an invocation"
      meaning   = "The relay fails repeatedly; Lambda retries single failures."
      users_see = local.fargate ? "events of the affected shards arrive by query, up to 30 s late; deletions of items older than about 3 min are missed" : "nothing: streams read the table; other subscribers of the topic receive nothing"
    }
    relay-behind = {
      class     = local.fargate ? "page" : "ticket"
      when      = true
      metrics   = { value = { of = "relay", metric = "IteratorAge", stat = "Maximum" } }
      over      = local.limits.relay_behind
      period    = 60
      periods   = 3
      missing   = "notBreaching"
      silence   = "Lambda reports no age while it reads nothing"
      meaning   = "The relay is more than a minute behind the table: stuck on a batch, throttled, or too slow."
      users_see = local.fargate ? "events of the affected shards arrive by query, up to 30 s late; deletions of items older than about 3 min are missed" : "nothing: streams read the table; other subscribers of the topic receive changes late"
    }
    failure-queue = {
      class     = "ticket"
      when      = true
      metrics   = { value = { of = "failures", metric = "ApproximateNumberOfMessagesVisible", stat = "Maximum" } }
      over      = 0
      period    = 300
      periods   = 1
      missing   = "notBreaching"
      silence   = "SQS reports nothing about a queue that has been empty and unused for hours"
      meaning   = "The relay could not publish a record and stored it."
      users_see = "a change that arrived late, by query, or not at all (a late deletion)"
    }
    notifications-failed = {
      class     = "ticket"
      when      = local.fargate
      metrics   = { value = { of = "topic", metric = "NumberOfNotificationsFailed", stat = "Sum" } }
      over      = 0
      period    = 300
      periods   = 3
      missing   = "notBreaching"
      silence   = "SNS reports only failures"
      meaning   = "The topic cannot deliver to a queue: the queue or its policy is gone."
      users_see = "nothing if the subscription is a dead container's; else the container polls, and its events are some seconds late"
    }
    queues-left = {
      class = "ticket"
      when  = local.own && local.fargate
      metrics = {
        dead    = { of = "own", metric = "queues_dead", stat = "Sum" }
        removed = { of = "own", metric = "queues_removed", stat = "Sum" }
      }
      math      = "dead - removed"
      over      = 0
      period    = 3600
      periods   = 3
      missing   = "breaching"
      silence   = "a reaper that does not run removes nothing; right after the first deploy the alarm is on until the first run"
      meaning   = "For 3 h dead queues were not removed, or the reaper did not run."
      users_see = "nothing; dead queues receive a copy of each message, which costs"
    }
    no-container = {
      class     = "page"
      when      = local.fargate
      metrics   = { value = { of = "targets", metric = "HealthyHostCount", stat = "Maximum" } } # each zone counts for itself: a zone without containers says 0
      under     = 1
      period    = 60
      periods   = 3
      missing   = "breaching"
      silence   = "the count comes as long as health checks run, requests or not; nothing means that nobody is there"
      meaning   = "The load balancer has no healthy container."
      users_see = "503 where none is registered; else the load balancer tries the sick ones all the same, and streams hang or fail"
    }
    load-balancer-errors = {
      class     = "page"
      when      = local.fargate
      metrics   = { value = { of = "load_balancer", metric = "HTTPCode_ELB_5XX_Count", stat = "Sum" } }
      over      = 10
      period    = 300
      periods   = 2
      missing   = "notBreaching"
      silence   = "the load balancer reports errors alone"
      meaning   = "The load balancer answers 5xx itself, over 10 times in 5 min: containers do not answer it, or not in time."
      users_see = "streams that do not open"
    }
    streaming-function = {
      class = "page"
      when  = local.lambda
      metrics = {
        errors    = { of = "streaming", metric = "Errors", stat = "Sum" }
        throttles = { of = "streaming", metric = "Throttles", stat = "Sum" }
      }
      math      = "errors + throttles"
      over      = 0
      period    = 60
      periods   = 5
      breaching = 3
      missing   = "notBreaching"
      silence   = "without an invocation nobody is turned away"
      meaning   = "Streams fail to begin, are cut by the platform, or are turned away because the concurrency is used up."
      users_see = "429 or 502, or a stream that ends without closing; a plain EventSource gives up for good at the first two"
    }
    rest-errors = {
      class     = "page"
      when      = true
      metrics   = { value = { of = "rest", metric = "Errors", stat = "Sum" } }
      over      = 0
      period    = 60
      periods   = 5
      breaching = 3
      missing   = "notBreaching"
      silence   = "Lambda reports nothing for minutes without an invocation"
      meaning   = "The REST function fails repeatedly: it does not start, or runs into its timeout."
      users_see = "502: no snapshot at ${local.fargate ? "the REST address" : "a page's start"}, no change of a configuration; open streams go on"
    }
    rest-throttled = {
      class     = "ticket"
      when      = true
      metrics   = { value = { of = "rest", metric = "Throttles", stat = "Sum" } }
      over      = 0
      period    = 300
      periods   = 3
      breaching = 2
      missing   = "notBreaching"
      silence   = "Lambda reports nothing for minutes without an invocation"
      meaning   = "More REST requests come at once than the function's concurrency allows."
      users_see = "429 for some REST requests; open streams go on"
    }
    rest-slow = {
      class     = "ticket"
      when      = true
      metrics   = { value = { of = "rest", metric = "Duration", stat = "p99" } }
      over      = local.limits.rest_duration
      period    = 300
      periods   = 3
      missing   = "notBreaching"
      silence   = "without requests nothing is slow"
      meaning   = "For 15 min one REST request in a hundred has taken over 3 s: the table answers slowly or not at all."
      users_see = "snapshots and configurations come late, or 503 after 7 s"
    }
    index-throttled = {
      class = "ticket"
      when  = true
      metrics = {
        reads  = { of = "index", metric = "ReadThrottleEvents", stat = "Sum" }
        writes = { of = "index", metric = "WriteThrottleEvents", stat = "Sum" }
      }
      math      = "FILL(reads, 0) + FILL(writes, 0)" # either comes alone, and a sum with nothing is nothing
      over      = 0
      period    = 60
      periods   = 5
      breaching = 3
      missing   = "notBreaching"
      silence   = "DynamoDB reports throttling alone"
      meaning   = "The sentiment table's index refuses reads or writes: its capacity or its limit is used up."
      users_see = "${local.fargate ? "events by push as before, unless writes are refused; snapshots slow or 503" : "late events"}; the alarm no-proof follows if queries fail for minutes"
    }
    memory = {
      class     = "ticket"
      when      = local.fargate && var.service_name != null
      metrics   = { value = { of = "service", metric = "MemoryUtilization", stat = "Maximum" } }
      over      = local.limits.memory
      period    = 300
      periods   = 3
      missing   = "notBreaching"
      silence   = "without containers the alarm no-container is raised"
      meaning   = "For 15 min a container has used over 85 % of its memory; at 100 % ECS kills it."
      users_see = "nothing yet; if it is killed, its streams reconnect to another container"
    }
  }

  notified = {
    page   = distinct(concat(try(var.alarms.topic_arns, []), try(var.alarms.page_topic_arns, [])))
    ticket = distinct(concat(try(var.alarms.topic_arns, []), try(var.alarms.ticket_topic_arns, [])))
  }

  alarms = { for name, alarm in local.alarm_choices : name => alarm if var.alarms != null && alarm.when }
}

resource "aws_cloudwatch_metric_alarm" "on_call" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.class == "page" ? "Page" : "Ticket"}. ${each.value.meaning} Users: ${each.value.users_see}. Without data: ${each.value.missing}, since ${each.value.silence}. What to do: ${var.runbook}#alarm-${each.key}"

  comparison_operator = can(each.value.over) ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = try(each.value.over, each.value.under)
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = try(each.value.breaching, each.value.periods)
  treat_missing_data  = each.value.missing

  # One metric stands here, several in metric_query: the provider takes one form or the other.
  namespace          = can(each.value.math) ? null : local.sources[each.value.metrics.value.of].namespace
  metric_name        = can(each.value.math) ? null : each.value.metrics.value.metric
  dimensions         = can(each.value.math) ? null : local.sources[each.value.metrics.value.of].dimensions
  period             = can(each.value.math) ? null : each.value.period
  statistic          = can(each.value.math) || can(regex("^p[0-9]", each.value.metrics.value.stat)) ? null : each.value.metrics.value.stat
  extended_statistic = can(each.value.math) ? null : can(regex("^p[0-9]", each.value.metrics.value.stat)) ? each.value.metrics.value.stat : null

  # A p99 of a handful of samples is their maximum: such a period keeps the alarm as it was.
  evaluate_low_sample_count_percentiles = can(each.value.math) ? null : can(regex("^p[0-9]", each.value.metrics.value.stat)) ? "ignore" : null

  dynamic "metric_query" {
    for_each = { for key, metric in each.value.metrics : key => metric if can(each.value.math) }

    content {
      id = metric_query.key

      metric {
        namespace   = local.sources[metric_query.value.of].namespace
        metric_name = metric_query.value.metric
        dimensions  = local.sources[metric_query.value.of].dimensions
        period      = each.value.period
        stat        = metric_query.value.stat
      }
    }
  }

  dynamic "metric_query" {
    for_each = can(each.value.math) ? [each.value.math] : []

    content {
      id          = "result"
      expression  = metric_query.value
      label       = each.key
      return_data = true
    }
  }

  alarm_actions = local.notified[each.value.class]
  ok_actions    = local.notified[each.value.class]

  tags = merge(var.tags, { class = each.value.class })
}
