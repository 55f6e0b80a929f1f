# `terraform destroy` of a protected deployment is refused before anything is removed. AWS refuses only the tables and the
# load balancer, long after service, relay, topic and failure queue are gone; `prevent_destroy` takes no variable.
#
# This resource depends on all others, so it is the first to go, and its provisioner fails while the state says that
# they are protected. For the same reason it is changed last: it says "not protected" only when nothing is any more.
resource "terraform_data" "protection" {
  input = {
    name         = var.name
    protected    = var.deletion_protection
    queue_prefix = local.queue_prefix
    region       = var.region
  }

  # Words that /bin/sh and cmd print alike: no quotes, parentheses or semicolons.
  provisioner "local-exec" {
    when  = destroy
    quiet = true
    command = self.input.protected ? join(" ", [
      "echo ${self.input.name} has deletion_protection, nothing was destroyed. Apply with deletion_protection=false,",
      "and with force_delete=true if the repository has images, then destroy:",
      "terraform apply -var deletion_protection=false -var force_delete=true",
      "&& exit 1",
      ]) : join(" ", [
      "echo Should the reaper fail, queues of killed containers stay. To list them:",
      "aws sqs list-queues --region ${self.input.region} --queue-name-prefix ${self.input.queue_prefix}-",
    ])
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
  ]
}
