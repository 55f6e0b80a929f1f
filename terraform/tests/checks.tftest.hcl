# Warnings of a plan (checks.tf), and what is refused of tables that exist (tables.tf).

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
  certificate_arn    = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"
  region             = "eu-west-1"
  relay_package      = "main.tf" # a plan reads no more than its hash: any file will do
  rest_package       = "main.tf"
  ticket_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:ticket-AbCdEf"]
  streamer_image     = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sentiment-streamer:1.0.0"
}

run "https_with_a_gateway_warns_of_nothing" {
  command = plan

  variables {
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
    alarms              = { topic_arns = ["arn:aws:sns:eu-west-1:111122223333:on-call"] }
    tags                = { team = "news" }
  }
}

# A plan takes seconds, so each breaks what is independent of the others.
run "plain_http_and_what_is_told_of_alarms_tags_and_settings" {
  command = plan

  variables {
    certificate_arn      = null
    alarms               = { topic_arns = ["arn:aws:sns:us-east-1:111122223333:on-call"] }
    tags                 = { service = "news" }
    streamer_environment = { SSE_HEARTBEET_INTERVAL = "5" }
  }

  expect_failures = [check.plain_http, check.alarm_topics, check.queue_tags, check.settings]
}

run "gateway_secret_in_the_clear_and_alarms_of_a_class_in_another_region" {
  command = plan

  variables {
    certificate_arn     = null
    internal            = true
    vpc_id              = "vpc-0a1b"
    public_subnet_ids   = ["subnet-1", "subnet-2"]
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
    alarms              = { topic_arns = ["arn:aws:sns:eu-west-1:111122223333:on-call"], ticket_topic_arns = ["arn:aws:sns:us-east-1:111122223333:tickets"] }
  }

  expect_failures = [check.gateway_secret_without_certificate, check.alarm_topics]
}

run "plain_http_inside_a_network" {
  command = plan

  variables {
    certificate_arn   = null
    internal          = true
    vpc_id            = "vpc-0a1b"
    public_subnet_ids = ["subnet-1", "subnet-2"]
  }
}

run "lambda_has_https_of_its_own" {
  command = plan

  variables {
    streamer_deployment = "lambda"
    certificate_arn     = null
    gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
  }
}

run "index_with_all_attributes" {
  command = plan

  plan_options {
    target = [data.aws_dynamodb_table.sentiment]
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

        projection_type = "ALL"
      }]
    }
  }

  variables {
    existing_sentiment_table = "items"
  }
}

run "index_with_keys_only" {
  command = plan

  plan_options {
    target = [data.aws_dynamodb_table.sentiment]
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

        projection_type = "KEYS_ONLY"
      }]
    }
  }

  variables {
    existing_sentiment_table = "items"
  }

  expect_failures = [data.aws_dynamodb_table.sentiment]
}

run "index_that_lacks_an_attribute" {
  command = plan

  plan_options {
    target = [data.aws_dynamodb_table.sentiment]
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
        non_key_attributes = ["matched_tickers", "ticker", "score", "confidence", "source"]
      }]
    }
  }

  variables {
    existing_sentiment_table = "items"
  }

  expect_failures = [data.aws_dynamodb_table.sentiment]
}

run "stream_of_keys" {
  command = plan

  plan_options {
    target = [data.aws_dynamodb_table.sentiment]
  }

  override_data {
    target = data.aws_dynamodb_table.sentiment
    values = {
      arn              = "arn:aws:dynamodb:eu-west-1:111122223333:table/items"
      stream_arn       = "arn:aws:dynamodb:eu-west-1:111122223333:table/items/stream/2026-01-01T00:00:00.000"
      hash_key         = "source_id"
      range_key        = "timestamp"
      stream_enabled   = true
      stream_view_type = "KEYS_ONLY"
      global_secondary_index = [{
        name      = "by_sentiment"
        hash_key  = "sentiment"
        range_key = "timestamp"

        projection_type = "ALL"
      }]
    }
  }

  variables {
    existing_sentiment_table = "items"
  }

  expect_failures = [data.aws_dynamodb_table.sentiment]
}

run "no_stream" {
  command = plan

  plan_options {
    target = [data.aws_dynamodb_table.sentiment]
  }

  override_data {
    target = data.aws_dynamodb_table.sentiment
    values = {
      arn              = "arn:aws:dynamodb:eu-west-1:111122223333:table/items"
      stream_arn       = "arn:aws:dynamodb:eu-west-1:111122223333:table/items/stream/2026-01-01T00:00:00.000"
      hash_key         = "source_id"
      range_key        = "timestamp"
      stream_enabled   = false
      stream_view_type = ""
      global_secondary_index = [{
        name      = "by_sentiment"
        hash_key  = "sentiment"
        range_key = "timestamp"

        projection_type = "ALL"
      }]
    }
  }

  variables {
    existing_sentiment_table = "items"
  }

  expect_failures = [data.aws_dynamodb_table.sentiment]
}
