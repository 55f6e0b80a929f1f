# Containers behind a load balancer: main.tf has the service, load_balancer.tf what is in front of it, paths.tf which requests
# go elsewhere, roles.tf its rights, autoscaling.tf how many there are, deployment.tf what takes a deployment back.

locals {
  # ECS sends SIGTERM only after the load balancer has let go of a container: with less than a lifetime, it would cut
  # streams that the container has not even been told to end.
  deregistration_delay = var.stream_lifetime + 60
  # The window for goodbyes, then at most one long poll (10 s), unsubscribing, deleting the queue, and a margin.
  stop_timeout = var.drain_window + 25
  # Whole minutes that ECS takes to replace or to end containers; Terraform waits for the end at a destroy.
  end_minutes = ceil((local.deregistration_delay + local.stop_timeout) / 60) + 15

  port = 8080
}

resource "aws_ecs_cluster" "this" {
  count = var.existing_cluster_name == null ? 1 : 0

  name = var.name
  tags = var.tags

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  depends_on = [var.claim] # a cluster, a load balancer or a target group of the same name is adopted, not refused
}

data "aws_ecs_cluster" "existing" {
  count = var.existing_cluster_name == null ? 0 : 1

  cluster_name = var.existing_cluster_name
}

locals {
  cluster = var.existing_cluster_name == null ? {
    name = aws_ecs_cluster.this[0].name
    arn  = aws_ecs_cluster.this[0].arn
    } : {
    name = var.existing_cluster_name
    arn  = data.aws_ecs_cluster.existing[0].arn
  }
}

resource "aws_ecs_service" "streamer" {
  count = var.image == null ? 0 : 1

  name             = "${var.name}-streamer"
  cluster          = local.cluster.arn
  task_definition  = aws_ecs_task_definition.streamer[0].arn
  desired_count    = var.desired_count
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"
  tags             = var.tags

  # New containers first: nobody is turned away while streams move over.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  # Rebalancing between zones would stop healthy containers, and every stream in them.
  availability_zone_rebalancing     = "DISABLED"
  health_check_grace_period_seconds = 60

  # An image that does not get healthy is taken back by itself. The next plan then shows the difference.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # So is one that an alarm ends.
  dynamic "alarms" {
    for_each = var.deployment_alarms[*]
    content {
      enable      = true
      rollback    = true
      alarm_names = concat([for alarm in aws_cloudwatch_metric_alarm.deployment : alarm.alarm_name], alarms.value.names)
    }
  }

  enable_execute_command = var.ecs_exec

  network_configuration {
    subnets          = var.container_subnets
    security_groups  = [aws_security_group.containers.id]
    assign_public_ip = var.container_public_ip
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.streamer.arn
    container_name   = "streamer"
    container_port   = local.port
  }

  # A deployment takes a stream's lifetime, so Terraform does not wait for it (wait_for_steady_state); it does wait for
  # the end of the containers at a destroy, so that their rights are there until they have deleted their queues.
  timeouts {
    delete = "${local.end_minutes}m"
  }

  lifecycle {
    # How many there are is autoscaling's, or the engineer on call's. The other two never change; emulators keep
    # neither, and every plan would show them.
    ignore_changes = [desired_count, availability_zone_rebalancing, health_check_grace_period_seconds]
  }

  depends_on = [
    aws_lb_listener.http,
    aws_lb_listener.https,
    aws_lb_listener_rule.streams,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_vpc_security_group_egress_rule.containers_to_aws,
    aws_vpc_security_group_ingress_rule.containers,
    aws_vpc_security_group_ingress_rule.containers_from_existing,
    aws_vpc_security_group_egress_rule.load_balancer,
    var.after,
  ]
}

resource "aws_ecs_task_definition" "streamer" {
  count = var.image == null ? 0 : 1

  family                   = "${var.name}-streamer"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode(concat([local.streamer], var.tracing ? [local.xray_daemon] : []))
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }
}

locals {
  streamer = merge(local.container, var.ecs_exec ? { linuxParameters = { initProcessEnabled = true } } : {}) # it reaps what shells leave

  container = {
    name                   = "streamer"
    image                  = var.image
    essential              = true
    user                   = "10001:10001"
    privileged             = false
    readonlyRootFilesystem = !var.ecs_exec
    stopTimeout            = local.stop_timeout
    portMappings           = [{ containerPort = local.port, hostPort = local.port, protocol = "tcp" }]
    # Each stream is an open file.
    ulimits = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
    environment = [for key, value in merge(var.environment, { SSE_KEEP_ALIVE = tostring(local.keep_alive) }, var.tracing ? { AWS_XRAY_DAEMON_ADDRESS = "127.0.0.1:2000" } : {}) :
      { name = key, value = value }
    ]
    logConfiguration = local.logs["streamer"]
    mountPoints      = []
    volumesFrom      = []
    systemControls   = []
  }

  xray_daemon = {
    name                   = "xray-daemon"
    image                  = var.xray_daemon_image
    essential              = false # no traces are no reason to end streams
    cpu                    = 32
    memoryReservation      = 64
    privileged             = false
    readonlyRootFilesystem = true
    portMappings           = [{ containerPort = 2000, hostPort = 2000, protocol = "udp" }]
    logConfiguration       = local.logs["xray-daemon"]
    environment            = []
    mountPoints            = []
    volumesFrom            = []
    systemControls         = []
  }

  # Non-blocking: a container whose log cannot be written goes on serving.
  logs = { for container in ["streamer", "xray-daemon"] : container => {
    logDriver = "awslogs"
    options = {
      awslogs-group         = aws_cloudwatch_log_group.streamer.name
      awslogs-region        = var.region
      awslogs-stream-prefix = container
      mode                  = "non-blocking"
      max-buffer-size       = "25m"
    }
  } }
}

resource "aws_cloudwatch_log_group" "streamer" {
  name              = "/ecs/${var.name}-streamer"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}
