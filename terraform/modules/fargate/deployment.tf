# What ECS's circuit breaker does not see: containers that are healthy, since readiness waits 10 s at most for the table, and
# serve nothing; and requests that fail. Alarms of their own, without actions: those for the engineer on call know the
# service, which has to know these.

locals {
  deployment_alarms = {
    down = {
      namespace  = "SentimentStreamer"
      metric     = "mode_down"
      dimensions = { Deployment = var.name }
      over       = 0
      period     = 60
      periods    = 3 # a container is down for seconds at its start
      says       = "A container gets events neither from its queue nor from the table."
    }
    errors = {
      namespace  = "AWS/ApplicationELB"
      metric     = "HTTPCode_ELB_5XX_Count"
      dimensions = { LoadBalancer = local.load_balancer.arn_suffix }
      over       = 10
      period     = 300
      periods    = 1
      says       = "The load balancer answers 5xx itself."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "deployment" {
  for_each = { for name, alarm in local.deployment_alarms : name => alarm if try(var.deployment_alarms.own, false) && (var.metrics || name != "down") }

  alarm_name          = "${var.name}-deployment-${each.key}"
  alarm_description   = "Ends a deployment, and brings the previous one back. ${each.value.says}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = each.value.period
  evaluation_periods  = each.value.periods
  threshold           = each.value.over
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  tags                = var.tags
}
