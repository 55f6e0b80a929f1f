variable "name" {
  description = "What the secret's name begins with."
  type        = string
}

variable "description" {
  description = "What the secret is for."
  type        = string
}

variable "kms_key_arn" {
  description = "Customer key; null: Secrets Manager's own."
  type        = string
  default     = null
}

variable "recovery_days" {
  description = "Days for which a deleted secret can be recovered: 7 to 30, or 0 for none."
  type        = number
}

variable "tags" {
  description = "Tags of the secret."
  type        = map(string)
  default     = {}
}
