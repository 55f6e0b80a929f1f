module "rest" {
  source = "./modules/lambda"

  iam_path                 = var.iam_path
  permissions_boundary_arn = var.permissions_boundary_arn

  name                 = "${var.name}-rest"
  description          = "Answers REST"
  account_id           = local.account_id
  package              = local.rest_package
  handler              = "streamer.rest.handler"
  architecture         = var.architecture
  memory               = 1024 # for cold starts: a share of the processor goes with it
  timeout              = 30   # a request takes some 10 ms; a table that does not answer, 7 s
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

locals {
  rest_package = coalesce(var.rest_package, "${path.module}/../build/rest-${var.architecture}.zip")
}
