# Two clocks. The canary's must be below half of SSE_CANARY_TIMEOUT (150 s), after which containers hold a silent topic
# for a broken one.

locals {
  canary_interval_seconds = 60

  schedules = {
    canary = { target = module.relay.arn, every = "rate(1 minute)", input = { canary = true }, says = "Proves that the path from relay to containers works" }
    reaper = { target = module.reaper.arn, every = "rate(1 hour)", input = { prune = {} }, says = "Removes queues whose containers are dead" }
  }
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
  tags = local.tags

  depends_on = [aws_iam_role.schedules] # whose name is taken once: see main.tf
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                = "${var.name}-${each.key}"
  group_name          = aws_scheduler_schedule_group.this.name
  description         = each.value.says
  schedule_expression = each.value.every
  kms_key_arn         = var.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = each.value.target
    role_arn = aws_iam_role.schedules.arn
    input    = jsonencode(each.value.input)

    # The next one comes anyway; a canary that is late says nothing.
    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }
  }

  depends_on = [aws_iam_role_policy.schedules]
}

resource "aws_iam_role" "schedules" {
  name               = "${var.name}-schedules"
  description        = "Invokes relay and reaper by the clock"
  assume_role_policy = data.aws_iam_policy_document.schedules_trust.json
  tags               = local.tags

  path                 = var.iam_path
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "schedules" {
  name   = "invoke"
  role   = aws_iam_role.schedules.id
  policy = data.aws_iam_policy_document.schedules.json
}

data "aws_iam_policy_document" "schedules_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:scheduler:${var.region}:${local.account_id}:schedule-group/${var.name}"]
    }
  }
}

data "aws_iam_policy_document" "schedules" {
  statement {
    sid       = "Invoke"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.relay.arn, module.reaper.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]
    content {
      sid       = "ReadSchedules"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["scheduler.${var.region}.${data.aws_partition.current.dns_suffix}"]
      }
    }
  }
}
