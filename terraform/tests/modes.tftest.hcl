# Each mode: what is planned, and what is not.

# The provider is real, with keys that are none: a plan of what is made asks AWS nothing, but for the data sources that are
# overridden here. (A mocked provider would invent policies, and refuses configurations with `ephemeral`.)
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.network[0].data.aws_availability_zones.available
  values = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
}

override_data {
  target = data.aws_dynamodb_table.sentiment
  values = {
    arn              = "arn:aws:dynamodb:eu-west-1:111122223333:table/items"
    stream_arn       = "arn:aws:dynamodb:eu-west-1:111122223333:table/items/stream/2026-01-01T00:00:00.000"
    hash_key         = "source_id"
    range_key        = "timestamp"
    stream_enabled   = true
    stream_view_type = "NEW_AND_OLD_IMAGES"
    global_secondary_index = [{
      name      = "by_sentiment"
      hash_key  = "sentiment"
      range_key = "timestamp"

      projection_type    = "INCLUDE"
      non_key_attributes = ["matched_tickers", "ticker", "score", "confidence", "source", "updated_at", "headline"]
    }]
  }
}

override_data {
  target = data.aws_dynamodb_table.users
  values = {
    arn              = "arn:aws:dynamodb:eu-west-1:111122223333:table/users"
    stream_arn       = "arn:aws:dynamodb:eu-west-1:111122223333:table/users/stream/2026-01-01T00:00:00.000"
    hash_key         = "PK"
    range_key        = "SK"
    stream_enabled   = true
    stream_view_type = "NEW_AND_OLD_IMAGES"
  }
}

