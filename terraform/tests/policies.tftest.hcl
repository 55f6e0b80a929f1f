# What the roles may do where a deployment has no gateway, or keys of its own. What they may do otherwise is read back from an
# applied deployment (tests/terraform/test_apply.py).

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
  region                   = "eu-west-1"
  relay_package            = "main.tf" # a plan reads no more than its hash: any file will do
  rest_package             = "main.tf"
  existing_sentiment_table = "items"
  existing_users_table     = "users"
  certificate_arn          = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"
  gateway_secret_arns      = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
  ticket_secret_arns       = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:ticket-AbCdEf"]
}

run "rest_without_a_gateway" {
  command = plan

  variables {
    gateway_secret_arns = []
    secret_kms_key_arns = ["arn:aws:kms:eu-west-1:111122223333:key/secrets"]
  }

  assert {
    condition     = toset(data.aws_iam_policy_document.rest.statement[*].sid) == toset(["WriteConfigurations"])
    error_message = "no secret and no key"
  }
}

run "customer_keys" {
  command = plan

  variables {
    table_kms_key_arns  = ["arn:aws:kms:eu-west-1:111122223333:key/tables"]
    secret_kms_key_arns = ["arn:aws:kms:eu-west-1:111122223333:key/secrets"]
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.tables.statement : statement if statement.sid == "DecryptTables"]).actions) == toset(["kms:Decrypt"]) && toset(one([for statement in data.aws_iam_policy_document.tables.statement : statement if statement.sid == "DecryptTables"]).resources) == toset(["arn:aws:kms:eu-west-1:111122223333:key/tables"])
    error_message = "the tables' key, to decrypt"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.read.statement : statement if statement.sid == "DecryptSecrets"]).actions) == toset(["kms:Decrypt"]) && toset(one([for statement in data.aws_iam_policy_document.read.statement : statement if statement.sid == "DecryptSecrets"]).resources) == toset(["arn:aws:kms:eu-west-1:111122223333:key/secrets"])
    error_message = "the secrets' key, to decrypt"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.rest.statement : statement if statement.sid == "DecryptGatewaySecret"]).actions) == toset(["kms:Decrypt"]) && toset(one([for statement in data.aws_iam_policy_document.rest.statement : statement if statement.sid == "DecryptGatewaySecret"]).resources) == toset(["arn:aws:kms:eu-west-1:111122223333:key/secrets"])
    error_message = "REST has the secrets' key for the gateway's secret"
  }

  assert {
    condition     = alltrue([for statement in concat(data.aws_iam_policy_document.tables.statement, data.aws_iam_policy_document.read.statement, data.aws_iam_policy_document.rest.statement, data.aws_iam_policy_document.relay.statement) : anytrue([for condition in statement.condition : condition.variable == "kms:ViaService"]) if anytrue([for action in statement.actions : startswith(action, "kms:")])])
    error_message = "a key is used through the service whose data it is of"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "DecryptTables"]).actions) == toset(["kms:Decrypt"]) && toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "DecryptTables"]).resources) == toset(["arn:aws:kms:eu-west-1:111122223333:key/tables"])
    error_message = "the relay reads streams under the tables' key"
  }
}

run "one_key_for_all" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/all"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "EncryptMessages"]).actions) == toset(["kms:Decrypt", "kms:GenerateDataKey"]) && toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "EncryptMessages"]).resources) == toset(["arn:aws:kms:eu-west-1:111122223333:key/all"])
    error_message = "the relay publishes to a topic and a queue under the key"
  }

  assert {
    condition     = alltrue([for statement in concat(data.aws_iam_policy_document.relay.statement, data.aws_iam_policy_document.schedules.statement) : anytrue([for condition in statement.condition : condition.variable == "kms:ViaService"]) if anytrue([for action in statement.actions : startswith(action, "kms:")])])
    error_message = "a key is used through the service whose data it is of"
  }

  assert {
    condition     = alltrue([for function in [module.relay, module.rest, module.reaper] : toset(function.conditions["DecryptEnvironment"]["kms:ViaService"]) == toset(["lambda.*"])])
    error_message = "functions decrypt their environment through Lambda"
  }

  assert {
    condition     = aws_sns_topic.changes.kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/all" && aws_sqs_queue.failures.kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/all"
    error_message = "topic and failure queue have it"
  }
}
