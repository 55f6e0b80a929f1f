# One function: from a zip or an image, with its log group, its role and, if wanted, its URL.

resource "aws_lambda_function" "this" {
  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  package_type                   = var.image == null ? "Zip" : "Image"
  filename                       = var.package
  source_code_hash               = var.package == null ? null : try(filebase64sha256(var.package), null)
  handler                        = var.package == null ? null : var.handler
  runtime                        = var.package == null ? null : var.runtime
  image_uri                      = var.image
  architectures                  = [var.architecture]
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  tags                           = var.tags

  # No logging_config: the log group has the name that Lambda writes to by itself.

  dynamic "image_config" {
    for_each = var.image[*]
    content {
      entry_point = var.image_entry_point
    }
  }

  environment {
    variables = var.environment
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  lifecycle {
    precondition {
      condition     = var.package == null || try(fileexists(var.package), false)
      error_message = "There is no file ${coalesce(var.package, "null")}, the code of ${var.name}: run `make package` in the repository, or name the zip (relay_package, rest_package)."
    }
  }

  # The log group first, or Lambda would find none; the rights as long as it runs.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this, aws_iam_role_policy.work, var.after]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "this" {
  name               = var.name
  description        = "What the function ${var.name} may do"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags

  path                 = var.iam_path
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "work" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = var.policy
}

resource "aws_iam_role_policy" "this" {
  name   = "logs"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.logs.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
    # Lambda says for which account it asks. Not for which function, so there is no aws:SourceArn.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "logs" {
  # Not logs:CreateLogGroup: a late line would make the group anew after a destroy, with no retention.
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  dynamic "statement" {
    for_each = var.tracing ? [1] : []
    content {
      sid       = "SendTraces"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"] # X-Ray knows no resource for them
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]
    content {
      sid       = "DecryptEnvironment"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringLike" # a key is used in its own region alone
        variable = "kms:ViaService"
        values   = ["lambda.*"]
      }
    }
  }
}
