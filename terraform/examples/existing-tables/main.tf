# Beside a table that is in production already, under a customer key. It is read, never changed, never destroyed. Plan
# says what it lacks: keys source_id and timestamp, an index by_sentiment (sentiment, timestamp), a stream of
# NEW_AND_OLD_IMAGES.
#
#     terraform init && terraform apply

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.88, < 7.0"
    }
  }
}

locals {
  region = "eu-west-1"
}

provider "aws" {
  region = local.region
}

variable "streamer_image" {
  description = "The image with its tag; null for the first apply (see the output next_steps)."
  type        = string
  default     = null
}

# A key may be an alias's or another configuration's; what is needed is the ARN of the key itself.
data "aws_kms_alias" "tables" {
  name = "alias/tables"
}

module "sentiment" {
  source = "../.."

  name           = "sentiment"
  region         = local.region
  streamer_image = var.streamer_image

  # Nobody is believed about who a user is without gateway_secret_arns, which need certificate_arn; the public stream works.

  existing_sentiment_table = "news-sentiment"
  existing_users_table     = "dashboard-users" # leave it out to have one made
  table_kms_key_arns       = [data.aws_kms_alias.tables.target_key_arn]
}

output "dashboard_url" {
  description = "The page."
  value       = module.sentiment.dashboard_url
}

output "operations_dashboard_url" {
  description = "The CloudWatch dashboard."
  value       = module.sentiment.operations_dashboard_url
}

output "next_steps" {
  description = "What is still to be done."
  value       = module.sentiment.next_steps
}

output "deployment" {
  description = "Every output of the deployment: `terraform output -json deployment`."
  value       = module.sentiment
}
