# Streams by Lambda: no load balancer, no containers, nothing that costs while nobody watches. One stream takes one
# execution environment; beyond about three streams that are always open, fargate is cheaper.
#
#     terraform init && terraform apply                                   # everything but the function; says how to push the image
#     terraform apply -var streamer_image=<repository_url>:1.0.0          # the function

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

module "sentiment" {
  source = "../.."

  name                = "sentiment"
  region              = local.region
  streamer_deployment = "lambda"
  streamer_image      = var.streamer_image

  # Who is believed: nobody about who a user is, until a gateway's secret is named here (gateway_secret_arns), or callers
  # sign their requests (rest_auth_type and stream_auth_type AWS_IAM). No address is bounded: each stream has a process.

  # The most that can be open at once, and so the most that can be billed.
  lambda_max_streams = 20
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
