# `terraform destroy` of a protected deployment is refused before anything is removed. AWS refuses only the tables and the
# load balancer, long after service, relay, topic and failure queue are gone; `prevent_destroy` takes no variable.
#
# What refuses depends on what it protects, so it is the first to go, and its provisioner fails while the state says that
# the rest is protected. For the same reason it is changed last: it says "not protected" only when nothing is any more.

locals {
  # Words that /bin/sh and cmd print alike: no quotes, parentheses or semicolons.
  refusal = join(" ", [
    "${var.name} has deletion_protection, nothing was destroyed. Apply with deletion_protection=false,",
    "and with force_delete=true if the repository has images, then destroy:",
    "terraform apply -var deletion_protection=false -var force_delete=true",
  ])
}

resource "terraform_data" "protection" {
  # Another name replaces everything.
  triggers_replace = var.name

  input = {
    protected = var.deletion_protection
    refusal   = local.refusal
    list      = "aws sqs list-queues --region ${var.region} --queue-name-prefix ${local.queue_prefix}-"
  }

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = self.input.protected ? "echo ${self.input.refusal} && exit 1" : "echo Should the reaper fail, queues of killed containers stay. To list them: ${self.input.list}"
  }

  # tests/terraform/test_graph.py knows whether one is missing.
  depends_on = [
    aws_cloudformation_stack.end,
    aws_dynamodb_table.sentiment,
    aws_dynamodb_table.users,
    aws_ecr_lifecycle_policy.streamer,
    aws_ecr_repository_policy.streamer,
    aws_lambda_event_source_mapping.relay,
    aws_lambda_invocation.end,
    aws_route53_record.domain,
    aws_scheduler_schedule.this,
    aws_sns_topic_policy.changes,
    aws_sqs_queue.failures,
    module.fargate,
    module.network,
    module.observability,
    module.reaper,
    module.relay,
    module.rest,
    module.streaming_function,
    module.ticket_secret,
    terraform_data.load_balancer_protection,
  ]
}

# streamer_deployment = "lambda" removes the load balancer, which AWS refuses, and the service before it.
# An existing one is its owner's, and stays.
resource "terraform_data" "load_balancer_protection" {
  count = local.fargate ? 1 : 0

  input = {
    protected = var.deletion_protection && var.existing_listener_arn == null
    refusal   = local.refusal
  }

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = self.input.protected ? "echo ${self.input.refusal} && exit 1" : "exit 0"
  }

  depends_on = [module.fargate, module.network]
}
