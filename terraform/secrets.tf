# Whoever seals tickets and whoever opens them needs the same secret: one for the whole deployment, known by its ARN alone.

locals {
  make_ticket_secret = length(var.ticket_secret_arns) == 0
  ticket_secret_arns = local.make_ticket_secret ? module.ticket_secret[*].arn : var.ticket_secret_arns
  secret_arns        = distinct(concat(var.gateway_secret_arns, local.ticket_secret_arns, local.fargate ? var.metrics_token_secret_arns : []))
  secret_keys        = distinct(concat(var.secret_kms_key_arns, local.make_ticket_secret ? var.kms_key_arn[*] : []))
}

module "ticket_secret" {
  source = "./modules/secret"
  count  = local.make_ticket_secret ? 1 : 0

  name          = "${var.name}-ticket"
  description   = "Seals the tickets with which browsers open a user's stream; docs/settings.md says how to change it"
  kms_key_arn   = var.kms_key_arn
  recovery_days = var.force_delete ? 0 : 30
  tags          = local.tags
}
