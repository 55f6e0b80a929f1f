locals {
  load_balancer_url = local.fargate ? "${module.fargate[0].https ? "https" : "http"}://${coalesce(var.domain_name, module.fargate[0].load_balancer_name)}" : null
  # null in lambda mode until there is an image: a function cannot be without one.
  streaming_url = local.fargate ? local.load_balancer_url : one(module.streaming_function[*].url)
}

output "dashboard_url" {
  description = "The page: a dashboard that moves. null until the streaming service has an image in lambda mode."
  value       = local.streaming_url == null ? null : "${local.streaming_url}/"
}

output "sse_base_url" {
  description = "Where streams are: /api/v2/stream, /api/v2/stream/status and so on follow it. null like dashboard_url."
  value       = local.streaming_url
}

output "rest_base_url" {
  description = "Where REST is: /api/v2/sentiment, /api/v2/metrics, /api/v2/configurations follow it."
  value       = module.rest.url
}

output "operations_dashboard_url" {
  description = "The CloudWatch dashboard for the engineer on call."
  value       = module.observability.dashboard_url
}

output "next_steps" {
  description = "What is still to be done, if anything."
  value = var.streamer_image != null ? "Nothing: the streaming service runs ${var.streamer_image}." : join("\n", [
    "The streaming service has no image yet. In the repository's root, build it for ${var.architecture} and push it:",
    "  make image PLATFORM=linux/${var.architecture == "arm64" ? "arm64" : "amd64"}",
    "  aws ecr get-login-password --region ${var.region} | docker login --username AWS --password-stdin ${split("/", aws_ecr_repository.streamer.repository_url)[0]}",
    "  docker tag sentiment-streamer ${aws_ecr_repository.streamer.repository_url}:1.0.0",
    "  docker push ${aws_ecr_repository.streamer.repository_url}:1.0.0",
    "In the folder that you applied, write it down, since an apply without it takes the service away, and apply again:",
    "  echo 'streamer_image = \"${aws_ecr_repository.streamer.repository_url}:1.0.0\"' >> terraform.tfvars",
    "  terraform apply",
  ])
}

output "scale_command" {
  description = "fargate: sets the number of containers; no apply undoes it. null in lambda mode and before the first image."
  value       = try(module.fargate[0].service_name, null) == null ? null : "aws ecs update-service --region ${var.region} --cluster ${module.fargate[0].cluster_name} --service ${module.fargate[0].service_name} --desired-count N"
}

output "repository_url" {
  description = "The ECR repository that images are pushed to."
  value       = aws_ecr_repository.streamer.repository_url
}

output "load_balancer" {
  description = "fargate: DNS name and zone of the load balancer, for a record of domain_name. null in lambda mode."
  value = local.fargate ? {
    dns_name = module.fargate[0].load_balancer_name
    zone_id  = module.fargate[0].load_balancer_zone_id
  } : null

  precondition {
    condition     = try(module.fargate[0].existing_load_balancer.type, "application") == "application" && try(module.fargate[0].existing_load_balancer.vpc_id, null) == (var.existing_listener_arn == null ? null : var.vpc_id)
    error_message = "existing_listener_arn is of ${jsonencode(try(module.fargate[0].existing_load_balancer, null))}: give the listener of an Application Load Balancer in vpc_id (${coalesce(var.vpc_id, "null")})."
  }
}

output "security_group_ids" {
  description = "fargate: security groups of the load balancer and of the containers. null in lambda mode."
  value = local.fargate ? {
    load_balancer = module.fargate[0].load_balancer_security_group_id
    containers    = module.fargate[0].container_security_group_id
  } : null
}

output "topic_arn" {
  description = "The topic of the changes."
  value       = aws_sns_topic.changes.arn
}

output "queue_prefix" {
  description = "What the names of the containers' queues begin with."
  value       = local.queue_prefix
}

output "failure_queue_url" {
  description = "The queue of what could not be relayed: `streamer failures list --queue-url …`."
  value       = aws_sqs_queue.failures.url
}

output "sentiment_table_name" {
  description = "The sentiment table, made or attached to."
  value       = local.sentiment_table.name
}

output "users_table_name" {
  description = "The table of users' configurations, made or attached to."
  value       = local.users_table.name
}

output "ticket_secret_arns" {
  description = "The secrets that seal tickets (their ARNs: no value is here or in the state)."
  value       = local.ticket_secret_arns
}

output "function_names" {
  description = "The functions: relay, rest, reaper and, in lambda mode, stream."
  value = {
    relay  = module.relay.name
    rest   = module.rest.name
    reaper = module.reaper.name
    stream = one(module.streaming_function[*].name)
  }
}

output "cluster_name" {
  description = "fargate: the ECS cluster. null in lambda mode."
  value       = one(module.fargate[*].cluster_name)
}

output "service_name" {
  description = "fargate: the ECS service. null in lambda mode and before the first image."
  value       = one(module.fargate[*].service_name)
}

output "alarm_names" {
  description = "The alarms; none without the variable alarms."
  value       = module.observability.alarm_names
}

output "container_policy" {
  description = "The rights of a container as JSON, for the role of containers that another orchestrator runs (docs/kubernetes.md)."
  value       = data.aws_iam_policy_document.container.json
}
