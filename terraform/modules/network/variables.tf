variable "name" {
  description = "Name of everything here."
  type        = string
}

variable "cidr" {
  description = "IPv4 addresses of the VPC; each of the two subnets has half of them."
  type        = string
}

variable "region" {
  description = "The region, for the names of the endpoints."
  type        = string
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
  default     = {}
}
