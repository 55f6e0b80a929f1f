output "load_balancer_name" {
  description = "DNS name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "load_balancer_zone_id" {
  description = "Its hosted zone, for an alias record."
  value       = aws_lb.this.zone_id
}

output "load_balancer_arn_suffix" {
  description = "The load balancer as CloudWatch names it."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "The target group as CloudWatch names it."
  value       = aws_lb_target_group.streamer.arn_suffix
}

output "load_balancer_security_group_id" {
  description = "Security group of the load balancer."
  value       = aws_security_group.load_balancer.id
}

output "container_security_group_id" {
  description = "Security group of the containers."
  value       = aws_security_group.containers.id
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = aws_ecs_cluster.this.name
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
  }])
}

output "roles" {
  description = "Path and permissions boundary of the roles."
  value       = [for role in [aws_iam_role.task, aws_iam_role.execution] : { path = role.path, boundary = role.permissions_boundary }]
}
