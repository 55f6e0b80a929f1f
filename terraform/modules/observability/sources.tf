# Where a metric comes from: its namespace and its dimensions. Rows (rows.tf) and alarms (alarms.tf) name these.
locals {
  fargate = var.deployment == "fargate"
  lambda  = var.deployment == "lambda"
  own     = var.metrics_enabled

  sources = {
    own           = { namespace = "SentimentStreamer", dimensions = { Deployment = var.name } }
    relay         = { namespace = "AWS/Lambda", dimensions = { FunctionName = var.relay_function_name } }
    rest          = { namespace = "AWS/Lambda", dimensions = { FunctionName = var.rest_function_name } }
    streaming     = { namespace = "AWS/Lambda", dimensions = { FunctionName = var.streaming_function_name } }
    topic         = { namespace = "AWS/SNS", dimensions = { TopicName = var.topic_name } }
    failures      = { namespace = "AWS/SQS", dimensions = { QueueName = var.failure_queue_name } }
    table         = { namespace = "AWS/DynamoDB", dimensions = { TableName = var.sentiment_table_name } }
    index         = { namespace = "AWS/DynamoDB", dimensions = { TableName = var.sentiment_table_name, GlobalSecondaryIndexName = var.sentiment_index_name } }
    users         = { namespace = "AWS/DynamoDB", dimensions = { TableName = var.users_table_name } }
    load_balancer = { namespace = "AWS/ApplicationELB", dimensions = { LoadBalancer = var.load_balancer_arn_suffix } }
    targets       = { namespace = "AWS/ApplicationELB", dimensions = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = var.target_group_arn_suffix } }
    service       = { namespace = "AWS/ECS", dimensions = { ClusterName = var.cluster_name, ServiceName = var.service_name } }
    relay_log     = { namespace = "AWS/Logs", dimensions = { LogGroupName = "/aws/lambda/${var.relay_function_name}" } }
    streaming_log = { namespace = "AWS/Logs", dimensions = { LogGroupName = "/aws/lambda/${coalesce(var.streaming_function_name, "none")}" } }
    container_log = { namespace = "AWS/Logs", dimensions = { LogGroupName = var.streamer_log_group_name } }
  }
}
