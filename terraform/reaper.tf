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
# leaves its own behind. Whatever stands between this resource and the containers decides when it runs:
#
#   made      after the reaper and its rights, before the containers (they depend on it); the reaper is told that
#             this is a creation, and does nothing
#   destroyed after the containers have ended, each having deleted its queue; before the function, its rights and the
#             topic. The reaper is told `"tf": {"action": "delete"}`, and removes every queue of the prefix
#
# Its input never changes, so no plan shows it. A destroy that fails here has left queues behind, and says so.
resource "aws_lambda_invocation" "prune" {
  function_name   = module.reaper.name
  input           = jsonencode({ prune = {} })
  lifecycle_scope = "CRUD"

  depends_on = [module.reaper, aws_sns_topic_policy.changes]
}
