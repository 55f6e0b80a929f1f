# What the roles may do: each statement, with the names that a plan gives.

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

run "reading" {
  command = plan

  assert {
    condition     = toset(concat(data.aws_iam_policy_document.tables.statement[*].sid, data.aws_iam_policy_document.read.statement[*].sid)) == toset(["QuerySentiment", "ReadSentiment", "ReadConfigurations", "ReadSecrets"])
    error_message = "no statement that is not looked at here"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.tables.statement : statement if statement.sid == "QuerySentiment"]).actions) == toset(["dynamodb:Query"]) && toset(one([for statement in data.aws_iam_policy_document.tables.statement : statement if statement.sid == "QuerySentiment"]).resources) == toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/items/index/by_sentiment"])
    error_message = "the index is queried, never the table, and nothing is scanned"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.read.statement : statement if statement.sid == "ReadSentiment"]).actions) == toset(["dynamodb:BatchGetItem"]) && toset(one([for statement in data.aws_iam_policy_document.read.statement : statement if statement.sid == "ReadSentiment"]).resources) == toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/items"])
    error_message = "items are read again by key"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.tables.statement : statement if statement.sid == "ReadConfigurations"]).actions) == toset(["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]) && toset(one([for statement in data.aws_iam_policy_document.tables.statement : statement if statement.sid == "ReadConfigurations"]).resources) == toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/users"])
    error_message = "configurations are only read"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.read.statement : statement if statement.sid == "ReadSecrets"]).actions) == toset(["secretsmanager:GetSecretValue"]) && toset(one([for statement in data.aws_iam_policy_document.read.statement : statement if statement.sid == "ReadSecrets"]).resources) == toset(["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ticket-AbCdEf"])
    error_message = "these two secrets and no others"
  }
}

run "container" {
  command = plan

  assert {
    condition     = toset(data.aws_iam_policy_document.container.statement[*].sid) == toset(["OwnQueues", "SubscribeOwnQueues", "Subscriptions"])
    error_message = "no statement that is not looked at here"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.container.statement : statement if statement.sid == "OwnQueues"]).actions) == toset(["sqs:CreateQueue", "sqs:TagQueue", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:DeleteQueue"]) && toset(one([for statement in data.aws_iam_policy_document.container.statement : statement if statement.sid == "OwnQueues"]).resources) == toset(["arn:aws:sqs:eu-west-1:111122223333:sentiment-stream-*"])
    error_message = "queues of the prefix alone"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.container.statement : statement if statement.sid == "SubscribeOwnQueues"]).actions) == toset(["sns:Subscribe"]) && toset(one([for statement in data.aws_iam_policy_document.container.statement : statement if statement.sid == "SubscribeOwnQueues"]).resources) == toset(["arn:aws:sns:eu-west-1:111122223333:sentiment-changes"])
    error_message = "this topic alone"
  }

  assert {
    condition     = anytrue([for condition in one([for statement in data.aws_iam_policy_document.container.statement : statement if statement.sid == "SubscribeOwnQueues"]).condition : condition.test == "StringLike" && condition.variable == "sns:Endpoint" && condition.values[0] == "arn:aws:sqs:eu-west-1:111122223333:sentiment-stream-*"])
    error_message = "only queues of the prefix are subscribed"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.container.statement : statement if statement.sid == "Subscriptions"]).actions) == toset(["sns:Unsubscribe", "sns:GetSubscriptionAttributes"]) && toset(one([for statement in data.aws_iam_policy_document.container.statement : statement if statement.sid == "Subscriptions"]).resources) == toset(["*"])
    error_message = "* is where AWS knows no resource, and for these two actions"
  }
}

run "rest" {
  command = plan

  assert {
    condition     = toset(concat(data.aws_iam_policy_document.tables.statement[*].sid, data.aws_iam_policy_document.rest.statement[*].sid)) == toset(["QuerySentiment", "ReadConfigurations", "WriteConfigurations", "ReadGatewaySecret"])
    error_message = "nothing of the reaper's, and no statement that is not looked at here"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.rest.statement : statement if statement.sid == "ReadGatewaySecret"]).actions) == toset(["secretsmanager:GetSecretValue"]) && toset(one([for statement in data.aws_iam_policy_document.rest.statement : statement if statement.sid == "ReadGatewaySecret"]).resources) == toset(["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"])
    error_message = "what everybody may call cannot read what seals tickets"
  }

  assert {
    condition     = length(setintersection(keys(module.rest.environment), ["TICKET_SECRET", "QUEUE_PREFIX", "CHANGES_TOPIC_ARN"])) == 0
    error_message = "nor does it know of tickets, queues and the topic"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.rest.statement : statement if statement.sid == "WriteConfigurations"]).actions) == toset(["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]) && toset(one([for statement in data.aws_iam_policy_document.rest.statement : statement if statement.sid == "WriteConfigurations"]).resources) == toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/users"])
    error_message = "configurations alone are written"
  }
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

