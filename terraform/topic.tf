# A standard topic: a FIFO one has 100 subscriptions, and each container has one of its own. Order is by version.
#
# Only roles of this deployment publish here and no service of AWS does (CloudWatch alarms could not, under alias/aws/sns),
# so SNS's own key will do. The queues behind it are encrypted by SQS and ask for no key.
resource "aws_sns_topic" "changes" {
  name              = "${var.name}-changes"
  kms_master_key_id = coalesce(var.kms_key_arn, "alias/aws/sns")
  tags              = local.tags

  depends_on = [aws_iam_role.schedules] # whose name is taken once: see main.tf
}

resource "aws_sns_topic_policy" "changes" {
  arn    = aws_sns_topic.changes.arn
  policy = data.aws_iam_policy_document.topic.json
}

data "aws_iam_policy_document" "topic" {
  # The account's own policies decide who publishes and who subscribes; nobody outside the account does.
  statement {
    sid       = "ThisAccount"
    actions   = ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:AddPermission", "sns:RemovePermission", "sns:DeleteTopic"]
    resources = [aws_sns_topic.changes.arn]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  statement {
    sid       = "OverTlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.changes.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
