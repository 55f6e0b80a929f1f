# What the dashboard shows, from top to bottom: what users see, which hop is slow or broken, what runs it, what it costs.
#
# A widget has `title`, `width` (of 24), `when` (is it there) and `lines`, or `text`, or `query` (of Logs Insights), or `alarms` (ARNs); further `unit`, `view`, `stacked`, `period` (60 s)
# and `limit` (a line across the graph: the threshold of the alarm). A line is a metric (`of` one of local.sources, `metric`, `stat`,
# Sum by default) or an expression (`math`) over lines with an `id`; a line without `label` is not drawn itself.
locals {
  green  = "#2ca02c"
  blue   = "#1f77b4"
  orange = "#ff7f0e"
  red    = "#d62728"

  linked  = startswith(var.runbook, "https://") ? "[the runbook](${var.runbook}#read-the-dashboard)" : "the runbook, ${var.runbook} (\"Read the dashboard\")"
  metered = "The service's own metrics are off (`METRICS=none`, variable `metrics_enabled`): what users see, modes, lags, canaries and queues cannot be shown; below is what AWS measures by itself."

  sources_of_events = local.fargate ? "containers" : "streams"

  shows_alarms = length(local.alarms) > 0 && var.account_id != null
  # Written, and not read from the alarms: so the dashboard is known before they are made.
  alarm_arns = [for name in sort(keys(local.alarms)) : "arn:${var.partition}:cloudwatch:${var.region}:${coalesce(var.account_id, "-")}:alarm:${var.name}-${name}"]

  logs = compact([
    "/aws/lambda/${var.relay_function_name}",
    "/aws/lambda/${var.rest_function_name}",
    local.lambda && var.streaming_function_name != null ? "/aws/lambda/${coalesce(var.streaming_function_name, "none")}" : "",
    local.fargate && var.streamer_log_group_name != null ? coalesce(var.streamer_log_group_name, "none") : "",
  ])
  # SOURCE 'a' | SOURCE 'b' | fields …
  log_sources = [for group in local.logs : "SOURCE '${group}'"]

  rows = [
    {
      title  = null
      height = 2
      widgets = [{
        when  = true
        width = 24
        text  = "# ${var.name}: sentiment stream (${var.deployment})\nWhat each graph means, what good looks like and what to do is in ${local.linked}. A red line is the limit of an alarm. ${local.own ? "" : local.metered}"
      }]
    },
    {
      title  = "Do users get events, how late, since when not?"
      height = 7
      widgets = [
        {
          when  = local.own
          title = "Do users get events?"
          width = 6
          view  = "singleValue"
          lines = [
            { of = "own", metric = "streams_open", id = "open" },
            { of = "own", metric = "events_delivered", id = "delivered" },
            { of = "own", metric = "mode_push", id = "push" },
            { of = "own", metric = "mode_both", id = "both" },
            { of = "own", metric = "mode_poll", id = "poll" },
            { of = "own", metric = "mode_down", id = "down" },
            { math = "open * 60 / PERIOD(open)", label = "streams open" },
            { math = "delivered / PERIOD(delivered)", label = "events a second" },
            { math = "(push + both + poll) * 60 / PERIOD(push)", label = "${local.sources_of_events} that get events", color = local.green },
            { math = "down * 60 / PERIOD(down)", label = "${local.sources_of_events} that get none", color = local.red },
          ]
        },
        {
          when  = local.own && local.fargate
          title = "How late? Table write to stream, counted from the whole second"
          width = 9
          unit  = "ms"
          limit = local.limits.end_to_end
          lines = [
            { of = "own", metric = "committed_to_sent", stat = "p50", label = "p50" },
            { of = "own", metric = "committed_to_sent", stat = "p99", label = "p99" },
          ]
        },
        {
          when  = local.own && local.lambda
          title = "How late? Everything written until … ago has been sent"
          width = 9
          unit  = "s"
          limit = local.limits.no_proof
          lines = [
            { of = "own", metric = "watermark_age", stat = "Average", label = "on average" },
            { of = "own", metric = "watermark_age", stat = "Maximum", label = "slowest stream" },
          ]
        },
        {
          when    = local.own
          title   = local.fargate ? "Since when not? Containers by mode (red: no events; orange: events late)" : "Since when not? Streams by mode (red: no events; poll is normal)"
          width   = 9
          unit    = local.sources_of_events
          stacked = true
          lines = [
            { of = "own", metric = "mode_push", id = "push" },
            { of = "own", metric = "mode_both", id = "both" },
            { of = "own", metric = "mode_poll", id = "poll" },
            { of = "own", metric = "mode_down", id = "down" },
            { math = "push * 60 / PERIOD(push)", label = "push", color = local.green },
            { math = "both * 60 / PERIOD(both)", label = "both", color = local.blue },
            { math = "poll * 60 / PERIOD(poll)", label = "poll", color = local.fargate ? local.orange : local.green },
            { math = "down * 60 / PERIOD(down)", label = "down", color = local.red },
          ]
        },
        {
          when  = !local.own && local.fargate
          title = "Do users get events? Healthy containers"
          width = 8
          lines = [{ of = "targets", metric = "HealthyHostCount", stat = "Maximum", label = "healthy", color = local.green }]
        },
        {
          when  = !local.own && local.lambda
          title = "Do users get events? Streams open"
          width = 8
          lines = [{ of = "streaming", metric = "ConcurrentExecutions", stat = "Maximum", label = "streams" }]
        },
        {
          when  = !local.own && local.fargate
          title = "How late? Age of the newest record that the relay took"
          width = 8
          unit  = "ms"
          limit = local.limits.relay_behind
          lines = [{ of = "relay", metric = "IteratorAge", stat = "Maximum", label = "IteratorAge" }]
        },
        {
          when  = !local.own && local.lambda
          width = 8
          text  = "**How late?** The service's own metrics are off, and AWS does not measure it. Each stream reads the table every 5 s; if the table refuses, its index is throttled or the streams' log has errors (both below)."
        },
        {
          when  = !local.own
          title = "Since when not? Errors"
          width = 8
          lines = [
            { of = "relay", metric = "Errors", label = "relay", color = local.red },
            { of = "load_balancer", metric = "HTTPCode_ELB_5XX_Count", label = "load balancer, 5xx", color = local.orange, when = local.fargate },
            { of = "streaming", metric = "Errors", label = "streams", color = local.orange, when = local.lambda },
          ]
        },
      ]
    },
    {
      title  = null
      height = 7
      widgets = [
        {
          when   = local.shows_alarms
          title  = "Alarms, the last change first"
          width  = 6
          alarms = local.alarm_arns
        },
        {
          when  = !local.shows_alarms
          width = 6
          text  = "**No alarms.** The variable `alarms` names the topics that tell whoever is on call."
        },
        {
          when  = true
          title = "The last errors in the logs"
          width = 9
          query = join(" | ", concat(local.log_sources, [
            "fields @timestamp, coalesce(message, @message) as line, coalesce(error, reason, exception) as why, @logStream",
            "filter level in ['ERROR', 'CRITICAL'] or @message like /^\\[ERROR\\]|Task timed out|Runtime exited|Runtime\\.[A-Z]/",
            "sort @timestamp desc",
            "limit 20",
          ]))
        },
        {
          when  = true
          title = "The last warnings in the logs"
          width = 9
          query = join(" | ", concat(local.log_sources, [
            "fields @timestamp, message as line, coalesce(error, reason) as why, @logStream",
            "filter level = 'WARNING'",
            "sort @timestamp desc",
            "limit 20",
          ]))
        },
      ]
    },
    {
      title  = null
      height = 6
      widgets = [
        {
          when  = local.own
          title = "Streams turned away or cut"
          width = 6
          unit  = "streams"
          lines = [
            { of = "own", metric = "streams_refused", label = "refused: full", color = local.red },
            { of = "own", metric = "streams_slow", label = "closed: too slow", color = local.orange },
            { of = "own", metric = "streams_reset", label = "reset: place not covered", color = local.blue },
          ]
        },
        {
          when  = true
          title = "REST: what went wrong"
          width = 6
          unit  = "requests"
          lines = [
            { of = "rest", metric = "Errors", label = "errors", color = local.red },
            { of = "rest", metric = "Throttles", label = "throttles: 429", color = local.orange },
          ]
        },
        {
          when  = true
          title = "REST: how long"
          width = 6
          unit  = "ms"
          limit = local.limits.rest_duration
          lines = [
            { of = "rest", metric = "Duration", stat = "p50", label = "p50" },
            { of = "rest", metric = "Duration", stat = "p99", label = "p99" },
          ]
        },
        {
          when  = true
          title = "Table: throttled"
          width = 6
          unit  = "requests"
          lines = [
            { of = "index", metric = "ReadThrottleEvents", label = "index: reads", color = local.red },
            { of = "index", metric = "WriteThrottleEvents", label = "index: writes", color = local.orange },
          ]
        },
      ]
    },
    {
      title  = "Hops: table → relay → topic → queue → stream"
      height = 6
      widgets = [
        {
          when  = true
          title = "Relay: age of the newest record it took"
          width = 6
          unit  = "ms"
          limit = local.limits.relay_behind
          lines = [
            { of = "relay", metric = "IteratorAge", stat = "Maximum", label = "IteratorAge" },
          ]
        },
        {
          when  = true
          title = "Relay: what went wrong"
          width = 6
          lines = [
            { of = "relay", metric = "Errors", label = "errors", color = local.red },
            { of = "relay", metric = "Throttles", label = "throttles", color = local.orange },
            { of = "own", metric = "relay_returned", label = "records to be tried again", when = local.own },
            { of = "own", metric = "relay_rejected", label = "records into the failure queue", when = local.own },
          ]
        },
        {
          when  = true
          title = "Topic"
          width = 6
          lines = [
            { of = "topic", metric = "NumberOfMessagesPublished", label = "published" },
            { of = "topic", metric = "NumberOfNotificationsFailed", label = "failed notifications", color = local.red },
          ]
        },
        {
          when  = local.own && local.fargate
          title = "Proof: seconds since"
          width = 6
          unit  = "s"
          limit = local.limits.canary
          lines = [
            { of = "own", metric = "canary_age", stat = "Maximum", label = "the last canary came" },
            { of = "own", metric = "watermark_age", stat = "Maximum", label = "everything written is known to be sent" },
          ]
        },
        {
          when  = local.lambda
          width = 6
          text  = "**The relay and the topic bring nothing to these streams.** In Lambda mode each stream reads the table itself, every 5 s. The hops here matter to other subscribers of the topic, and to a switch back to Fargate. What was learnt from the table has no time of commit, so there is no lag by hop."
        },
      ]
    },
    {
      title  = null
      height = 6
      widgets = [
        {
          when  = local.own && local.fargate
          title = "Lag by hop, p99"
          width = 8
          unit  = "ms"
          lines = [
            { of = "own", metric = "committed_to_relayed", stat = "p99", label = "table → relay" },
            { of = "own", metric = "relayed_to_received", stat = "p99", label = "relay → topic → queue → container" },
            { of = "own", metric = "received_to_sent", stat = "p99", label = "container → stream" },
          ]
        },
        {
          when  = local.own
          title = "Caught or lost on the way"
          width = 8
          lines = [
            { of = "own", metric = "items_missed", label = "items missed by push, brought by query", when = local.fargate },
            { of = "own", metric = "leases_lost", label = "queues lost", when = local.fargate },
            { of = "own", metric = "messages_poison", label = "messages not understood", when = local.fargate },
            { of = "own", metric = "queries_failed", label = "queries of the table that failed", color = local.red },
          ]
        },
        {
          when  = local.own && local.fargate
          width = 8
          text  = "**Why no age of the queues?** Each container makes a queue of its own, with a name that no dashboard knows beforehand, and CloudWatch shows a new queue some minutes late. *relay → topic → queue → container* stands for it: a message that waits in a queue makes that line rise.\n\n**committed** is the table's time, in whole seconds: up to 1 s of *table → relay* is rounding.\n\n**Missed by push** is not lost: a query of the table found it, and it was sent then."
        },
      ]
    },
    {
      title  = "What runs it"
      height = 6
      widgets = [
        {
          when  = true
          title = "Failure queue: what the relay could not publish"
          width = 6
          lines = [
            { of = "failures", metric = "ApproximateNumberOfMessagesVisible", stat = "Maximum", label = "records kept", color = local.red },
          ]
        },
        {
          when  = local.fargate
          title = "Load balancer: 5xx"
          width = 6
          lines = [
            { of = "load_balancer", metric = "HTTPCode_ELB_5XX_Count", label = "of the load balancer", color = local.red },
          ]
        },
        {
          when  = local.fargate
          title = "Containers"
          width = 6
          lines = [
            { of = "targets", metric = "HealthyHostCount", stat = "Maximum", label = "healthy", color = local.green },
            { math = "(push + both + poll + down) * 60 / PERIOD(push)", label = "running (say so themselves)", when = local.own },
            { of = "own", metric = "mode_push", id = "push", when = local.own },
            { of = "own", metric = "mode_both", id = "both", when = local.own },
            { of = "own", metric = "mode_poll", id = "poll", when = local.own },
            { of = "own", metric = "mode_down", id = "down", when = local.own },
          ]
        },
        {
          when  = local.fargate && var.service_name != null
          title = "CPU and memory of the containers"
          width = 6
          unit  = "%"
          limit = local.limits.memory
          lines = [
            { of = "service", metric = "CPUUtilization", stat = "Average", label = "CPU, average" },
            { of = "service", metric = "CPUUtilization", stat = "Maximum", label = "CPU, busiest" },
            { of = "service", metric = "MemoryUtilization", stat = "Maximum", label = "memory, fullest" },
          ]
        },
        {
          when  = local.lambda
          title = "Streaming function: at once"
          width = 6
          lines = [
            { of = "streaming", metric = "ConcurrentExecutions", stat = "Maximum", label = "streams (one each)" },
          ]
        },
        {
          when  = local.lambda
          title = "Streaming function: how long"
          width = 6
          unit  = "ms"
          lines = [
            { of = "streaming", metric = "Duration", stat = "p50", label = "p50" },
            { of = "streaming", metric = "Duration", stat = "Maximum", label = "longest" },
          ]
        },
        {
          when  = local.lambda
          title = "Streaming function: what went wrong"
          width = 6
          lines = [
            { of = "streaming", metric = "Errors", label = "errors: cut, or never begun", color = local.red },
            { of = "streaming", metric = "Throttles", label = "throttles: turned away", color = local.orange },
          ]
        },
      ]
    },
    {
      title  = "What it costs"
      height = 6
      widgets = [
        {
          when   = local.own
          title  = "Queues, at each run of the reaper"
          width  = 6
          period = 3600
          lines = [
            { of = "own", metric = "queues_found", stat = "Maximum", label = "found" },
            { of = "own", metric = "queues_dead", stat = "Maximum", label = "dead", color = local.orange },
            { of = "own", metric = "queues_removed", stat = "Sum", label = "removed", color = local.green },
            { of = "own", metric = "queues_failed", stat = "Sum", label = "not removed", color = local.red },
          ]
        },
        {
          when   = local.own
          title  = "Requests"
          width  = 6
          unit   = "in 5 min"
          period = 300
          lines = [
            { of = "own", metric = "queue_requests", label = "receives from queues (each deletes once more)", when = local.fargate },
            { of = "own", metric = "table_requests", label = "queries and reads of the table" },
          ]
        },
        {
          when   = true
          title  = "Table reads, in request units"
          width  = 6
          unit   = "in 5 min"
          period = 300
          lines = [
            { of = "index", metric = "ConsumedReadCapacityUnits", label = "index: queries" },
            { of = "table", metric = "ConsumedReadCapacityUnits", label = "table: consistent reads" },
            { of = "users", metric = "ConsumedReadCapacityUnits", label = "configurations", when = var.users_table_name != null },
          ]
        },
        {
          when   = true
          title  = "Lambda: invocations"
          width  = 6
          unit   = "in 5 min"
          period = 300
          lines = [
            { of = "relay", metric = "Invocations", label = "relay" },
            { of = "rest", metric = "Invocations", label = "REST" },
            { of = "streaming", metric = "Invocations", label = "streams", when = local.lambda },
          ]
        },
      ]
    },
    {
      title  = null
      height = 6
      widgets = [
        {
          when   = true
          title  = "Lambda: seconds (times the memory in GB: GB-seconds)"
          width  = 8
          unit   = "s in 5 min"
          period = 300
          lines = [
            { of = "relay", metric = "Duration", id = "relay" },
            { of = "rest", metric = "Duration", id = "rest" },
            { of = "streaming", metric = "Duration", id = "streaming", when = local.lambda },
            { math = "relay / 1000", label = "relay" },
            { math = "rest / 1000", label = "REST" },
            { math = "streaming / 1000", label = "streams", when = local.lambda },
          ]
        },
        {
          when   = true
          title  = "Logs and metrics: bytes taken in"
          width  = 8
          unit   = "in 5 min"
          period = 300
          lines = [
            { of = "relay_log", metric = "IncomingBytes", label = "relay" },
            { of = "streaming_log", metric = "IncomingBytes", label = "streams", when = local.lambda },
            { of = "container_log", metric = "IncomingBytes", label = "containers", when = local.fargate && var.streamer_log_group_name != null },
          ]
        },
        {
          when  = true
          width = 8
          text  = "**Table reads** follow the items of the look-back (3 min) and their size in the index, not the size of the table. Poll reads three times as often as the check of push.\n\n**Queues** cost nothing themselves, their requests do. *Dead* that stays above *removed* means that the reaper fails.\n\nQuantities times prices: \"Prices\" in the runbook."
        },
      ]
    },
  ]
}
