# Each rule of variables.tf refuses what breaks it: a run for each. What is planned is tests/variables, a configuration of
# these variables and nothing else, so that a run takes no time.

variables {
  region = "eu-west-1"
}

run "defaults_are_right" {
  command = plan

  module {
    source = "./tests/variables"
  }
}

run "region_not_a_code" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    region = "Ireland"
  }

  expect_failures = [var.region]
}

run "name_too_long" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    name = "a-name-of-more-than-20"
  }

  expect_failures = [var.name]
}

run "name_upper_case" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    name = "Sentiment"
  }

  expect_failures = [var.name]
}

run "name_double_hyphen" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    name = "two--hyphens"
  }

  expect_failures = [var.name]
}

run "name_internal" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    name = "internal-x"
  }

  expect_failures = [var.name]
}

run "image_without_tag" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_image = "registry.example.com/sentiment-streamer"
  }

  expect_failures = [var.streamer_image]
}

run "image_for_lambda_not_in_ecr" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_deployment = "lambda"
    streamer_image      = "docker.io/me/streamer:1"
  }

  expect_failures = [var.streamer_image]
}

run "deployment_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_deployment = "ec2"
  }

  expect_failures = [var.streamer_deployment]
}

run "certificate_no_arn" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    certificate_arn = "example.com"
  }

  expect_failures = [var.certificate_arn]
}

run "gateway_secret_as_a_value" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    gateway_secret_arns = ["correct horse battery"]
  }

  expect_failures = [var.gateway_secret_arns]
}

run "gateway_secret_over_plain_http" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
  }

  expect_failures = [var.gateway_secret_arns]
}

run "gateway_secret_over_https" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
    certificate_arn     = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"
  }
}

run "gateway_secret_behind_an_internal_load_balancer" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
    internal            = true
    vpc_id              = "vpc-0123456789abcdef0"
    public_subnet_ids   = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  }
}

run "gateway_secret_of_functions_which_have_https" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
    streamer_deployment = "lambda"
  }
}

run "everybody_forwards" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    forwarding_proxy_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.forwarding_proxy_cidrs]
}

run "sentiment_table_by_arn" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_sentiment_table = "arn:aws:dynamodb:eu-west-1:111122223333:table/items"
  }

  expect_failures = [var.existing_sentiment_table]
}

run "users_table_by_arn" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_users_table = "arn:aws:dynamodb:eu-west-1:111122223333:table/users"
  }

  expect_failures = [var.existing_users_table]
}

run "one_table_for_both" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_sentiment_table = "items"
    existing_users_table     = "items"
  }

  expect_failures = [var.existing_users_table]
}

run "table_key_by_alias" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    table_kms_key_arns = ["arn:aws:kms:eu-west-1:111122223333:alias/mine"]
  }

  expect_failures = [var.table_kms_key_arns]
}

run "ticket_secret_as_a_value" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    ticket_secret_arns = ["correct horse battery"]
  }

  expect_failures = [var.ticket_secret_arns]
}

run "secret_key_by_alias" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    secret_kms_key_arns = ["alias/mine"]
  }

  expect_failures = [var.secret_kms_key_arns]
}

run "key_by_alias" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    kms_key_arn = "alias/mine"
  }

  expect_failures = [var.kms_key_arn]
}

run "vpc_no_id" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_id            = "production"
    public_subnet_ids = ["subnet-1", "subnet-2"]
  }

  expect_failures = [var.vpc_id]
}

run "vpc_without_subnets" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_id = "vpc-0a1b"
  }

  expect_failures = [var.public_subnet_ids]
}

run "subnets_without_vpc" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    public_subnet_ids = ["subnet-1", "subnet-2"]
  }

  expect_failures = [var.public_subnet_ids]
}

run "one_subnet" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_id            = "vpc-0a1b"
    public_subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.public_subnet_ids]
}

run "container_subnets_without_vpc" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    container_subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.container_subnet_ids]
}

run "vpc_too_small" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_cidr = "10.0.0.0/28"
  }

  expect_failures = [var.vpc_cidr]
}

run "internal_without_vpc" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    internal = true
  }

  expect_failures = [var.internal]
}

run "nobody_allowed" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    allowed_cidrs = []
  }

  expect_failures = [var.allowed_cidrs]
}

run "allowed_no_network" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    allowed_cidrs = ["203.0.113.7"]
  }

  expect_failures = [var.allowed_cidrs]
}

run "domain_as_url" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    domain_name = "https://stream.example.com/"
  }

  expect_failures = [var.domain_name]
}

run "tls_policy_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    tls_policy = "TLSv1.2"
  }

  expect_failures = [var.tls_policy]
}

run "no_containers" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    desired_count = 0
  }

  expect_failures = [var.desired_count]
}

run "autoscaling_upside_down" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    autoscaling = { min = 4, max = 2 }
  }

  expect_failures = [var.autoscaling]
}

