# One of the two, by streamer_deployment. Both run the same image; without one (the first apply) there is no service yet.

locals {
  stream_function_name = "${var.name}-stream"

  stream_environment = merge(local.service_environment, {
    CHANGES_TOPIC_ARN = aws_sns_topic.changes.arn
    QUEUE_PREFIX      = local.queue_prefix
    TICKET_SECRET     = join(",", local.ticket_secret_arns)
    SSE_LIFETIME      = tostring(var.stream_lifetime)
  }, var.streamer_environment)
}

module "network" {
  source = "./modules/network"
  count  = local.fargate && var.vpc_id == null ? 1 : 0

  name   = var.name
  region = var.region
  cidr   = var.vpc_cidr
  tags   = local.tags
}

# Of a given VPC: the load balancer's addresses, from which X-Forwarded-For is believed.
data "aws_subnet" "load_balancer" {
  count = local.fargate && var.vpc_id != null ? length(var.public_subnet_ids) : 0

  id = var.public_subnet_ids[count.index]
}

locals {
  own_network         = local.fargate && var.vpc_id == null
  load_balancer_cidrs = local.own_network ? module.network[0].subnet_cidrs : data.aws_subnet.load_balancer[*].cidr_block
}

locals {
  # ECS fetches from the repository made here, or from the one of ECR that the image names.
  foreign_image   = try(regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([^:@]+)", var.streamer_image), null)
  repository_arns = distinct(concat([aws_ecr_repository.streamer.arn], local.foreign_image == null ? [] : ["arn:${local.partition}:ecr:${local.foreign_image[1]}:${local.foreign_image[0]}:repository/${local.foreign_image[2]}"]))
}

module "fargate" {
  source = "./modules/fargate"
  count  = local.fargate ? 1 : 0

  iam_path                 = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn

  name         = var.name
  region       = var.region
  image        = var.streamer_image
  architecture = var.architecture
  cpu          = var.cpu
  memory       = var.memory
  policy       = data.aws_iam_policy_document.container.json

  account_id      = local.account_id
  partition       = local.partition
  repository_arns = local.repository_arns

  vpc_id                = local.own_network ? module.network[0].vpc_id : var.vpc_id
  existing_cluster_name = var.existing_cluster_name
  existing_listener_arn = var.existing_listener_arn
  rule_priority         = var.listener_rule_priority
  domain_name           = var.domain_name
  rest_function         = { name = module.rest.name, arn = module.rest.arn }
  load_balancer_subnets = local.own_network ? module.network[0].subnet_ids : var.public_subnet_ids
  container_subnets     = local.own_network ? module.network[0].subnet_ids : length(var.container_subnet_ids) > 0 ? var.container_subnet_ids : var.public_subnet_ids
  container_public_ip   = coalesce(var.container_public_ip, local.own_network)
  internal              = var.internal
  allowed_cidrs         = var.allowed_cidrs
  certificate_arn       = var.certificate_arn
  web_acl_arn           = var.web_acl_arn
  tls_policy            = var.tls_policy
  access_log_bucket     = var.access_log_bucket
  deletion_protection   = var.deletion_protection

  desired_count      = var.desired_count
  autoscaling        = var.autoscaling
  deployment_alarms  = var.deployment_alarms
  metrics            = var.metrics
  ecs_exec           = var.ecs_exec
  stream_lifetime    = var.stream_lifetime
  drain_window       = var.drain_window
  tracing            = var.tracing && var.otlp_endpoint == null
  xray_daemon_image  = var.xray_daemon_image
  container_insights = var.container_insights
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn
  tags               = local.tags

  environment = merge(
    {
      AWS_REGION          = var.region
      AWS_DEFAULT_REGION  = var.region # the one that boto3 reads
      QUEUE_TAGS          = jsonencode(local.queue_tags)
      SSE_HOST            = "0.0.0.0"
      SSE_MAX_CONNECTIONS = tostring(var.max_streams)
      SSE_DRAIN_WINDOW    = tostring(var.drain_window)
      METRICS_TOKEN       = join(",", var.metrics_token_secret_arns)
      # Addresses come from the load balancer's X-Forwarded-For, and nothing else does: it passes on any X-User-ID, so it
      # must never be among TRUSTED_PROXIES.
      FORWARDING_PROXIES = join(",", concat(local.load_balancer_cidrs, var.forwarding_proxy_cidrs))
    },
    local.stream_environment,
    var.otlp_endpoint == null ? {} : { TRACING = "otlp", OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp_endpoint },
  )

  claim = aws_iam_role.schedules.arn

  # Containers end before the reaper runs, and before topic and rights go: see reaper.tf.
  after = [aws_lambda_invocation.end.id, aws_sns_topic_policy.changes.id, local.ticket_secret_arns]
}

resource "aws_route53_record" "domain" {
  count = local.fargate && var.zone_id != null ? 1 : 0

  zone_id = var.zone_id
  name    = var.domain_name
  type    = "A" # the load balancer has IPv4 addresses alone

  alias {
    name                   = module.fargate[0].load_balancer_name
    zone_id                = module.fargate[0].load_balancer_zone_id
    evaluate_target_health = false # there is one answer: none would be worse than a sick one
  }
}

module "streaming_function" {
  source = "./modules/lambda"
  count  = !local.fargate && var.streamer_image != null ? 1 : 0

  iam_path                 = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn

  name                 = local.stream_function_name
  description          = "Serves streams, one in each execution environment"
  account_id           = local.account_id
  image                = var.streamer_image
  image_entry_point    = ["streamer", "serve"]
  architecture         = var.architecture
  memory               = var.lambda_memory
  timeout              = 900 # Lambda's most: a stream ends by its own `closing` before it
  reserved_concurrency = var.lambda_max_streams
  policy               = data.aws_iam_policy_document.read.json
  tracing              = var.tracing
  log_retention_days   = var.log_retention_days
  kms_key_arn          = var.kms_key_arn
  tags                 = local.tags

  environment = merge(local.stream_environment, {
    SSE_HOST        = "0.0.0.0"
    SSE_INTAKE      = "poll" # a frozen environment cannot hold a queue
    SSE_WINDOW_FILL = "0"    # a stream is too short to read a day back
    # Lambda Web Adapter
    AWS_LWA_INVOKE_MODE                    = "response_stream"
    AWS_LWA_PORT                           = "8080"
    AWS_LWA_READINESS_CHECK_PATH           = "/health/ready"
    AWS_LWA_READINESS_CHECK_HEALTHY_STATUS = "200-299"
  })

  url = {
    auth_type   = var.stream_auth_type
    invoke_mode = "RESPONSE_STREAM"
  }

  after = [aws_ecr_repository_policy.streamer[*].id, local.ticket_secret_arns]
}
