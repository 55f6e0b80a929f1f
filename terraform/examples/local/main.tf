# Everything on an emulator, without an AWS account: see README.md.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.88, < 7.0"
    }
  }
}

variable "streamer_deployment" {
  description = "fargate or lambda."
  type        = string
  default     = "fargate"
}

variable "streamer_image" {
  description = "The image; null for the first apply. The emulator runs none, so on fargate any name will do; for lambda it has to be in the emulated repository."
  type        = string
  default     = null
}

# Endpoint, keys and region come from the environment.
module "sentiment" {
  source = "../.."

  region              = "eu-west-1"
  streamer_deployment = var.streamer_deployment
  streamer_image      = var.streamer_image

  # A trial: nothing is to be kept.
  deletion_protection = false
  force_delete        = true
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

output "topic_arn" {
  description = "The topic, for `streamer serve` on this machine."
  value       = module.sentiment.topic_arn
}

output "sentiment_table_name" {
  description = "The table, for `streamer serve` on this machine."
  value       = module.sentiment.sentiment_table_name
}

output "deployment" {
  description = "Every output of the deployment: `terraform output -json deployment`."
  value       = module.sentiment
}
