# The whole deployment, file by file:
#
#   tables.tf         the sentiment and users tables, made or attached to
#   topic.tf          the SNS topic that the relay publishes to
#   relay.tf          the relay function, what feeds it, its failure queue, the canary's schedule
#   rest.tf           the REST function
#   reaper.tf         the function that removes dead containers' queues, and what it does at `terraform destroy`
#   streamer.tf       the streaming service: containers behind a load balancer, or a function
#   policies.tf       what the streaming service, the REST function and the reaper may do
#   secrets.tf        the secret that seals tickets
#   registry.tf       the image's repository
#   schedules.tf      canary and reaper
#   observability.tf  dashboard and alarms
#   protection.tf     refuses `terraform destroy` of what is protected
#
# The order in which things end matters as much as the one in which they begin. At `terraform destroy`: the containers
# first (each unsubscribes and deletes its queue), then the reaper takes what killed ones left, then go rights and topic.

# One name, one owner. AWS takes the creation of a topic, a queue, a cluster or a dashboard that exists for done, so a second
# state with the same name would adopt them, and its destroy would delete the first deployment's. Each of these waits for the
# role of schedules.tf: the second creation of a role fails, in every mode.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {
  lifecycle {
    postcondition {
      condition     = self.id == var.region
      error_message = "region is ${var.region}, but the provider works in ${self.id}: set both to the same (AWS_REGION, or the provider block's region)."
    }
  }
}

locals {
  fargate      = var.streamer_deployment == "fargate"
  account_id   = data.aws_caller_identity.current.account_id
  partition    = data.aws_partition.current.partition
  queue_prefix = "${var.name}-stream"
  # Every queue that a container can make: the prefix, a dash and a UUID.
  queue_arns = "arn:${local.partition}:sqs:${var.region}:${local.account_id}:${local.queue_prefix}-*"

  tags = merge(var.tags, { deployment = var.name, managed-by = "terraform" })

  # The queues that containers make have the deployment's tags, too (QUEUE_TAGS), except where the service has its own of that name.
  service_tags = ["service", "topic", "heartbeat"]
  queue_tags   = { for key, value in local.tags : key => value if !contains(local.service_tags, key) }

  # What the streaming service and the REST function read alike. REST gives no tickets, needs no topic and no queue.
  service_environment = {
    SENTIMENT_TABLE     = local.sentiment_table.name
    USERS_TABLE         = local.users_table.name
    GATEWAY_SECRET      = join(",", var.gateway_secret_arns)
    CORS_ORIGINS        = join(",", var.cors_origins)
    OPERATOR_NETWORKS   = join(",", coalesce(var.operator_cidrs, []))
    IAM_SESSION_IS_USER = tostring(var.iam_session_is_user)
    LOG_LEVEL           = var.log_level
    LOG_FORMAT          = "json"
    METRICS             = var.metrics ? "emf" : "none"
    DEPLOYMENT_NAME     = var.name
    TRACING             = var.tracing ? "xray" : "none"
  }
}
