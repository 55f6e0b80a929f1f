variable "name" {
  description = "The function's name; its role and its log group are named after it."
  type        = string
}

variable "description" {
  description = "What the function is for."
  type        = string
}

variable "account_id" {
  description = "The account: Lambda assumes the role for its functions alone."
  type        = string
}

variable "package" {
  description = "Path of the zip with the code; or null, with `image`."
  type        = string
  default     = null
}

variable "handler" {
  description = "With `package`: the handler, module.function."
  type        = string
  default     = null
}

variable "runtime" {
  description = "With `package`: Lambda's runtime."
  type        = string
  default     = "python3.13"
}

variable "image" {
  description = "URI of an image in ECR, with tag or digest; or null, with `package`."
  type        = string
  default     = null
}

variable "image_entry_point" {
  description = "With `image`: the command that it runs."
  type        = list(string)
  default     = null
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "memory" {
  description = "Memory in MiB; the share of the processor follows it (1769 MiB are one)."
  type        = number
}

variable "timeout" {
  description = "Seconds that an invocation may take."
  type        = number
}

variable "reserved_concurrency" {
  description = "Concurrent invocations that are kept for the function, and its limit; -1: none and no limit."
  type        = number
  default     = -1
}

variable "environment" {
  description = "Environment variables. No secrets: everybody who may look at the function sees them."
  type        = map(string)
}

variable "policy" {
  description = "JSON of what the function may do, logs and traces apart."
  type        = string
}

variable "iam_path" {
  description = "Path of the role."
  type        = string
  default     = "/"
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role; null: none."
  type        = string
  default     = null
}

variable "url" {
  description = "A Function URL: auth_type NONE or AWS_IAM, invoke_mode BUFFERED or RESPONSE_STREAM. null: none."
  type = object({
    auth_type   = string
    invoke_mode = string
  })
  default = null
}

variable "tracing" {
  description = "Whether invocations are traced with X-Ray."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Customer key for logs and environment; null: AWS's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}

variable "after" {
  description = "What the function begins after, and ends before. (`depends_on` of the whole module would put off its data sources.)"
  type        = any
  default     = null
}
