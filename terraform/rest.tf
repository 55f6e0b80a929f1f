module "rest" {
  source = "./modules/lambda"

  name                 = "${var.name}-rest"
  description          = "Answers REST, and runs the reaper"
  package              = coalesce(var.rest_package, "${path.module}/../build/rest-${var.architecture}.zip")
  handler              = "streamer.rest.handler"
  architecture         = var.architecture
  memory               = 1024 # for cold starts: a share of the processor goes with it
  timeout              = 120  # for the reaper, which reads at most 20 queues' tags a second; requests take some 10 ms
  reserved_concurrency = var.rest_max_concurrency
  policy               = data.aws_iam_policy_document.rest.json
  tracing              = var.tracing
  log_retention_days   = var.log_retention_days
  kms_key_arn          = var.kms_key_arn
  tags                 = local.tags
  environment          = local.service_environment

  url = {
    auth_type   = var.rest_auth_type
    invoke_mode = "BUFFERED"
  }
}

# `terraform destroy` with nothing left: the queues that containers make are in no state, and a container that was killed
# leaves its own behind. Whatever stands between this resource and the containers decides when it runs:
#
#   made      after the REST function and its rights, before the containers (they depend on it); the reaper is told that
#             this is a creation, and does nothing
#   destroyed after the containers have ended, each having deleted its queue; before the function, its rights and the
#             topic. The reaper is told `"tf": {"action": "delete"}`, and removes every queue of the prefix
#
# Its input never changes, so no plan shows it. A destroy that fails here has left queues behind, and says so.
resource "aws_lambda_invocation" "prune" {
  function_name   = module.rest.name
  input           = jsonencode({ prune = {} })
  lifecycle_scope = "CRUD"

  depends_on = [module.rest, aws_sns_topic_policy.changes]
}
