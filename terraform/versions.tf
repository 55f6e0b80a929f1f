terraform {
  # 1.11: write-only arguments keep the ticket secret out of the state. It also brings what else is used here: checks
  # over several variables (1.9) and ephemeral resources (1.10).
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 5.88: secret_string_wo of aws_secretsmanager_secret_version. Nothing that 6.0 removed is used.
      version = ">= 5.88, < 7.0"
    }
  }
}

# No provider block: a configuration of your own can call this one as a module, with its provider, account and
# `for_each`. Applied as it stands, the provider takes region and credentials from the environment, as the AWS CLI does.
