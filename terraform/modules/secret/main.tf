# A secret with a random value. It is drawn by Secrets Manager and written on without being kept: `ephemeral` and `_wo`
# appear in no plan and in no state.

ephemeral "aws_secretsmanager_random_password" "this" {
  password_length     = 64
  exclude_punctuation = true
}

# A prefix, because a deleted secret keeps its name for as long as it can be recovered.
resource "aws_secretsmanager_secret" "this" {
  name_prefix             = "${var.name}-"
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
  tags                    = var.tags
}

# Written once: to change it, put new values into Secrets Manager itself, and Terraform leaves them alone.
resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.this.random_password
  secret_string_wo_version = 1
}
