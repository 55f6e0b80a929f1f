# Two targets: the average of open streams a container, from the service's own metric, and its processor, since few streams
# with many events are work, too. The larger answer counts. Scaling in is slow on purpose: a container that
# goes takes a lifetime to let go of its streams, and meanwhile the average already counts the others.

resource "aws_appautoscaling_target" "streamer" {
  count = var.autoscaling == null || var.image == null ? 0 : 1

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${local.cluster.name}/${aws_ecs_service.streamer[0].name}"
  min_capacity       = var.autoscaling.min
  max_capacity       = var.autoscaling.max
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "open_streams" {
  count = var.autoscaling == null || var.image == null ? 0 : 1

  name               = "${var.name}-open-streams"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.streamer[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.streamer[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.streamer[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.autoscaling.target_streams
    scale_out_cooldown = 60
    scale_in_cooldown  = var.stream_lifetime

    customized_metric_specification {
      namespace   = "SentimentStreamer"
      metric_name = "streams_open"
      statistic   = "Average"

      dimensions {
        name  = "Deployment"
        value = var.name
      }
    }
  }
}

resource "aws_appautoscaling_policy" "processor" {
  count = var.autoscaling == null || var.image == null ? 0 : 1

  name               = "${var.name}-processor"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.streamer[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.streamer[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.streamer[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.autoscaling.target_cpu
    scale_out_cooldown = 60
    scale_in_cooldown  = var.stream_lifetime

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
