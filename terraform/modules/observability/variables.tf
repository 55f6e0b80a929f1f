variable "name" {
  description = "The deployment's name: the value of the metrics' only dimension, `Deployment` (DEPLOYMENT_NAME of the service), and the start of the dashboard's and the alarms' names."
  type        = string
}

variable "region" {
  description = "The region that the resources are in."
  type        = string
}

variable "account_id" {
  description = "The account that the alarms are in, for their status on the dashboard; null leaves it out."
  type        = string
  default     = null
}

variable "partition" {
  description = "The partition that the alarms are in, such as `aws`."
  type        = string
  default     = "aws"
}

variable "deployment" {
  description = "How streams are served: `fargate` or `lambda`. It decides which rows and alarms make sense."
  type        = string

  validation {
    condition     = contains(["fargate", "lambda"], var.deployment)
    error_message = "deployment is \"fargate\" or \"lambda\", not \"${var.deployment}\"."
  }
}

variable "relay_function_name" {
  description = "The relay's Lambda function."
  type        = string
}

variable "rest_function_name" {
  description = "The REST Lambda function."
  type        = string
}

variable "streaming_function_name" {
  description = "The Lambda function that serves streams; null on Fargate."
  type        = string
  default     = null
}

variable "topic_name" {
  description = "The SNS topic of change records."
  type        = string
}

variable "sentiment_table_name" {
  description = "The sentiment table."
  type        = string
}

variable "sentiment_index_name" {
  description = "The sentiment table's index, which every query reads."
  type        = string
}

variable "users_table_name" {
  description = "The table of users' configurations; null where there is none."
  type        = string
  default     = null
}

variable "failure_queue_name" {
  description = "The queue that keeps what the relay could not publish."
  type        = string
}

variable "load_balancer_arn_suffix" {
  description = "`arn_suffix` of the load balancer (app/…); null in Lambda mode."
  type        = string
  default     = null
}

variable "target_group_arn_suffix" {
  description = "`arn_suffix` of the streamer's target group (targetgroup/…); null in Lambda mode."
  type        = string
  default     = null
}

variable "cluster_name" {
  description = "The ECS cluster; null in Lambda mode."
  type        = string
  default     = null
}

variable "service_name" {
  description = "The ECS service; null in Lambda mode, and before there is an image."
  type        = string
  default     = null
}

variable "streamer_log_group_name" {
  description = "The log group of the Fargate containers, for the bytes and the last warnings and errors that they log; null leaves them out. A Lambda function's is known by its name."
  type        = string
  default     = null
}

variable "canary_interval_seconds" {
  description = "Seconds between two canaries of the relay. The alarm on the canary's age waits for three of them, and never less than 180 s."
  type        = number
  default     = 60
}

variable "metrics_enabled" {
  description = "Whether the functions and containers publish their own metrics (METRICS=emf): 34 metrics of $0.30 a month, $10.20 in us-east-1 (fewer in Lambda mode, which has no queues). Without them the dashboard and the alarms have AWS's own metrics alone, which are free."
  type        = bool
  default     = true
}

variable "alarms" {
  description = <<-EOT
    Null for no alarm. Else the topics to which alarms, and their ends, are sent.

    There are two classes: `page` (users miss something now) and `ticket` (it can wait for the morning). `page_topic_arns` and
    `ticket_topic_arns` get one of them, `topic_arns` gets both.

    A month of them in us-east-1, at $0.10 for each metric that an alarm watches (one made of two metrics counts twice):
    Fargate $2.30 (20 alarms, 23 metrics), without the service's own metrics $1.20 (11 alarms, 12 metrics);
    Lambda $1.20 (10 alarms, 12 metrics), without the service's own metrics $1.00 (8 alarms, 10 metrics).

    A topic that is encrypted with the key alias/aws/sns gets nothing: CloudWatch may not use that key. Take a topic without
    encryption, or one with a customer key whose policy lets cloudwatch.amazonaws.com use it (kms:Decrypt, kms:GenerateDataKey*).
  EOT
  type = object({
    topic_arns        = optional(list(string), [])
    page_topic_arns   = optional(list(string), [])
    ticket_topic_arns = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.alarms == null ? true : length(concat(var.alarms.topic_arns, var.alarms.page_topic_arns)) > 0 && length(concat(var.alarms.topic_arns, var.alarms.ticket_topic_arns)) > 0
    error_message = "alarms tells somebody of each class: give topic_arns, or page_topic_arns and ticket_topic_arns. An alarm that tells nobody costs as much as one that does. For no alarms set alarms = null."
  }

  validation {
    condition     = var.alarms == null ? true : length(concat(var.alarms.topic_arns, var.alarms.page_topic_arns)) <= 5 && length(concat(var.alarms.topic_arns, var.alarms.ticket_topic_arns)) <= 5
    error_message = "alarms names at most 5 topics for each class, those of topic_arns included: CloudWatch takes no more."
  }

  validation {
    condition     = var.alarms == null ? true : alltrue([for arn in concat(var.alarms.topic_arns, var.alarms.page_topic_arns, var.alarms.ticket_topic_arns) : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "alarms holds ARNs of standard SNS topics, such as arn:aws:sns:eu-west-1:111122223333:on-call."
  }
}

variable "runbook" {
  description = "Where the engineer on call finds docs/operations.md; an https:// address becomes a link on the dashboard."
  type        = string
  default     = "docs/operations.md"
  nullable    = false
}

variable "tags" {
  description = "Tags of the alarms; CloudWatch dashboards have none."
  type        = map(string)
  default     = {}
}