run "reaper" {
  command = plan

  assert {
    condition     = toset(data.aws_iam_policy_document.reaper.statement[*].sid) == toset(["FindQueues", "RemoveQueues", "FindSubscriptions", "RemoveSubscriptions"])
    error_message = "no table, no secret, and no statement that is not looked at here"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "FindQueues"]).actions) == toset(["sqs:ListQueues"]) && toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "FindQueues"]).resources) == toset(["*"])
    error_message = "ListQueues takes * alone"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "RemoveQueues"]).actions) == toset(["sqs:ListQueueTags", "sqs:GetQueueUrl", "sqs:DeleteQueue"]) && toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "RemoveQueues"]).resources) == toset(["arn:aws:sqs:eu-west-1:111122223333:sentiment-stream-*"])
    error_message = "queues of the prefix alone"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "FindSubscriptions"]).actions) == toset(["sns:ListSubscriptionsByTopic"]) && toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "FindSubscriptions"]).resources) == toset(["arn:aws:sns:eu-west-1:111122223333:sentiment-changes"])
    error_message = "this topic alone"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "RemoveSubscriptions"]).actions) == toset(["sns:Unsubscribe"]) && toset(one([for statement in data.aws_iam_policy_document.reaper.statement : statement if statement.sid == "RemoveSubscriptions"]).resources) == toset(["*"])
    error_message = "Unsubscribe takes * alone"
  }

  assert {
    condition     = module.reaper.url == null && module.reaper.handler == "streamer.reaper_function.handler"
    error_message = "nobody but the schedules and Terraform reaches it"
  }

  assert {
    condition     = length(setintersection(keys(module.reaper.environment), ["GATEWAY_SECRET", "TICKET_SECRET", "USERS_TABLE"])) == 0
    error_message = "it knows of no secret and no user"
  }
}

run "functions_of_this_account" {
  command = plan

  assert {
    condition     = alltrue([for trust in [module.relay.trust, module.rest.trust, module.reaper.trust] : jsondecode(trust).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" } }])
    error_message = "Lambda assumes a role for this account's functions alone"
  }
}

run "relay" {
  command = plan

  assert {
    condition     = toset(data.aws_iam_policy_document.relay.statement[*].sid) == toset(["ReadStreams", "FindStreams", "PublishChanges", "KeepFailures"])
    error_message = "no statement that is not looked at here"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "ReadStreams"]).actions) == toset(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]) && toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "ReadStreams"]).resources) == toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/items/stream/2026-01-01T00:00:00.000", "arn:aws:dynamodb:eu-west-1:111122223333:table/users/stream/2026-01-01T00:00:00.000"])
    error_message = "the streams are read, the tables are not"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "FindStreams"]).actions) == toset(["dynamodb:ListStreams"]) && toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "FindStreams"]).resources) == toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/items/stream/*", "arn:aws:dynamodb:eu-west-1:111122223333:table/users/stream/*"])
    error_message = "of these tables alone"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "PublishChanges"]).actions) == toset(["sns:Publish"]) && toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "PublishChanges"]).resources) == toset(["arn:aws:sns:eu-west-1:111122223333:sentiment-changes"])
    error_message = "this topic alone"
  }

  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "KeepFailures"]).actions) == toset(["sqs:SendMessage"]) && toset(one([for statement in data.aws_iam_policy_document.relay.statement : statement if statement.sid == "KeepFailures"]).resources) == toset(["arn:aws:sqs:eu-west-1:111122223333:sentiment-relay-failures"])
    error_message = "the failure queue alone"
  }
}

run "topic" {
  command = plan

  assert {
    condition     = alltrue([for principal in one([for statement in data.aws_iam_policy_document.topic.statement : statement if statement.sid == "ThisAccount"]).principals : tolist(principal.identifiers)[0] == "arn:aws:iam::111122223333:root"])
    error_message = "nobody outside the account"
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.topic.statement : statement if statement.sid == "OverTlsOnly"]).effect == "Deny"
    error_message = "nothing without TLS"
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