override_data {
  target = module.fargate[0].data.aws_lb_listener.existing
  values = { load_balancer_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shared/0a1b", protocol = "HTTPS" }
}

override_data {
  target = module.fargate[0].data.aws_lb.existing
  values = {
    name               = "shared"
    load_balancer_type = "application"
    vpc_id             = "vpc-0a1b"
    dns_name           = "shared-1.eu-west-1.elb.amazonaws.com"
    zone_id            = "Z32O12XQLNTSW2"
    arn_suffix         = "app/shared/0a1b"
    idle_timeout       = 300
    security_groups    = ["sg-0a", "sg-0b"]
  }
}

override_data {
  target = module.fargate[0].data.aws_ecs_cluster.existing
  values = { arn = "arn:aws:ecs:eu-west-1:111122223333:cluster/shared" }
}

override_data {
  target = data.aws_subnet.load_balancer
  values = { cidr_block = "10.0.0.0/24" }
}

# ARNs that are otherwise known after an apply only.
override_resource {
  target          = aws_sns_topic.changes
  override_during = plan
  values          = { arn = "arn:aws:sns:eu-west-1:111122223333:sentiment-changes" }
}

override_resource {
  target          = aws_sqs_queue.failures
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:111122223333:sentiment-relay-failures", url = "https://sqs.eu-west-1.amazonaws.com/111122223333/sentiment-relay-failures" }
}

variables {
  region             = "eu-west-1"
  certificate_arn    = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b" # without one a check warns
  relay_package      = "main.tf"                                             # a plan reads no more than its hash: any file will do
  rest_package       = "main.tf"
  ticket_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:ticket-AbCdEf"]
  streamer_image     = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sentiment-streamer:1.0.0"
}

run "fargate" {
  command = plan

  assert {
    condition     = length(module.fargate) == 1 && length(module.network) == 1 && length(module.streaming_function) == 0
    error_message = "fargate: a service in a network of its own, and no function for streams"
  }

  assert {
    condition     = module.rest.reserved_concurrency == 20 && module.relay.reserved_concurrency == 20
    error_message = "what anybody may call is bounded, so that the relay has what is left"
  }

  assert {
    condition     = output.service_name == "sentiment-streamer"
    error_message = "the service is planned"
  }

  assert {
    condition     = startswith(output.next_steps, "Nothing")
    error_message = "with an image nothing is left to do"
  }

  assert {
    condition     = module.fargate[0].deregistration_delay == 960 && module.fargate[0].stop_timeout == 45
    error_message = "a container is let go for a lifetime and a minute, and has the drain window and 25 s to stop"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.SSE_LIFETIME == "900" && { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.SSE_DRAIN_WINDOW == "20" && { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.SSE_MAX_CONNECTIONS == "100" && { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.SSE_KEEP_ALIVE == "75"
    error_message = "the service has the numbers that the load balancer and ECS have"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.FORWARDING_PROXIES == "10.42.0.0/21,10.42.8.0/21"
    error_message = "the load balancer's subnets say the client's address, whoever signs in"
  }

  assert {
    condition     = !contains(jsondecode(module.fargate[0].container_definitions)[0].environment[*].name, "TRUSTED_PROXIES")
    error_message = "no proxy is believed about users: anybody could send X-User-ID through the load balancer"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.IAM_SESSION_IS_USER == "false"
    error_message = "the name of a role's session is its caller's choice, and no user"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.QUEUE_PREFIX == "sentiment-stream" && { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.DEPLOYMENT_NAME == "sentiment" && { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.METRICS == "emf"
    error_message = "the names that the metrics and the rights have"
  }

  assert {
    condition     = jsondecode(module.fargate[0].container_definitions)[0].readonlyRootFilesystem && jsondecode(module.fargate[0].container_definitions)[0].user == "10001:10001"
    error_message = "the root is read-only and the user is not root"
  }

  assert {
    condition     = length(jsondecode(module.fargate[0].container_definitions)) == 1
    error_message = "no sidecar without tracing"
  }

  assert {
    condition     = length(aws_ecr_repository_policy.streamer) == 0
    error_message = "only Lambda needs a policy of the repository"
  }
}

run "what_an_organisation_asks_of_roles_and_queues" {
  command = plan

  variables {
    iam_path                 = "/teams/news/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    tags                     = { "cost centre" = "4.2", service = "news" }
  }

  assert {
    condition     = alltrue([for role in concat(module.relay.roles, module.rest.roles, module.reaper.roles, module.fargate[0].roles) : role == { path = "/teams/news/", boundary = "arn:aws:iam::111122223333:policy/boundary" }]) && aws_iam_role.schedules.path == "/teams/news/" && aws_iam_role.schedules.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary" && aws_iam_role.end.path == "/teams/news/" && aws_iam_role.end.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "every role has the path and the boundary"
  }

  assert {
    condition     = jsondecode({ for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.QUEUE_TAGS) == { "cost centre" = "4.2", deployment = "sentiment", managed-by = "terraform" }
    error_message = "containers give queues the deployment's tags, except where the service has its own"
  }

  assert {
    condition     = { for condition in one([for statement in data.aws_iam_policy_document.container.statement : statement if toset(statement.actions) == toset(["sqs:CreateQueue"])]).condition : condition.variable => toset(condition.values) } == { "aws:RequestTag/cost centre" = toset(["4.2"]), "aws:RequestTag/deployment" = toset(["sentiment"]), "aws:RequestTag/managed-by" = toset(["terraform"]) }
    error_message = "no queue is made without them"
  }

  assert {
    condition     = !anytrue([for statement in data.aws_iam_policy_document.container.statement : contains(statement.actions, "sqs:CreateQueue") && length(statement.condition) == 0])
    error_message = "and no other statement lets it"
  }

  expect_failures = [check.queue_tags]
}

run "fargate_first_apply" {
  command = plan

  variables {
    streamer_image = null
  }

  assert {
    condition     = output.service_name == null && output.scale_command == null
    error_message = "no service without an image"
  }

  assert {
    condition     = length(module.fargate) == 1
    error_message = "the load balancer is there before the image"
  }
}

run "fargate_with_prometheus_and_a_collector" {
  command = plan

  variables {
    tracing                   = true
    otlp_endpoint             = "http://collector.internal:4318"
    metrics_token_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:metrics-AbCdEf"]
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.TRACING == "otlp" && { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.OTEL_EXPORTER_OTLP_ENDPOINT == "http://collector.internal:4318"
    error_message = "containers send their traces to the collector"
  }

  assert {
    condition     = length(jsondecode(module.fargate[0].container_definitions)) == 1
    error_message = "X-Ray's daemon has nothing to do beside a collector"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.METRICS_TOKEN == "arn:aws:secretsmanager:eu-west-1:111122223333:secret:metrics-AbCdEf" && contains(local.secret_arns, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:metrics-AbCdEf")
    error_message = "the token is passed as an ARN, which the containers' role may read"
  }
}

run "fargate_with_https" {
  command = plan

  variables {
    certificate_arn     = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
    domain_name         = "stream.example.com"
    tracing             = true

    forwarding_proxy_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = output.dashboard_url == "https://stream.example.com/" && output.sse_base_url == "https://stream.example.com"
    error_message = "the URLs have the domain and https"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.FORWARDING_PROXIES == "10.42.0.0/21,10.42.8.0/21,203.0.113.0/24" && !contains(jsondecode(module.fargate[0].container_definitions)[0].environment[*].name, "TRUSTED_PROXIES")
    error_message = "load balancer and CDN say the client's address, and only the gateway's secret who a user is"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.GATEWAY_SECRET == "arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"
    error_message = "the secret is passed as an ARN"
  }

  assert {
    condition     = length(jsondecode(module.fargate[0].container_definitions)) == 2 && jsondecode(module.fargate[0].container_definitions)[1].name == "xray-daemon" && !jsondecode(module.fargate[0].container_definitions)[1].essential
    error_message = "tracing brings the daemon, whose end ends no stream"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.AWS_XRAY_DAEMON_ADDRESS == "127.0.0.1:2000" && { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.TRACING == "xray"
    error_message = "the service knows its daemon"
  }
}

run "fargate_in_a_given_vpc" {
  command = plan

  variables {
    vpc_id            = "vpc-0a1b"
    public_subnet_ids = ["subnet-1", "subnet-2"]
    autoscaling       = { min = 2, max = 6 }
  }

  assert {
    condition     = length(module.network) == 0
    error_message = "no network is made beside a given one"
  }

  assert {
    condition     = module.fargate[0].autoscaling_bounds == { min = 2, max = 6, target = 60, cpu = 70 }
    error_message = "autoscaling is planned as asked"
  }
}

run "one_host" {
  command = plan

  assert {
    condition = jsonencode(module.fargate[0].paths) == jsonencode([
      { priority = 100, host = [], path = "/api/v2/configurations/*/stream/tickets", methods = [], to = "streamer" },
      { priority = 101, host = [], path = "/api/v2/configurations*", methods = ["DELETE", "PATCH", "POST"], to = "rest" },
    ])
    error_message = "writes go to REST, tickets stay where streams are"
  }

  assert {
    condition     = module.network[0].gateway_endpoints == tolist(["com.amazonaws.eu-west-1.dynamodb", "com.amazonaws.eu-west-1.s3"])
    error_message = "queries and image layers leave the network through endpoints"
  }

  assert {
    condition     = module.fargate[0].deployment_alarms == null && !module.fargate[0].exec && module.fargate[0].web_acl_arn == null && length(aws_route53_record.domain) == 0
    error_message = "what is optional is off"
  }
}

run "fargate_with_everything_optional" {
  command = plan

  variables {
    domain_name       = "stream.example.com"
    zone_id           = "Z0123456789ABCDEFGHIJ"
    web_acl_arn       = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/front/0a1b-2c3d"
    ecs_exec          = true
    deployment_alarms = { names = ["orders-failing"] }
    operator_cidrs    = ["203.0.113.0/24", "2001:db8:1::/48"]
  }

  assert {
    condition     = aws_route53_record.domain[0].name == "stream.example.com" && aws_route53_record.domain[0].zone_id == "Z0123456789ABCDEFGHIJ" && aws_route53_record.domain[0].type == "A"
    error_message = "the domain is an alias of the load balancer"
  }

  assert {
    condition     = module.fargate[0].web_acl_arn == "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/front/0a1b-2c3d"
    error_message = "the load balancer has the web ACL"
  }

  assert {
    condition     = module.fargate[0].exec && !jsondecode(module.fargate[0].container_definitions)[0].readonlyRootFilesystem && jsondecode(module.fargate[0].container_definitions)[0].linuxParameters.initProcessEnabled && contains(data.aws_iam_policy_document.container.statement[*].sid, "OpenShells")
    error_message = "a shell can be opened: right, switch and a file system that its agent writes to"
  }

  assert {
    condition     = module.fargate[0].deployment_alarms == toset(["sentiment-deployment-down", "sentiment-deployment-errors", "orders-failing"])
    error_message = "three alarms take a deployment back"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.OPERATOR_NETWORKS == "203.0.113.0/24,2001:db8:1::/48" && module.rest.environment.OPERATOR_NETWORKS == "203.0.113.0/24,2001:db8:1::/48"
    error_message = "containers and REST know the operators' networks"
  }
}

run "deployment_alarms_without_metrics" {
  command = plan

  variables {
    metrics           = false
    deployment_alarms = {}
  }

  assert {
    condition     = module.fargate[0].deployment_alarms == toset(["sentiment-deployment-errors"])
    error_message = "no alarm watches a metric that nobody writes"
  }
}

run "existing_cluster_and_load_balancer" {
  command = plan

  variables {
    certificate_arn        = null
    vpc_id                 = "vpc-0a1b"
    public_subnet_ids      = ["subnet-1", "subnet-2"]
    existing_cluster_name  = "shared"
    existing_listener_arn  = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/0a1b/2c3d"
    listener_rule_priority = 7
    domain_name            = "stream.example.com"
    zone_id                = "Z0123456789ABCDEFGHIJ"
    gateway_secret_arns    = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
    autoscaling            = { min = 2, max = 6 }
  }

  assert {
    condition = jsonencode(module.fargate[0].paths) == jsonencode([
      { priority = 7, host = ["stream.example.com"], path = "/api/v2/configurations/*/stream/tickets", methods = [], to = "streamer" },
      { priority = 8, host = ["stream.example.com"], path = "/api/v2/configurations*", methods = ["DELETE", "PATCH", "POST"], to = "rest" },
      { priority = 9, host = ["stream.example.com"], path = "/*", methods = [], to = "streamer" },
    ])
    error_message = "three rules of the host"
  }

  assert {
    condition     = output.cluster_name == "shared" && output.load_balancer == { dns_name = "shared-1.eu-west-1.elb.amazonaws.com", zone_id = "Z32O12XQLNTSW2" } && output.dashboard_url == "https://stream.example.com/" && output.security_group_ids.load_balancer == null
    error_message = "cluster and load balancer are those that exist"
  }

  assert {
    condition     = { for pair in jsondecode(module.fargate[0].container_definitions)[0].environment : pair.name => pair.value }.SSE_KEEP_ALIVE == "315"
    error_message = "connections outlive the load balancer's idle timeout, whatever it is"
  }

  assert {
    condition     = module.fargate[0].made == { clusters = 0, load_balancers = 0, listeners = 0, ways_in = 2 }
    error_message = "none is made, and both groups of the load balancer may reach containers"
  }

  assert {
    condition     = aws_route53_record.domain[0].alias[0].name == "shared-1.eu-west-1.elb.amazonaws.com"
    error_message = "the record names it"
  }
}

run "load_balancer_of_another_network" {
  command = plan

  variables {
    certificate_arn       = null
    vpc_id                = "vpc-0c0d"
    public_subnet_ids     = ["subnet-1", "subnet-2"]
    existing_listener_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/0a1b/2c3d"
    domain_name           = "stream.example.com"
  }

  expect_failures = [output.load_balancer]
}

run "lambda" {
  command = plan

  variables {
    streamer_deployment = "lambda"
  }

  assert {
    condition     = length(module.fargate) == 0 && length(module.network) == 0 && length(module.streaming_function) == 1
    error_message = "lambda: a function and no service, load balancer or network"
  }

  assert {
    condition     = module.streaming_function[0].name == "sentiment-stream"
    error_message = "the function has the name that the repository's policy lets in"
  }

  assert {
    condition     = module.streaming_function[0].invoke_mode == "RESPONSE_STREAM" && module.rest.invoke_mode == "BUFFERED"
    error_message = "streams are streamed, REST is buffered"
  }

  assert {
    condition     = module.streaming_function[0].environment.SSE_INTAKE == "poll" && module.streaming_function[0].environment.SSE_WINDOW_FILL == "0"
    error_message = "streams poll, and read no day back"
  }

  assert {
    condition     = module.streaming_function[0].environment.AWS_LWA_INVOKE_MODE == "response_stream" && module.streaming_function[0].environment.AWS_LWA_READINESS_CHECK_HEALTHY_STATUS == "200-299"
    error_message = "the adapter streams, and takes no 4xx for ready"
  }

  assert {
    condition     = output.service_name == null && output.load_balancer == null && output.cluster_name == null
    error_message = "no outputs of what is not there"
  }
}

run "roles_in_lambda_mode" {
  command = plan

  variables {
    streamer_deployment      = "lambda"
    iam_path                 = "/teams/news/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  }

  assert {
    condition     = module.streaming_function[0].roles == [{ path = "/teams/news/", boundary = "arn:aws:iam::111122223333:policy/boundary" }]
    error_message = "the streaming function's role has the path and the boundary"
  }
}

run "lambda_first_apply" {
  command = plan

  variables {
    streamer_deployment = "lambda"
    streamer_image      = null
  }

  assert {
    condition     = length(module.streaming_function) == 0 && output.dashboard_url == null
    error_message = "no function without an image, and no URL"
  }
}

run "existing_tables" {
  command = plan

  variables {
    existing_sentiment_table = "items"
    existing_users_table     = "users"
  }

  assert {
    condition     = length(aws_dynamodb_table.sentiment) == 0 && length(aws_dynamodb_table.users) == 0
    error_message = "no table is made beside those that exist"
  }

  assert {
    condition     = { for name, mapping in aws_lambda_event_source_mapping.relay : name => mapping.event_source_arn } == { sentiment = "arn:aws:dynamodb:eu-west-1:111122223333:table/items/stream/2026-01-01T00:00:00.000", users = "arn:aws:dynamodb:eu-west-1:111122223333:table/users/stream/2026-01-01T00:00:00.000" }
    error_message = "the relay reads their streams"
  }
}

run "event_sources" {
  command = plan

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.relay : mapping.batch_size == 100 && mapping.maximum_batching_window_in_seconds == null && mapping.bisect_batch_on_function_error && mapping.maximum_record_age_in_seconds == 21600 && mapping.maximum_retry_attempts == -1 && mapping.starting_position == "LATEST" && contains(mapping.function_response_types, "ReportBatchItemFailures")])
    error_message = "the mappings have the settings of the design"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.relay : mapping.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.failures.arn])
    error_message = "what grows too old goes to the failure queue"
  }

  assert {
    condition     = module.relay.environment.FAILURE_QUEUE_URL == aws_sqs_queue.failures.url && aws_sqs_queue.failures.message_retention_seconds == 1209600
    error_message = "the relay's own failures go there too, for 14 days"
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.this["canary"].target[0].input) == { canary = true } && aws_scheduler_schedule.this["canary"].schedule_expression == "rate(1 minute)"
    error_message = "a canary a minute"
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.this["reaper"].target[0].input) == { prune = {} } && aws_scheduler_schedule.this["reaper"].schedule_expression == "rate(1 hour)"
    error_message = "the reaper each hour"
  }

  assert {
    condition     = aws_lambda_invocation.end.lifecycle_scope == "CRUD"
    error_message = "the reaper runs at destroy"
  }
}

run "tables" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.sentiment[0].hash_key == "source_id" && aws_dynamodb_table.sentiment[0].range_key == "timestamp" && aws_dynamodb_table.sentiment[0].stream_view_type == "NEW_AND_OLD_IMAGES" && aws_dynamodb_table.sentiment[0].billing_mode == "PAY_PER_REQUEST"
    error_message = "the sentiment table is as the design says"
  }

  assert {
    condition     = alltrue([for index in aws_dynamodb_table.sentiment[0].global_secondary_index : index.name == "by_sentiment" && index.projection_type == "INCLUDE" && toset(index.non_key_attributes) == toset(["matched_tickers", "ticker", "score", "confidence", "source", "updated_at", "ttl_timestamp"])])
    error_message = "the index holds what a client sees, and no more"
  }

  assert {
    condition     = aws_dynamodb_table.sentiment[0].ttl[0].attribute_name == "ttl_timestamp" && aws_dynamodb_table.sentiment[0].point_in_time_recovery[0].enabled && aws_dynamodb_table.sentiment[0].deletion_protection_enabled
    error_message = "it expires items, and can be recovered"
  }

  assert {
    condition     = aws_dynamodb_table.users[0].hash_key == "PK" && aws_dynamodb_table.users[0].range_key == "SK" && aws_dynamodb_table.users[0].stream_view_type == "NEW_AND_OLD_IMAGES"
    error_message = "the users table is as the design says"
  }
}
