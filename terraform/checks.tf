# Warnings of a plan: what AWS would take, and what is a mistake all the same. What AWS or the service would refuse is an
# error instead, in variables.tf (a variable) or beside the data source (what exists).

locals {
  https = local.fargate ? module.fargate[0].https : true
}

check "plain_http" {
  assert {
    condition     = !local.fargate || local.https || var.internal
    error_message = "The load balancer speaks plain HTTP: tickets are readable on the network, and a browser opens at most six streams per host. For more than a trial give certificate_arn, or an HTTPS listener."
  }
}

check "gateway_secret_without_certificate" {
  assert {
    condition     = !local.fargate || local.https || length(var.gateway_secret_arns) == 0
    error_message = "gateway_secret_arns is set and the load balancer speaks plain HTTP: the gateway's secret crosses the network readably, and whoever reads it can be any user. Give certificate_arn, or an HTTPS listener."
  }
}

locals {
  alarm_topics = distinct(flatten([for topics in var.alarms[*] : [topics.topic_arns, topics.page_topic_arns, topics.ticket_topic_arns]]))
}

check "alarm_topics" {
  assert {
    condition     = alltrue([for arn in local.alarm_topics : split(":", arn)[3] == var.region])
    error_message = "alarms has the topics ${jsonencode(local.alarm_topics)}, but the alarms are in ${var.region}: CloudWatch notifies topics of its own region alone. Give topics there."
  }
}

locals {
  kept_from_queues = setintersection(keys(var.tags), local.service_tags)
  unknown_settings = [for key in keys(var.streamer_environment) : key if startswith(key, "SSE_") && !contains(keys(local.setting_limits), key)]
}

check "queue_tags" {
  assert {
    condition     = length(local.kept_from_queues) == 0
    error_message = "tags has ${jsonencode(local.kept_from_queues)}: the queues of containers do not get them, since the service has its own tags of these names, by which the reaper knows its queues."
  }
}

check "settings" {
  assert {
    condition     = length(local.unknown_settings) == 0
    error_message = "streamer_environment has ${jsonencode(local.unknown_settings)}, which are no settings of this version (docs/settings.md): the service warns of them and ignores them."
  }
}
