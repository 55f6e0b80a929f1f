module "relay" {
  source = "./modules/lambda"

  iam_path                 = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn

  name                 = "${var.name}-relay"
  description          = "Publishes the tables' changes to the topic"
  account_id           = local.account_id
  package              = coalesce(var.relay_package, "${path.module}/../build/relay-${var.architecture}.zip")
  handler              = "ingest_relay.handler.handler"
  architecture         = var.architecture
  memory               = 512 # a share of the processor goes with it: a batch of 100 takes some 10 ms, a cold start 1 s
  timeout              = 60  # ten publishes of 256 KB with retries; what is not done then is delivered again
  reserved_concurrency = var.relay_reserved_concurrency
  policy               = data.aws_iam_policy_document.relay.json
  tracing              = var.tracing
  log_retention_days   = var.log_retention_days
  kms_key_arn          = var.kms_key_arn
  tags                 = local.tags

  environment = {
    CHANGES_TOPIC_ARN = aws_sns_topic.changes.arn
    FAILURE_QUEUE_URL = aws_sqs_queue.failures.url
    SENTIMENT_TABLE   = local.sentiment_table.name
    USERS_TABLE       = local.users_table.name
    LOG_LEVEL         = var.log_level
    METRICS           = var.metrics ? "emf" : "none"
    DEPLOYMENT_NAME   = var.name
    TRACING           = var.tracing ? "xray" : "none"
  }
}

resource "aws_lambda_event_source_mapping" "relay" {
  for_each = { sentiment = local.sentiment_table.stream_arn, users = local.users_table.stream_arn }

  event_source_arn  = each.value
  function_name     = module.relay.arn
  starting_position = "LATEST" # what is written while the mapping is made, the containers' table query finds

  # No batching window: it would delay a lone change by as much. A stream is read four times a second anyway.
  batch_size              = 100
  function_response_types = ["ReportBatchItemFailures"]

  # A batch that fails is halved until the bad record is alone, and tried until it is six hours old: no count of retries
  # may give up sooner, since an outage of SNS is no fault of the record.
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = -1
  maximum_record_age_in_seconds  = 21600
  tags                           = local.tags

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failures.arn
    }
  }

  # Lambda checks the role's rights to stream and queue when the mapping is made.
  depends_on = [module.relay]
}

# What could not be relayed: the relay's own notes on records that it cannot read, and Lambda's on batches that grew too
# old. `streamer failures` lists and replays both.
resource "aws_sqs_queue" "failures" {
  name                      = "${var.name}-relay-failures"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = local.tags

  depends_on = [aws_iam_role.schedules] # whose name is taken once: see main.tf
}

data "aws_iam_policy_document" "relay" {
  statement {
    sid       = "ReadStreams"
    actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    resources = [local.sentiment_table.stream_arn, local.users_table.stream_arn]
  }
  statement {
    sid       = "FindStreams"
    actions   = ["dynamodb:ListStreams"]
    resources = ["${local.sentiment_table.arn}/stream/*", "${local.users_table.arn}/stream/*"]
  }
  statement {
    sid       = "PublishChanges"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.changes.arn]
  }
  statement {
    sid       = "KeepFailures"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failures.arn]
  }

  dynamic "statement" {
    for_each = length(local.table_keys) == 0 ? [] : [local.table_keys]
    content {
      sid       = "DecryptTables"
      actions   = ["kms:Decrypt"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${var.region}.${data.aws_partition.current.dns_suffix}"]
      }
    }
  }
  dynamic "statement" {
    for_each = var.kms_key_arn[*]
    content {
      sid       = "EncryptMessages"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [for service in ["sns", "sqs"] : "${service}.${var.region}.${data.aws_partition.current.dns_suffix}"]
      }
    }
  }
}
