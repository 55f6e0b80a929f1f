# Rights of the streaming service, the REST function and the reaper, by least privilege. What has `*` as its resource has it because
# AWS takes no other there.

locals {
  # One statement each, or none.
  table_keys_use   = length(local.table_keys) == 0 ? [] : [local.table_keys]
  secret_keys_use  = length(local.secret_keys) == 0 ? [] : [local.secret_keys]
  gateway_to_read  = length(var.gateway_secret_arns) == 0 ? [] : [var.gateway_secret_arns]
  gateway_keys_use = length(var.gateway_secret_arns) == 0 || length(var.secret_kms_key_arns) == 0 ? [] : [var.secret_kms_key_arns]

  sentiment_index_arn = "${local.sentiment_table.arn}/index/${local.sentiment_index}"
}

# What streams and snapshots are made of, wherever they are served.
data "aws_iam_policy_document" "tables" {
  statement {
    sid       = "QuerySentiment"
    actions   = ["dynamodb:Query"]
    resources = [local.sentiment_index_arn]
  }
  statement {
    sid       = "ReadConfigurations"
    actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]
    resources = [local.users_table.arn]
  }

  dynamic "statement" {
    for_each = local.table_keys_use
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
}

# Streams also read items again by key, and open tickets.
data "aws_iam_policy_document" "read" {
  source_policy_documents = [data.aws_iam_policy_document.tables.json]

  statement {
    sid       = "ReadSentiment"
    actions   = ["dynamodb:BatchGetItem"]
    resources = [local.sentiment_table.arn]
  }
  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = local.secret_arns
  }

  dynamic "statement" {
    for_each = local.secret_keys_use
    content {
      sid       = "DecryptSecrets"
      actions   = ["kms:Decrypt"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${var.region}.${data.aws_partition.current.dns_suffix}"]
      }
    }
  }
}

# A container also makes a queue of its own, subscribes it, and takes both away at its end.
data "aws_iam_policy_document" "container" {
  source_policy_documents = [data.aws_iam_policy_document.read.json]

  # Nothing is made without the deployment's tags.
  statement {
    sid       = "MakeOwnQueues"
    actions   = ["sqs:CreateQueue"]
    resources = [local.queue_arns]

    dynamic "condition" {
      for_each = local.queue_tags
      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }
  statement {
    sid = "OwnQueues"
    actions = [
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:TagQueue",
    ]
    resources = [local.queue_arns]
  }
  statement {
    sid       = "SubscribeOwnQueues"
    actions   = ["sns:Subscribe"]
    resources = [aws_sns_topic.changes.arn]

    condition {
      test     = "StringEquals"
      variable = "sns:Protocol"
      values   = ["sqs"]
    }
    condition {
      test     = "StringLike"
      variable = "sns:Endpoint"
      values   = [local.queue_arns]
    }
  }
  statement {
    sid       = "Subscriptions"
    actions   = ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"]
    resources = ["*"] # neither knows a resource that a policy could name
  }

  dynamic "statement" {
    for_each = var.ecs_exec ? [1] : []
    content {
      sid = "OpenShells"
      actions = [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      resources = ["*"] # they know no resource
    }
  }

  dynamic "statement" {
    for_each = var.tracing ? [1] : []
    content {
      sid = "SendTraces"
      actions = [
        "xray:GetSamplingRules",
        "xray:GetSamplingStatisticSummaries",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
      ]
      resources = ["*"] # X-Ray knows no resource for them
    }
  }
}

# REST alone writes configurations. It knows the gateway's secret, and not what seals tickets: it gives none.
data "aws_iam_policy_document" "rest" {
  source_policy_documents = [data.aws_iam_policy_document.tables.json]

  statement {
    sid       = "WriteConfigurations"
    actions   = ["dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [local.users_table.arn]
  }

  dynamic "statement" {
    for_each = local.gateway_to_read
    content {
      sid       = "ReadGatewaySecret"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = statement.value
    }
  }
  dynamic "statement" {
    for_each = local.gateway_keys_use
    content {
      sid       = "DecryptGatewaySecret"
      actions   = ["kms:Decrypt"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${var.region}.${data.aws_partition.current.dns_suffix}"]
      }
    }
  }
}

data "aws_iam_policy_document" "reaper" {
  statement {
    sid       = "FindQueues"
    actions   = ["sqs:ListQueues"]
    resources = ["*"] # it lists an account's queues, and knows no resource
  }
  statement {
    sid       = "RemoveQueues"
    actions   = ["sqs:DeleteQueue", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
    resources = [local.queue_arns]
  }
  statement {
    sid       = "FindSubscriptions"
    actions   = ["sns:ListSubscriptionsByTopic"]
    resources = [aws_sns_topic.changes.arn]
  }
  statement {
    sid       = "RemoveSubscriptions"
    actions   = ["sns:Unsubscribe"]
    resources = ["*"] # it knows no resource that a policy could name
  }
}
