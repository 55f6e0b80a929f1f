module "observability" {
  source = "./modules/observability"

  name       = var.name
  region     = var.region
  deployment = var.streamer_deployment
  account_id = local.account_id
  partition  = local.partition

  relay_function_name      = module.relay.name
  rest_function_name       = module.rest.name
  streaming_function_name  = local.fargate ? null : local.stream_function_name
  topic_name               = aws_sns_topic.changes.name
  sentiment_table_name     = local.sentiment_table.name
  sentiment_index_name     = local.sentiment_index
  users_table_name         = local.users_table.name
  failure_queue_name       = aws_sqs_queue.failures.name
  load_balancer_arn_suffix = one(module.fargate[*].load_balancer_arn_suffix)
  target_group_arn_suffix  = one(module.fargate[*].target_group_arn_suffix)
  cluster_name             = one(module.fargate[*].cluster_name)
  service_name             = one(module.fargate[*].service_name)
  streamer_log_group_name  = one(module.fargate[*].log_group_name)

  canary_interval_seconds = local.canary_interval_seconds
  alarms                  = var.alarms
  runbook                 = var.runbook_url
  metrics_enabled         = var.metrics
  tags                    = local.tags

  depends_on = [aws_iam_role.schedules] # whose name is taken once: see main.tf
}
