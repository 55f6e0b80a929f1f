# Removes queues whose containers are dead. Of the same zip as REST and of none of its rights, without a URL: REST may be
# called by everybody, and what it could do, a mistake in it could.
module "reaper" {
  source = "./modules/lambda"

  iam_path                 = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn

  name               = "${var.name}-reaper"
  description        = "Removes queues whose containers are dead"
  account_id         = local.account_id
  package            = local.rest_package
  handler            = "streamer.reaper_function.handler"
  architecture       = var.architecture
  memory             = 256
  timeout            = 120 # it reads at most 20 queues' tags a second
  policy             = data.aws_iam_policy_document.reaper.json
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn
  tags               = local.tags

  environment = {
    SENTIMENT_TABLE   = local.sentiment_table.name # not read; no settings are without it
    CHANGES_TOPIC_ARN = aws_sns_topic.changes.arn
    QUEUE_PREFIX      = local.queue_prefix
    LOG_LEVEL         = var.log_level
    LOG_FORMAT        = "json"
    METRICS           = var.metrics ? "emf" : "none"
    DEPLOYMENT_NAME   = var.name
  }
}

# `terraform destroy` with nothing left: the queues that containers make are in no state, and a container that was killed
# leaves its own behind. Whatever stands between the invocation and the containers decides when it runs:
#
#   made      after the reaper and its rights, before the containers (they depend on it); it is told that this is a
#             creation, and does nothing
#   destroyed after the containers have ended, each having deleted its queue; before the functions, their rights and
#             the topic. It is told `"tf": {"action": "delete"}`, and the reaper removes every queue of the prefix
#
# Between the two stands a function whose code is a few lines without a package (end.py): it returns what the reaper could
# not do instead of failing, since an invocation that fails ends the destroy, and each one after it.
resource "aws_cloudformation_stack" "end" {
  name = "${var.name}-end"
  tags = local.tags

  # aws_lambda_function takes a zip, CloudFormation the code itself.
  template_body = jsonencode({
    Description = "Invokes the reaper at terraform destroy"
    Resources = {
      End = {
        Type = "AWS::Lambda::Function"
        Properties = {
          FunctionName  = "${var.name}-end"
          Description   = "Invokes the reaper at terraform destroy"
          Runtime       = "python3.13"
          Handler       = "index.handler"
          Architectures = [var.architecture]
          Timeout       = 150
          Role          = aws_iam_role.end.arn
          Code          = { ZipFile = file("${path.module}/end.py") }
        }
      }
    }
  })

  depends_on = [aws_iam_role_policy.end]
}

# Its input never changes, so no plan shows it.
resource "aws_lambda_invocation" "end" {
  function_name   = "${var.name}-end"
  input           = jsonencode({ prune = {}, reaper = module.reaper.name })
  lifecycle_scope = "CRUD"

  depends_on = [aws_cloudformation_stack.end, module.reaper, aws_sns_topic_policy.changes]
}

# No rights to logs: what it has to say is the reaper's, and a late line would make a log group anew after a destroy.
resource "aws_iam_role" "end" {
  name                 = "${var.name}-end"
  path                 = var.iam_path
  description          = "Invokes the reaper at terraform destroy"
  assume_role_policy   = module.reaper.trust
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "end" {
  name   = "invoke"
  role   = aws_iam_role.end.id
  policy = data.aws_iam_policy_document.end.json
}

data "aws_iam_policy_document" "end" {
  statement {
    sid       = "RunReaper"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.reaper.arn]
  }
}

# The invocation was the reaper's own once. Its destruction would take the queues of running containers.
removed {
  from = aws_lambda_invocation.prune

  lifecycle {
    destroy = false
  }
}