run "autoscaling_beyond_full" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    autoscaling = { min = 1, max = 2, target_streams = 100 }
  }

  expect_failures = [var.autoscaling]
}

run "autoscaling_without_metrics" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    autoscaling = { min = 1, max = 2 }
    metrics     = false
  }

  expect_failures = [var.autoscaling]
}

run "cpu_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    cpu = 300
  }

  expect_failures = [var.cpu]
}

run "memory_does_not_fit_cpu" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    cpu    = 1024
    memory = 512
  }

  expect_failures = [var.memory]
}

run "architecture_in_dockers_words" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    architecture = "amd64"
  }

  expect_failures = [var.architecture]
}

run "max_streams_fraction" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    max_streams = 0.5
  }

  expect_failures = [var.max_streams]
}

run "lifetime_too_short" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    stream_lifetime = 30
  }

  expect_failures = [var.stream_lifetime]
}

run "lifetime_beyond_lambda" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_deployment = "lambda"
    stream_lifetime     = 1800
  }

  expect_failures = [var.stream_lifetime]
}

run "drain_beyond_ecs" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    drain_window = 100
  }

  expect_failures = [var.drain_window]
}

run "insights_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    container_insights = "yes"
  }

  expect_failures = [var.container_insights]
}

run "no_streams_in_lambda" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    lambda_max_streams = 0
  }

  expect_failures = [var.lambda_max_streams]
}

run "too_little_memory_in_lambda" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    lambda_memory = 128
  }

  expect_failures = [var.lambda_memory]
}

run "stream_auth_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    stream_auth_type = "JWT"
  }

  expect_failures = [var.stream_auth_type]
}

run "rest_auth_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    rest_auth_type = "JWT"
  }

  expect_failures = [var.rest_auth_type]
}

run "rest_never" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    rest_max_concurrency = 0
  }

  expect_failures = [var.rest_max_concurrency]
}

run "relay_starved" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    relay_reserved_concurrency = 1
  }

  expect_failures = [var.relay_reserved_concurrency]
}

run "origin_with_path" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    cors_origins = ["https://app.example.com/page"]
  }

  expect_failures = [var.cors_origins]
}

run "log_level_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    log_level = "TRACE"
  }

  expect_failures = [var.log_level]
}

run "setting_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { SENTIMENT_TABLE = "other" }
  }

  expect_failures = [var.streamer_environment]
}

run "setting_with_a_variable" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { SSE_LIFETIME = "60" }
  }

  expect_failures = [var.streamer_environment]
}

run "a_runbook_without_https" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    runbook_url = "http://wiki.example.com/operations"
  }

  expect_failures = [var.runbook_url]
}

run "a_runbook_with_a_fragment" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    runbook_url = "https://wiki.example.com/operations#alarms"
  }

  expect_failures = [var.runbook_url]
}

run "pages_alone" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    alarms = { page_topic_arns = ["arn:aws:sns:eu-west-1:111122223333:page"] }
  }

  expect_failures = [var.alarms]
}

run "a_token_in_place_of_its_arn" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    metrics_token_secret_arns = ["hunter2hunter2hunter2"]
  }

  expect_failures = [var.metrics_token_secret_arns]
}

run "a_collector_without_an_address" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    otlp_endpoint = "collector:4318"
  }

  expect_failures = [var.otlp_endpoint]
}

run "a_collector_of_a_function" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_deployment = "lambda"
    otlp_endpoint       = "http://collector.internal:4318"
  }

  expect_failures = [var.otlp_endpoint]
}

run "alarms_to_no_topic" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    alarms = { topic_arns = ["me@example.com"] }
  }

  expect_failures = [var.alarms]
}

run "retention_unknown" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "tags_of_our_own" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { deployment = "mine" }
  }

  expect_failures = [var.tags]
}

run "tags_that_no_queue_takes" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { team = "news;sport" }
  }

  expect_failures = [var.tags]
}

run "log_level_of_the_relay_alone" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    log_level = "CRITICAL"
  }

  expect_failures = [var.log_level]
}

run "boundary_no_policy" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "iam_path_without_slashes" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    iam_path = "teams/news"
  }

  expect_failures = [var.iam_path]
}

run "certificate_of_another_region" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b"
  }

  expect_failures = [var.certificate_arn]
}

run "certificate_of_iam_has_no_region" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    certificate_arn = "arn:aws:iam::111122223333:server-certificate/stream"
  }
}

run "gateway_secret_twice" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    certificate_arn     = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
  }

  expect_failures = [var.gateway_secret_arns]
}

run "proxies_with_host_bits" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    forwarding_proxy_cidrs = ["203.0.113.7/24"]
  }

  expect_failures = [var.forwarding_proxy_cidrs]
}

run "proxies_of_both_kinds" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    forwarding_proxy_cidrs = ["203.0.113.0/24", "2001:DB8::/32"]
  }
}

