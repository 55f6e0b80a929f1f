variable "name" {
  description = "Name of everything here, and the value of the metrics' dimension Deployment."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "partition" {
  description = "AWS's partition: aws, aws-cn or aws-us-gov."
  type        = string
}

variable "image" {
  description = "The image with tag or digest; null: everything but the service is made."
  type        = string
}

variable "repository_arns" {
  description = "ECR repositories that ECS may fetch images from."
  type        = list(string)
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "cpu" {
  description = "Processor of a task, in 1/1024."
  type        = number
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
}

variable "environment" {
  description = "The service's environment variables. No secrets: ARNs of them."
  type        = map(string)
}

variable "policy" {
  description = "JSON of what the service may do."
  type        = string
}

variable "iam_path" {
  description = "Path of the roles."
  type        = string
  default     = "/"
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles; null: none."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "existing_cluster_name" {
  description = "ECS cluster that exists; null: one is made."
  type        = string
}

variable "existing_listener_arn" {
  description = "Listener of a load balancer that exists; null: a load balancer is made."
  type        = string
}

variable "domain_name" {
  description = "With existing_listener_arn: the host of its rules."
  type        = string
}

variable "rule_priority" {
  description = "Priority of the listener's first rule; the others follow."
  type        = number
}

variable "rest_function" {
  description = "The REST function, which writes configurations."
  type = object({
    name = string
    arn  = string
  })
}

variable "load_balancer_subnets" {
  description = "Subnets of the load balancer."
  type        = list(string)
}

variable "container_subnets" {
  description = "Subnets of the containers."
  type        = list(string)
}

variable "container_public_ip" {
  description = "Whether containers get public addresses."
  type        = bool
}

variable "internal" {
  description = "Whether the load balancer is private."
  type        = bool
}

variable "allowed_cidrs" {
  description = "IPv4 networks that may reach the load balancer."
  type        = set(string)
}

variable "certificate_arn" {
  description = "Certificate for HTTPS; null: HTTP."
  type        = string
}

variable "web_acl_arn" {
  description = "Web ACL of the load balancer; null: none."
  type        = string
}

variable "tls_policy" {
  description = "Security policy for HTTPS."
  type        = string
}

variable "access_log_bucket" {
  description = "Bucket of the load balancer's access log; null: none."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be deleted."
  type        = bool
}

variable "desired_count" {
  description = "Containers to begin with."
  type        = number
}

variable "autoscaling" {
  description = "Bounds and targets (open streams a container, percent of its processor); null: none."
  type = object({
    min            = number
    max            = number
    target_streams = number
    target_cpu     = number
  })
}

variable "deployment_alarms" {
  description = "Alarms that end a deployment: two of our own, and others by name; null: none."
  type = object({
    own   = bool
    names = list(string)
  })
}

variable "metrics" {
  description = "Whether the service writes its metrics, which an alarm on deployments watches."
  type        = bool
}

variable "ecs_exec" {
  description = "Whether shells may be opened in containers."
  type        = bool
}

variable "stream_lifetime" {
  description = "Longest life of a stream in seconds."
  type        = number
}

variable "drain_window" {
  description = "Seconds over which a stopping container says goodbye."
  type        = number
}

variable "tracing" {
  description = "Whether an X-Ray daemon runs beside the service."
  type        = bool
}

variable "xray_daemon_image" {
  description = "The daemon's image."
  type        = string
}

variable "container_insights" {
  description = "ECS's own metrics: disabled, enabled or enhanced."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Customer key for logs; null: CloudWatch's own."
  type        = string
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
}

variable "claim" {
  description = "What fails if another deployment has the name: what AWS would adopt waits for it."
  type        = any
  default     = null
}

variable "after" {
  description = "What the service begins after, and ends before. (`depends_on` of the whole module would put off its data sources.)"
  type        = any
  default     = null
}
