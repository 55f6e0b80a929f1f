output "load_balancer_name" {
  description = "DNS name of the load balancer."
  value       = local.load_balancer.dns_name
}

output "load_balancer_zone_id" {
  description = "Its hosted zone, for an alias record."
  value       = local.load_balancer.zone_id
}

output "load_balancer_arn_suffix" {
  description = "The load balancer as CloudWatch names it."
  value       = local.load_balancer.arn_suffix
}

output "target_group_arn_suffix" {
  description = "The target group as CloudWatch names it."
  value       = aws_lb_target_group.streamer.arn_suffix
}

output "load_balancer_security_group_id" {
  description = "Security group of the load balancer; null of one that exists."
  value       = one(aws_security_group.load_balancer[*].id)
}

output "container_security_group_id" {
  description = "Security group of the containers."
  value       = aws_security_group.containers.id
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = local.cluster.name
}

output "service_name" {
  description = "The ECS service; null without an image."
  value       = one(aws_ecs_service.streamer[*].name)
}

output "log_group_name" {
  description = "Log group of the containers."
  value       = aws_cloudwatch_log_group.streamer.name
}

output "container_definitions" {
  description = "The task's containers as JSON; null without an image."
  value       = one(aws_ecs_task_definition.streamer[*].container_definitions)
}

output "deregistration_delay" {
  description = "Seconds for which the load balancer lets go of a container."
  value       = local.deregistration_delay
}

output "stop_timeout" {
  description = "Seconds that a container has between SIGTERM and SIGKILL."
  value       = local.stop_timeout
}

output "autoscaling_bounds" {
  description = "What autoscaling keeps to; null without."
  value = one([for i, scaled in aws_appautoscaling_target.streamer : {
    min    = scaled.min_capacity
    max    = scaled.max_capacity
    target = aws_appautoscaling_policy.open_streams[i].target_tracking_scaling_policy_configuration[0].target_value
    cpu    = aws_appautoscaling_policy.processor[i].target_tracking_scaling_policy_configuration[0].target_value
  }])
}

output "roles" {
  description = "Path and permissions boundary of the roles."
  value       = [for role in [aws_iam_role.task, aws_iam_role.execution] : { path = role.path, boundary = role.permissions_boundary }]
}

output "deployment_alarms" {
  description = "Alarms that end a deployment; null without, and without an image."
  value       = try(toset(aws_ecs_service.streamer[0].alarms[0].alarm_names), null)
}

output "exec" {
  description = "Whether shells may be opened in containers; null without an image."
  value       = one(aws_ecs_service.streamer[*].enable_execute_command)
}

output "web_acl_arn" {
  description = "The load balancer's web ACL; null: none."
  value       = one(aws_wafv2_web_acl_association.this[*].web_acl_arn)
}

output "https" {
  description = "Whether the listener speaks HTTPS."
  value       = local.load_balancer.https
}

output "paths" {
  description = "The listener's rules, in the order in which they are tried: where requests of which paths and methods go."
  value = [for rule in local.rules : {
    priority = local.priorities[rule.name]
    host     = local.hosts
    path     = rule.path
    methods  = rule.methods
    to       = rule.to
  }]
}

output "made" {
  description = "How many of what could exist already are made, and how many security groups may reach the containers."
  value = {
    clusters       = length(aws_ecs_cluster.this)
    load_balancers = length(aws_lb.this)
    listeners      = length(aws_lb_listener.http) + length(aws_lb_listener.https)
    ways_in        = length(aws_vpc_security_group_ingress_rule.containers) + length(aws_vpc_security_group_ingress_rule.containers_from_existing)
  }
}

output "existing_load_balancer" {
  description = "The load balancer that exists, and where it is; null if one is made."
  value       = one([for found in data.aws_lb.existing : { name = found.name, type = found.load_balancer_type, vpc_id = found.vpc_id }])
}
