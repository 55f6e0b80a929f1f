# The load balancer made here, or a listener of one that exists: then this is one host of it, by its rules (paths.tf), and what
# is the load balancer's own, its groups, certificates and logs, stays its owner's.

data "aws_lb_listener" "existing" {
  count = var.existing_listener_arn == null ? 0 : 1

  arn = var.existing_listener_arn
}

data "aws_lb" "existing" {
  count = var.existing_listener_arn == null ? 0 : 1

  arn = data.aws_lb_listener.existing[0].load_balancer_arn
}

locals {
  own_load_balancer = var.existing_listener_arn == null

  load_balancer = local.own_load_balancer ? {
    dns_name   = aws_lb.this[0].dns_name
    zone_id    = aws_lb.this[0].zone_id
    arn_suffix = aws_lb.this[0].arn_suffix
    https      = var.certificate_arn != null
    } : {
    dns_name   = data.aws_lb.existing[0].dns_name
    zone_id    = data.aws_lb.existing[0].zone_id
    arn_suffix = data.aws_lb.existing[0].arn_suffix
    https      = data.aws_lb_listener.existing[0].protocol == "HTTPS"
  }

  # Above the 15 s after which a silent stream sends a comment. The service keeps idle connections for longer, so that the load
  # balancer never sends a request into one that is being closed.
  idle_timeout = local.own_load_balancer ? 60 : coalesce(data.aws_lb.existing[0].idle_timeout, 60)
  keep_alive   = local.idle_timeout + 15
}

resource "aws_lb" "this" {
  count = local.own_load_balancer ? 1 : 0

  name                       = var.name
  load_balancer_type         = "application"
  internal                   = var.internal
  subnets                    = var.load_balancer_subnets
  security_groups            = [aws_security_group.load_balancer[0].id]
  enable_http2               = true # over HTTP/1.1 a browser opens six streams per host, and then waits
  idle_timeout               = local.idle_timeout
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  tags                       = var.tags

  # Whole URLs, tickets among them: see the variable.
  dynamic "access_logs" {
    for_each = var.access_log_bucket[*]
    content {
      bucket  = access_logs.value
      enabled = true
    }
  }

  depends_on = [var.claim]
}

resource "aws_lb_target_group" "streamer" {
  name        = "${var.name}-streamer"
  vpc_id      = var.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = local.port
  # Streams are long: round robin would give a new container no more than an old one.
  load_balancing_algorithm_type = "least_outstanding_requests"
  deregistration_delay          = local.deregistration_delay
  tags                          = var.tags

  # Ready says 503 while a container starts or drains, never because it is full.
  health_check {
    path                = "/health/ready"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  depends_on = [var.claim]
}

resource "aws_lb_listener" "http" {
  count = local.own_load_balancer ? 1 : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = 80
  protocol          = "HTTP"
  tags              = var.tags

  default_action {
    type             = var.certificate_arn == null ? "forward" : "redirect"
    target_group_arn = var.certificate_arn == null ? aws_lb_target_group.streamer.arn : null

    dynamic "redirect" {
      for_each = var.certificate_arn[*]
      content {
        protocol    = "HTTPS"
        port        = "443"
        status_code = "HTTP_301"
      }
    }
  }
}

resource "aws_lb_listener" "https" {
  count = local.own_load_balancer && var.certificate_arn != null ? 1 : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = var.tls_policy
  certificate_arn   = var.certificate_arn
  tags              = var.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.streamer.arn
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count = local.own_load_balancer && var.web_acl_arn != null ? 1 : 0

  resource_arn = aws_lb.this[0].arn
  web_acl_arn  = var.web_acl_arn
}

# From outside to the load balancer, from it to the containers, from them to AWS: nothing else.

resource "aws_security_group" "load_balancer" {
  count = local.own_load_balancer ? 1 : 0

  name        = "${var.name}-load-balancer"
  description = "The load balancer of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-load-balancer" })
}

resource "aws_security_group" "containers" {
  name        = "${var.name}-containers"
  description = "The containers of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-containers" })
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = { for pair in setproduct(local.own_load_balancer ? var.allowed_cidrs : [], var.certificate_arn == null ? [80] : [80, 443]) : "${pair[0]} ${pair[1]}" => { cidr = pair[0], port = pair[1] } }

  security_group_id = aws_security_group.load_balancer[0].id
  description       = "Clients"
  cidr_ipv4         = each.value.cidr
  from_port         = each.value.port
  to_port           = each.value.port
  ip_protocol       = "tcp"
  tags              = var.tags
}

# No description on rules that name another group: not every answer brings it back, and a plan would show it for ever.

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  count = local.own_load_balancer ? 1 : 0

  security_group_id            = aws_security_group.load_balancer[0].id
  referenced_security_group_id = aws_security_group.containers.id
  from_port                    = local.port
  to_port                      = local.port
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "containers" {
  count = local.own_load_balancer ? 1 : 0

  security_group_id            = aws_security_group.containers.id
  referenced_security_group_id = aws_security_group.load_balancer[0].id
  from_port                    = local.port
  to_port                      = local.port
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

# Its way out to the containers is the existing load balancer's owner's.
resource "aws_vpc_security_group_ingress_rule" "containers_from_existing" {
  for_each = toset(flatten(data.aws_lb.existing[*].security_groups))

  security_group_id            = aws_security_group.containers.id
  referenced_security_group_id = each.value
  from_port                    = local.port
  to_port                      = local.port
  ip_protocol                  = "tcp"
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "containers_to_aws" {
  security_group_id = aws_security_group.containers.id
  description       = "APIs of AWS"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
  tags              = var.tags
}