run "bucket_an_arn" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    access_log_bucket = "arn:aws:s3:::logs"
  }

  expect_failures = [var.access_log_bucket]
}

run "bucket_in_capitals" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    access_log_bucket = "Logs"
  }

  expect_failures = [var.access_log_bucket]
}

run "bucket_with_two_dots" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    access_log_bucket = "my..logs"
  }

  expect_failures = [var.access_log_bucket]
}

run "bucket_like_an_address" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    access_log_bucket = "192.0.2.1"
  }

  expect_failures = [var.access_log_bucket]
}

run "settings_in_bounds" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { SSE_PROOF_MARGIN = "0", SSE_HEARTBEAT_INTERVAL = "0.5", SSE_MAX_PER_ADDRESS = "40", TICKET_LIFETIME = "86400", SSE_READY_AFTER = "", TRUSTED_PROXIES = "10.0.0.0/8, 127.0.0.1,fd00::/8" }
  }
}

run "setting_no_number" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { SSE_HEARTBEAT_INTERVAL = "often" }
  }

  expect_failures = [var.streamer_environment]
}

run "setting_zero_that_must_be_more" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { SSE_HEARTBEAT_INTERVAL = "0" }
  }

  expect_failures = [var.streamer_environment]
}

run "setting_below_its_bound" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { SSE_LOOKBACK = "149" }
  }

  expect_failures = [var.streamer_environment]
}

run "setting_above_its_bound" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { METRICS_INTERVAL = "61" }
  }

  expect_failures = [var.streamer_environment]
}

run "setting_half_a_stream" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { SSE_MAX_PER_ADDRESS = "1.5" }
  }

  expect_failures = [var.streamer_environment]
}

run "setting_network_with_host_bits" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { TRUSTED_PROXIES = "10.0.0.1/8" }
  }

  expect_failures = [var.streamer_environment]
}

run "setting_network_of_all" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    streamer_environment = { TRUSTED_PROXIES = "10.0.0.0/8,0.0.0.0/0" }
  }

  expect_failures = [var.streamer_environment]
}

run "zone_a_name" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    zone_id     = "example.com"
    domain_name = "stream.example.com"
  }

  expect_failures = [var.zone_id]
}

run "zone_without_a_name" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    zone_id = "Z0123456789ABCDEFGHIJ"
  }

  expect_failures = [var.zone_id]
}

run "zone_in_lambda_mode" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    zone_id             = "Z0123456789ABCDEFGHIJ"
    domain_name         = "stream.example.com"
    streamer_deployment = "lambda"
  }

  expect_failures = [var.zone_id]
}

run "web_acl_of_cloudfront" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    web_acl_arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/front/0a1b"
  }

  expect_failures = [var.web_acl_arn]
}

run "web_acl_in_lambda_mode" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    web_acl_arn         = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/front/0a1b"
    streamer_deployment = "lambda"
  }

  expect_failures = [var.web_acl_arn]
}

run "autoscaling_at_no_processor" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    autoscaling = { min = 2, max = 6, target_cpu = 5 }
  }

  expect_failures = [var.autoscaling]
}

run "deployment_alarms_that_are_none" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    deployment_alarms = { own = false }
  }

  expect_failures = [var.deployment_alarms]
}

run "listener_an_arn_of_something_else" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_id                = "vpc-0a1b"
    public_subnet_ids     = ["subnet-1", "subnet-2"]
    domain_name           = "stream.example.com"
    existing_listener_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shared/0a1b"
  }

  expect_failures = [var.existing_listener_arn]
}

run "listener_of_another_region" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_id                = "vpc-0a1b"
    public_subnet_ids     = ["subnet-1", "subnet-2"]
    domain_name           = "stream.example.com"
    existing_listener_arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/shared/0a1b/2c3d"
  }

  expect_failures = [var.existing_listener_arn]
}

run "listener_without_its_network" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_listener_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/0a1b/2c3d"
    domain_name           = "stream.example.com"
  }

  expect_failures = [var.existing_listener_arn]
}

run "listener_and_a_certificate" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_id                = "vpc-0a1b"
    public_subnet_ids     = ["subnet-1", "subnet-2"]
    domain_name           = "stream.example.com"
    existing_listener_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/0a1b/2c3d"
    certificate_arn       = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"
  }

  expect_failures = [var.existing_listener_arn]
}

run "rule_before_the_first" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    listener_rule_priority = 0
  }

  expect_failures = [var.listener_rule_priority]
}

run "cluster_an_arn" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_cluster_name = "arn:aws:ecs:eu-west-1:111122223333:cluster/shared"
  }

  expect_failures = [var.existing_cluster_name]
}

run "operators_nobody" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    operator_cidrs = []
  }

  expect_failures = [var.operator_cidrs]
}

run "operators_everybody" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.operator_cidrs]
}

run "operators_with_host_bits" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    operator_cidrs = ["203.0.113.7/24"]
  }

  expect_failures = [var.operator_cidrs]
}
