# Containers in your own VPC, behind HTTPS, scaled by their open streams, with alarms. Replace the ids with yours, then:
#
#     terraform init && terraform apply                                   # everything but the service; says how to push the image
#     echo 'streamer_image = "REPOSITORY:1.0.0"' >> terraform.tfvars     # kept: an apply without it takes the service away
#     terraform apply                                                     # the service

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

  name           = "sentiment"
  region         = local.region
  streamer_image = var.streamer_image

  vpc_id               = "vpc-0123456789abcdef0"
  public_subnet_ids    = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  container_subnet_ids = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"] # with a NAT gateway or VPC endpoints

  certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"
  domain_name     = "stream.example.com" # point it at the output load_balancer, or name its zone:
  # zone_id       = "Z0123456789ABCDEFGHIJ"

  # What an organisation may require; docs/operations.md has all of it.
  # permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  # iam_path                 = "/teams/news/"
  # web_acl_arn              = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/front/01234567-89ab-cdef-0123-456789abcdef"
  # operator_cidrs           = ["203.0.113.0/24"]

  # Who is believed. Your gateway sends one of these in X-Gateway-Secret, and the user in X-User-ID: nothing else makes
  # anybody a user. Addresses come from the load balancer's X-Forwarded-For; a CDN before it is named, too.
  gateway_secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:gateway-AbCdEf"]
  cors_origins        = ["https://app.example.com"]
  # forwarding_proxy_cidrs = ["203.0.113.0/24"]

  # What is bounded: 100 streams a container, 20 of them for users who are known; 10 of one user; 20 of one address, which
  # opens 5 a second. An office with more visitors behind one address: raise it.
  max_streams          = 100
  streamer_environment = { SSE_MAX_PER_ADDRESS = "40" }

  autoscaling = { min = 2, max = 10, target_streams = 60 }
  runbook_url = "https://git.example.com/sentiment-streamer/blob/main/docs/operations.md"
  alarms = {
    page_topic_arns   = ["arn:aws:sns:eu-west-1:111122223333:on-call"] # wakes somebody
    ticket_topic_arns = ["arn:aws:sns:eu-west-1:111122223333:tickets"]
  }
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

output "load_balancer" {
  description = "Where to point the domain."
  value       = module.sentiment.load_balancer
}

output "deployment" {
  description = "Every output of the deployment: `terraform output -json deployment`."
  value       = module.sentiment
}
