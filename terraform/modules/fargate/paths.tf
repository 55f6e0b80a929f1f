# One host for everything: the listener's rules, tried in this order. Containers read configurations and do not write them; the
# REST function writes them, and holds no key of tickets.

locals {
  # An existing listener has other hosts, and a default of its own.
  hosts = local.own_load_balancer ? [] : [var.domain_name]

  # A rule has five values at most, and none of these has more: host, path, three methods.
  rules = concat(
    [
      { name = "tickets", path = "/api/v2/configurations/*/stream/tickets", methods = [], to = "streamer" },
      { name = "writes", path = "/api/v2/configurations*", methods = ["DELETE", "PATCH", "POST"], to = "rest" },
    ],
    local.own_load_balancer ? [] : [{ name = "streams", path = "/*", methods = [], to = "streamer" }],
  )
  priorities = { for index, rule in local.rules : rule.name => var.rule_priority + index }
  rule       = { for rule in local.rules : rule.name => rule }

  listener_arn = local.own_load_balancer ? one(concat(aws_lb_listener.https[*].arn, var.certificate_arn == null ? aws_lb_listener.http[*].arn : [])) : var.existing_listener_arn
  target_groups = {
    streamer = aws_lb_target_group.streamer.arn
    rest     = aws_lb_target_group.rest.arn
  }
}

resource "aws_lb_listener_rule" "streams" {
  for_each = local.rule

  listener_arn = local.listener_arn
  priority     = local.priorities[each.key]
  tags         = var.tags

  action {
    type             = "forward"
    target_group_arn = local.target_groups[each.value.to]
  }

  dynamic "condition" {
    for_each = length(local.hosts) == 0 ? [] : [local.hosts]
    content {
      host_header {
        values = condition.value
      }
    }
  }

  condition {
    path_pattern {
      values = [each.value.path]
    }
  }

  dynamic "condition" {
    for_each = length(each.value.methods) == 0 ? [] : [each.value.methods]
    content {
      http_request_method {
        values = condition.value
      }
    }
  }
}

resource "aws_lb_target_group" "rest" {
  name        = "${var.name}-rest"
  target_type = "lambda"
  # Repeated headers come as they are: of two X-User-ID the last would count otherwise.
  lambda_multi_value_headers_enabled = true
  tags                               = var.tags

  health_check {
    enabled = false # each would be an invocation
  }

  depends_on = [var.claim]
}

resource "aws_lambda_permission" "rest" {
  statement_id   = "load-balancer"
  function_name  = var.rest_function.name
  action         = "lambda:InvokeFunction"
  principal      = "elasticloadbalancing.amazonaws.com"
  source_arn     = aws_lb_target_group.rest.arn
  source_account = var.account_id
}

resource "aws_lb_target_group_attachment" "rest" {
  target_group_arn = aws_lb_target_group.rest.arn
  target_id        = var.rest_function.arn

  depends_on = [aws_lambda_permission.rest]
}
