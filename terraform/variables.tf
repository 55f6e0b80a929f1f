# The first six are what a deployment usually sets; everything else has a default that is meant to be kept.

variable "region" {
  description = "AWS region to deploy into, such as eu-west-1. It is the region of your provider, or AWS_REGION if you apply this folder itself."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is \"${var.region}\": give a region's code, such as eu-west-1."
  }
}

variable "name" {
  description = "Name of this deployment. It is the prefix of all names, so two deployments in one account need two names. 3 to 20 characters, because a load balancer's name has 32 at most."
  type        = string
  default     = "sentiment"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){2,19}$", var.name)) && length(var.name) <= 20 && !startswith(var.name, "internal-")
    error_message = "name is \"${var.name}\": give 3 to 20 lower-case letters, digits and single hyphens that begin with a letter, do not end with a hyphen, and do not begin with \"internal-\" (load balancers refuse that)."
  }
}

variable "streamer_image" {
  description = "Image of the streaming service with its tag or digest, such as 111122223333.dkr.ecr.eu-west-1.amazonaws.com/sentiment-streamer:1.0.0. null for the first apply, which creates everything that needs no image, including the ECR repository; the output `next_steps` then says how to push the image. Keep the image in terraform.tfvars afterwards: an apply without it removes the service."
  type        = string
  default     = null

  validation {
    condition     = var.streamer_image == null || can(regex("^[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9][a-z0-9._/-]*)?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64})$", var.streamer_image))
    error_message = "streamer_image is \"${coalesce(var.streamer_image, "null")}\": give a repository in lower case with a tag or a digest, such as registry/sentiment-streamer:1.0.0, so that a deployment says which image it runs."
  }
  validation {
    condition     = var.streamer_image == null || var.streamer_deployment != "lambda" || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/", var.streamer_image))
    error_message = "streamer_image is \"${coalesce(var.streamer_image, "null")}\": Lambda runs images of ECR alone; push it to the repository in the output `repository_url`."
  }
}

variable "streamer_deployment" {
  description = "Where the streaming service runs. fargate (recommended): containers behind a load balancer, 100 streams per container, changes within a second. lambda: one stream per execution environment, changes by poll every 5 s, billed for each second that a stream is open; cheaper up to about three streams that are always open."
  type        = string
  default     = "fargate"
  nullable    = false

  validation {
    condition     = contains(["fargate", "lambda"], var.streamer_deployment)
    error_message = "streamer_deployment is \"${var.streamer_deployment}\": choose fargate or lambda."
  }
}

variable "certificate_arn" {
  description = "ARN of an ACM certificate in this region: the load balancer then speaks HTTPS and HTTP/2, and port 80 redirects. null: plain HTTP, for trials only, because tickets and the gateway's secret would be readable on the network, and a browser opens at most six streams per host. fargate only: a Function URL always has HTTPS."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:(acm|iam):[a-z0-9-]*:[0-9]{12}:(server-)?certificate/.+$", var.certificate_arn))
    error_message = "certificate_arn is \"${coalesce(var.certificate_arn, "null")}\": give the ARN of a certificate, such as arn:aws:acm:eu-west-1:111122223333:certificate/…, or null for plain HTTP."
  }
  validation {
    condition     = try(regex("^arn:[^:]+:acm:([^:]*):", var.certificate_arn)[0], var.region) == var.region
    error_message = "certificate_arn is \"${coalesce(var.certificate_arn, "null")}\", but region is ${var.region}: a load balancer uses certificates of its own region alone; request one there (us-east-1 is CloudFront's)."
  }
}

variable "gateway_secret_arns" {
  description = "ARNs of Secrets Manager secrets that your gateway sends in X-Gateway-Secret (docs/settings.md says who is a client): the X-User-ID of requests with one of them is accepted. Empty: no user is identified and users' configurations answer 401; the public stream works. Several allow rotation."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.gateway_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}$", arn))])
    error_message = "gateway_secret_arns is ${jsonencode(var.gateway_secret_arns)}: give ARNs of Secrets Manager secrets (arn:aws:secretsmanager:…:secret:…), never a secret's value."
  }
  validation {
    condition     = length(distinct(var.gateway_secret_arns)) == length(var.gateway_secret_arns)
    error_message = "gateway_secret_arns is ${jsonencode(var.gateway_secret_arns)}: an ARN is repeated, which the service refuses; name each once."
  }
  validation {
    condition     = length(var.gateway_secret_arns) == 0 || var.streamer_deployment != "fargate" || var.certificate_arn != null || var.internal || var.existing_listener_arn != null
    error_message = "gateway_secret_arns is ${jsonencode(var.gateway_secret_arns)}, but certificate_arn is null: the secret would cross the internet readably, and whoever reads it can be any user. Give certificate_arn, or make the load balancer internal."
  }
}

# Tables

variable "existing_sentiment_table" {
  description = "Name of a sentiment table that exists: keys source_id and timestamp, index by_sentiment (keys sentiment and timestamp; with matched_tickers, ticker, score, confidence, source and updated_at), stream NEW_AND_OLD_IMAGES. It is read, never changed and never destroyed. null: a table is created."
  type        = string
  default     = null

  validation {
    condition     = var.existing_sentiment_table == null || can(regex("^[A-Za-z0-9_.-]{3,255}$", var.existing_sentiment_table))
    error_message = "existing_sentiment_table is \"${coalesce(var.existing_sentiment_table, "null")}\": give the table's name (not its ARN), or null to have one made."
  }
}

variable "existing_users_table" {
  description = "Name of a table of users' configurations that exists: keys PK and SK, stream NEW_AND_OLD_IMAGES. null: a table is created."
  type        = string
  default     = null

  validation {
    condition     = var.existing_users_table == null || can(regex("^[A-Za-z0-9_.-]{3,255}$", var.existing_users_table))
    error_message = "existing_users_table is \"${coalesce(var.existing_users_table, "null")}\": give the table's name (not its ARN), or null to have one made."
  }
  validation {
    condition     = var.existing_users_table == null || var.existing_users_table != var.existing_sentiment_table
    error_message = "existing_users_table is \"${coalesce(var.existing_users_table, "null")}\", which is existing_sentiment_table too: give another table, or null to have one made."
  }
}

variable "table_kms_key_arns" {
  description = "ARNs of the customer keys of existing tables, if any; the functions and containers get kms:Decrypt on them."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.table_kms_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "table_kms_key_arns is ${jsonencode(var.table_kms_key_arns)}: give ARNs of keys (arn:aws:kms:…:key/…), not of aliases: IAM knows keys alone."
  }
}

variable "deletion_protection" {
  description = "Whether the created tables and the load balancer are protected against deletion. While it is applied, `terraform destroy`, another name, and lambda in place of fargate are refused before anything is removed: set it to false, and apply, first."
  type        = bool
  default     = true
  nullable    = false
}

# Secrets and encryption

variable "ticket_secret_arns" {
  description = "ARNs of Secrets Manager secrets that encrypt the tickets of browsers (docs/client.md): the first encrypts, all decrypt. Empty: a secret is created, whose value is in no plan and no state."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.ticket_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}$", arn))])
    error_message = "ticket_secret_arns is ${jsonencode(var.ticket_secret_arns)}: give ARNs of Secrets Manager secrets (arn:aws:secretsmanager:…:secret:…), never a secret's value."
  }
  validation {
    condition     = length(distinct(var.ticket_secret_arns)) == length(var.ticket_secret_arns)
    error_message = "ticket_secret_arns is ${jsonencode(var.ticket_secret_arns)}: an ARN is repeated, which the service refuses; name each once."
  }
}

variable "secret_kms_key_arns" {
  description = "ARNs of the customer keys of the given secrets, if any; the readers of the secrets get kms:Decrypt on them."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.secret_kms_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "secret_kms_key_arns is ${jsonencode(var.secret_kms_key_arns)}: give ARNs of keys (arn:aws:kms:…:key/…), not of aliases: IAM knows keys alone."
  }
}

variable "kms_key_arn" {
  description = "ARN of a customer key ($1 a month and its requests) for everything that is created: tables, topic, failure queue, logs, images and ticket secret. Its policy must let logs.<region>.amazonaws.com use it. null: keys that AWS owns or manages, free of charge."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is \"${coalesce(var.kms_key_arn, "null")}\": give the ARN of a key (arn:aws:kms:…:key/…), not of an alias: IAM knows keys alone."
  }
}

# Roles

variable "permissions_boundary_arn" {
  description = "ARN of the policy that every role gets as its permissions boundary. It must allow what the roles do, or they may not do it. null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is \"${coalesce(var.permissions_boundary_arn, "null")}\": give the ARN of a policy, such as arn:aws:iam::111122223333:policy/boundary, or null."
  }
}

variable "iam_path" {
  description = "Path of every role, such as /teams/news/. A change makes the roles anew."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9_.,+@=-]+/)*$", var.iam_path)) && length(var.iam_path) <= 512
    error_message = "iam_path is \"${var.iam_path}\": give a path that begins and ends with a slash, such as /teams/news/."
  }
}

# Network (fargate)

variable "vpc_id" {
  description = "VPC for the load balancer and the containers. null: a small VPC is created (two public subnets, no NAT gateway and thus no hourly price; containers have public addresses, but only the load balancer can reach them)."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id is \"${coalesce(var.vpc_id, "null")}\": give a VPC's id, such as vpc-0123456789abcdef0, or null to have one made."
  }
}

variable "public_subnet_ids" {
  description = "With vpc_id: the load balancer's subnets, in at least two availability zones; private ones if it is internal."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (var.vpc_id == null) == (length(var.public_subnet_ids) == 0)
    error_message = "public_subnet_ids is ${jsonencode(var.public_subnet_ids)} and vpc_id is ${jsonencode(var.vpc_id)}: give both, or neither."
  }
  validation {
    condition     = length(var.public_subnet_ids) != 1
    error_message = "public_subnet_ids is ${jsonencode(var.public_subnet_ids)}: a load balancer needs subnets in two availability zones at least."
  }
}

variable "container_subnet_ids" {
  description = "With vpc_id: subnets of the containers. They need access to AWS's APIs: a NAT gateway, VPC endpoints, or container_public_ip. Empty: the load balancer's subnets."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.vpc_id != null || length(var.container_subnet_ids) == 0
    error_message = "container_subnet_ids is ${jsonencode(var.container_subnet_ids)}, but vpc_id is null: name the VPC that they are in."
  }
}

variable "container_public_ip" {
  description = "Whether containers get public addresses, which they need to reach AWS in a subnet without NAT. null: true if the VPC is created here, else false."
  type        = bool
  default     = null
}

variable "vpc_cidr" {
  description = "Address range of the created VPC, /16 to /24. It must differ from networks that you connect to it."
  type        = string
  default     = "10.42.0.0/20"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("^[0-9.]+/(1[6-9]|2[0-4])$", var.vpc_cidr))
    error_message = "vpc_cidr is \"${var.vpc_cidr}\": give an IPv4 network of /16 to /24, such as 10.42.0.0/20."
  }
}

variable "internal" {
  description = "Whether the load balancer has only private addresses."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.internal || var.vpc_id != null
    error_message = "internal is true, but vpc_id is null: nobody could reach a private load balancer in the VPC that would be made; name yours."
  }
}

variable "allowed_cidrs" {
  description = "IPv4 networks that may connect to the load balancer. The default is every network, because the stream is public."
  type        = set(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrhost(cidr, 0)) && !strcontains(cidr, ":")])
    error_message = "allowed_cidrs is ${jsonencode(var.allowed_cidrs)}: give one IPv4 network or more, such as 203.0.113.0/24."
  }
}

variable "forwarding_proxy_cidrs" {
  description = "fargate only: networks of proxies between clients and the load balancer, such as a CDN's, whose entries in X-Forwarded-For are accepted beside the load balancer's own. Without them, all clients that come through one such proxy count as its address (SSE_MAX_PER_ADDRESS)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.forwarding_proxy_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "forwarding_proxy_cidrs is ${jsonencode(var.forwarding_proxy_cidrs)}: give networks such as 203.0.113.0/24, and not the whole internet."
  }
  validation {
    condition     = alltrue([for cidr in var.forwarding_proxy_cidrs : try(cidrhost(cidr, 0) == cidrhost("${split("/", cidr)[0]}/${strcontains(cidr, ":") ? 128 : 32}", 0), true)])
    error_message = "forwarding_proxy_cidrs is ${jsonencode(var.forwarding_proxy_cidrs)}: a network has host bits set, which the service refuses; 203.0.113.7/24 is 203.0.113.0/24."
  }
}

variable "domain_name" {
  description = "Host name of the certificate, which you point at the load balancer; the output URLs then use it. null: the load balancer's own name."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name is \"${coalesce(var.domain_name, "null")}\": give a host name, such as stream.example.com, without https:// and without a path."
  }
}

variable "zone_id" {
  description = "fargate only: id of the Route 53 hosted zone of domain_name: a record of that name is made, an alias of the load balancer. null: you point domain_name at the output load_balancer yourself."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{1,32}$", var.zone_id))
    error_message = "zone_id is \"${coalesce(var.zone_id, "null")}\": give the id of a hosted zone, such as Z0123456789ABCDEFGHIJ, or null."
  }
  validation {
    condition     = var.zone_id == null || (var.domain_name != null && var.streamer_deployment == "fargate")
    error_message = "zone_id is \"${coalesce(var.zone_id, "null")}\", but there is nothing to name: give domain_name, the record's name, and fargate (a Function URL takes no other name)."
  }
}

variable "web_acl_arn" {
  description = "fargate only: ARN of a web ACL of AWS WAF (regional) for the load balancer. Its rules must let a stream live: none may limit the duration or size of a response. null: none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:aws[a-z-]*:wafv2:${var.region}:[0-9]{12}:regional/webacl/[A-Za-z0-9_-]+/[A-Za-z0-9-]+$", var.web_acl_arn))
    error_message = "web_acl_arn is \"${coalesce(var.web_acl_arn, "null")}\": give the ARN of a regional web ACL in ${var.region}, such as arn:aws:wafv2:${var.region}:111122223333:regional/webacl/name/id; those of CloudFront are no load balancer's."
  }
  validation {
    condition     = var.web_acl_arn == null || var.streamer_deployment == "fargate"
    error_message = "web_acl_arn is \"${coalesce(var.web_acl_arn, "null")}\", but streamer_deployment is lambda: a Function URL takes no web ACL."
  }
}

variable "existing_listener_arn" {
  description = "fargate only: ARN of a listener of an Application Load Balancer that exists, in vpc_id. The service is then its host domain_name, by three listener rules; certificate, web ACL, access log, allowed networks and the way out to the containers (port 8080; output security_group_ids) stay its owner's. public_subnet_ids are its subnets, from which X-Forwarded-For is believed. Its idle timeout must exceed 15 s. null: a load balancer is made."
  type        = string
  default     = null

  validation {
    condition     = var.existing_listener_arn == null || can(regex("^arn:aws[a-z-]*:elasticloadbalancing:${var.region}:[0-9]{12}:listener/app/[^/]+/[^/]+/[^/]+$", var.existing_listener_arn))
    error_message = "existing_listener_arn is \"${coalesce(var.existing_listener_arn, "null")}\": give the ARN of an Application Load Balancer's listener in ${var.region} (arn:aws:elasticloadbalancing:${var.region}:…:listener/app/…), or null."
  }
  validation {
    condition     = var.existing_listener_arn == null || (var.vpc_id != null && var.domain_name != null)
    error_message = "existing_listener_arn is \"${coalesce(var.existing_listener_arn, "null")}\": give vpc_id and public_subnet_ids, where its load balancer is, and domain_name, the host of its rules."
  }
  validation {
    condition     = var.existing_listener_arn == null || (var.certificate_arn == null && var.web_acl_arn == null && var.access_log_bucket == null)
    error_message = "existing_listener_arn is \"${coalesce(var.existing_listener_arn, "null")}\", whose load balancer has certificate, web ACL and access log of its own: leave certificate_arn, web_acl_arn and access_log_bucket null."
  }
}

variable "listener_rule_priority" {
  description = "Priority of the first of three listener rules, which have this number and the next two. With existing_listener_arn: numbers that are free there, and before a rule that would take the host."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.listener_rule_priority >= 1 && var.listener_rule_priority <= 49998 && floor(var.listener_rule_priority) == var.listener_rule_priority
    error_message = "listener_rule_priority is ${var.listener_rule_priority}: give a whole number of 1 to 49998."
  }
}

variable "tls_policy" {
  description = "The load balancer's security policy for HTTPS. The default is TLS 1.3 and 1.2 with forward secrecy."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  nullable    = false

  validation {
    condition     = startswith(var.tls_policy, "ELBSecurityPolicy-")
    error_message = "tls_policy is \"${var.tls_policy}\": give a predefined policy's name, such as ELBSecurityPolicy-TLS13-1-2-2021-06."
  }
}

variable "access_log_bucket" {
  description = "S3 bucket for the load balancer's access log, with a policy that allows it to write. The log contains complete URLs, including tickets, which open a stream until they expire: keep the bucket private. null: no access log."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_bucket == null || (can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.access_log_bucket)) && !can(regex("\\.\\.|^[0-9.]+$", var.access_log_bucket)))
    error_message = "access_log_bucket is \"${coalesce(var.access_log_bucket, "null")}\": give the name of a bucket (3 to 63 lower-case letters, digits, dots and hyphens), not its ARN and not a URL."
  }
}

# Containers (fargate)

variable "desired_count" {
  description = "Initial number of containers (fargate only). It is used only when the service is created; later autoscaling, or the command of the output `scale_command`, sets the number, and no apply reverts it. Two survive the loss of one."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.desired_count >= 1 && var.desired_count <= 1000 && floor(var.desired_count) == var.desired_count
    error_message = "desired_count is ${var.desired_count}: give a whole number of 1 to 1000."
  }
}

variable "autoscaling" {
  description = "fargate only: scale the number of containers between min and max, so that on average a container has target_streams open streams and uses target_cpu percent of its processor: more containers if either is exceeded, fewer if both allow it. null: the number stays. Open streams do not move to a new container; they spread within one stream_lifetime."
  type = object({
    min            = number
    max            = number
    target_streams = optional(number, 60)
    target_cpu     = optional(number, 70)
  })
  default = null

  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.min >= 1 && var.autoscaling.max >= var.autoscaling.min && floor(var.autoscaling.min) == var.autoscaling.min && floor(var.autoscaling.max) == var.autoscaling.max
    error_message = "autoscaling is ${jsonencode(var.autoscaling)}: give whole numbers, min of 1 at least and max not below it."
  }
  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.target_streams >= 1 && var.autoscaling.target_streams < var.max_streams
    error_message = "autoscaling is ${jsonencode(var.autoscaling)}: target_streams must be at least 1 and below max_streams (${var.max_streams}), since a full container turns streams away."
  }
  validation {
    condition     = var.autoscaling == null ? true : var.autoscaling.target_cpu >= 10 && var.autoscaling.target_cpu <= 90
    error_message = "autoscaling is ${jsonencode(var.autoscaling)}: target_cpu is a percentage of 10 to 90."
  }
  validation {
    condition     = var.autoscaling == null || var.metrics
    error_message = "autoscaling is ${jsonencode(var.autoscaling)}, but metrics is false: it scales by the metric streams_open, so set metrics to true."
  }
}

variable "cpu" {
  description = "Processor of a container, in 1/1024 of one: 256, 512, 1024, 2048 or 4096. Half a processor serves 100 streams at some hundreds of events per second."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "cpu is ${var.cpu}: choose 256, 512, 1024, 2048 or 4096."
  }
}

variable "memory" {
  description = "Memory of a container in MiB, as Fargate sells it: two to eight times cpu, in steps of 1024 (512 too for 256). 1024 holds 200,000 remembered items, the history, and 100 streams."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = (var.cpu == 256 && var.memory == 512) || (var.memory % 1024 == 0 && var.memory >= 2 * var.cpu && var.memory <= (var.cpu == 4096 ? 30720 : 8 * var.cpu))
    error_message = "memory is ${var.memory} with cpu ${var.cpu}: Fargate has two to eight times cpu, in steps of 1024 MiB (512 MiB too for cpu 256; at most 30720 for 4096)."
  }
}

variable "architecture" {
  description = "Processor of functions and containers, in Lambda's terms: arm64 (a fifth cheaper) or x86_64. The image and the packages must match."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is \"${var.architecture}\": choose arm64 or x86_64."
  }
}

variable "max_streams" {
  description = "Maximum number of open streams per container, then 503 with Retry-After (SSE_MAX_CONNECTIONS). fargate only."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.max_streams >= 1 && var.max_streams <= 60000 && floor(var.max_streams) == var.max_streams
    error_message = "max_streams is ${var.max_streams}: give a whole number of 1 to 60000; the limit of open files (65536) bounds it."
  }
}

variable "stream_lifetime" {
  description = "Maximum lifetime of a stream in seconds (SSE_LIFETIME). A replaced container keeps its streams for this time plus a minute, so that every stream ends with its own `closing`; a deployment takes as long. 15 min is also Lambda's limit."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.stream_lifetime >= 60 && var.stream_lifetime <= 3540 && floor(var.stream_lifetime) == var.stream_lifetime
    error_message = "stream_lifetime is ${var.stream_lifetime}: give whole seconds of 60 to 3540; the load balancer waits 60 s longer, and an hour at most."
  }
  validation {
    condition     = var.streamer_deployment != "lambda" || var.stream_lifetime <= 900
    error_message = "stream_lifetime is ${var.stream_lifetime}: Lambda ends a stream after 900 s; give no more."
  }
}

variable "drain_window" {
  description = "Seconds over which a stopping container spreads its `closing` events (SSE_DRAIN_WINDOW). ECS kills it 25 s later; the sum is at most 120 s."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.drain_window >= 1 && var.drain_window <= 95 && floor(var.drain_window) == var.drain_window
    error_message = "drain_window is ${var.drain_window}: give whole seconds of 1 to 95; with the 25 s to stop after it, ECS allows 120."
  }
}

variable "deployment_alarms" {
  description = "fargate only: CloudWatch alarms that end a deployment and bring the previous one back, beside ECS's own circuit breaker, which sees only containers that do not get healthy. own: two alarms are made for it, $0.20 a month (a container gets events from nowhere for 3 min, if metrics is true; the load balancer answers 5xx over 10 times in 5 min). names: alarms of yours. {}: the two. An alarm that is on when a deployment begins does not count. null: none."
  type = object({
    own   = optional(bool, true)
    names = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.deployment_alarms == null ? true : var.deployment_alarms.own || length(var.deployment_alarms.names) > 0
    error_message = "deployment_alarms is ${jsonencode(var.deployment_alarms)}: name alarms, set own to true, or use null for none."
  }
}

variable "ecs_exec" {
  description = "fargate only: whether `aws ecs execute-command` may open a shell in a container, for those whom IAM lets. Its agent needs a writable root file system, so containers then have one. Containers that run already do not get it."
  type        = bool
  default     = false
  nullable    = false
}

variable "existing_cluster_name" {
  description = "fargate only: name of an ECS cluster that exists, which is left as it is (container_insights is its owner's). null: one is made."
  type        = string
  default     = null

  validation {
    condition     = var.existing_cluster_name == null || can(regex("^[A-Za-z][A-Za-z0-9_-]{0,254}$", var.existing_cluster_name))
    error_message = "existing_cluster_name is \"${coalesce(var.existing_cluster_name, "null")}\": give a cluster's name (not its ARN), or null to have one made."
  }
}

variable "container_insights" {
  description = "ECS's own metrics of the cluster: disabled, enabled or enhanced. They cost some dollars a month; the dashboard does not need them."
  type        = string
  default     = "disabled"
  nullable    = false

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights is \"${var.container_insights}\": choose disabled, enabled or enhanced."
  }
}

# The streaming function (lambda)

variable "lambda_max_streams" {
  description = "Maximum number of open streams in lambda mode: each uses an execution environment, so this is the function's reserved concurrency and limits its bill. AWS keeps 100 of the account's concurrency unreserved: a new account, with 10 in all, must raise its quota first. -1: no limit."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = (var.lambda_max_streams >= 1 || var.lambda_max_streams == -1) && floor(var.lambda_max_streams) == var.lambda_max_streams
    error_message = "lambda_max_streams is ${var.lambda_max_streams}: give a whole number of 1 or more, or -1 for no bound of its own."
  }
}

variable "lambda_memory" {
  description = "Memory of the streaming function in MiB, which determines its price. With 512 the service starts within some seconds."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.lambda_memory >= 256 && var.lambda_memory <= 10240 && floor(var.lambda_memory) == var.lambda_memory
    error_message = "lambda_memory is ${var.lambda_memory}: give whole MiB of 256 to 10240."
  }
}

variable "iam_session_is_user" {
  description = "With AWS_IAM on a Function URL: whether the name of a role's session is part of a user's id (IAM_SESSION_IS_USER). The caller chooses that name, so use true only if a trusted broker assumes the role. false: a role is one user."
  type        = bool
  default     = false
  nullable    = false
}

variable "stream_auth_type" {
  description = "Who may call the streaming Function URL: NONE (everybody, as browsers need it; users are identified by ticket or gateway) or AWS_IAM (signed requests of this account's principals)."
  type        = string
  default     = "NONE"
  nullable    = false

  validation {
    condition     = contains(["NONE", "AWS_IAM"], var.stream_auth_type)
    error_message = "stream_auth_type is \"${var.stream_auth_type}\": choose NONE or AWS_IAM."
  }
}

# Relay and REST

variable "relay_package" {
  description = "Path of the relay's zip. null: build/relay-<architecture>.zip of this repository, which `make package` builds."
  type        = string
  default     = null
}

variable "rest_package" {
  description = "Path of the REST function's zip, which is the reaper's, too. null: build/rest-<architecture>.zip of this repository, which `make package` builds."
  type        = string
  default     = null
}

variable "rest_auth_type" {
  description = "Who may call the REST Function URL: NONE (everybody, as browsers need it; users are identified by the gateway's secret) or AWS_IAM (signed requests of this account's principals)."
  type        = string
  default     = "NONE"
  nullable    = false

  validation {
    condition     = contains(["NONE", "AWS_IAM"], var.rest_auth_type)
    error_message = "rest_auth_type is \"${var.rest_auth_type}\": choose NONE or AWS_IAM."
  }
}

variable "rest_max_concurrency" {
  description = "Maximum number of concurrent REST requests: the function's reserved concurrency. Its URL is public, so without a limit it could use all of the account's concurrency, including the relay's. 20 serve some hundreds of requests per second. AWS keeps 100 of the account's concurrency unreserved (10 of a new account's 10): if that leaves too little, raise the quota, or use -1 for no limit."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = (var.rest_max_concurrency >= 1 || var.rest_max_concurrency == -1) && floor(var.rest_max_concurrency) == var.rest_max_concurrency
    error_message = "rest_max_concurrency is ${var.rest_max_concurrency}: give a whole number of 1 or more, or -1 for no bound of its own."
  }
}

variable "relay_reserved_concurrency" {
  description = "Concurrency reserved for the relay, so that no other function of the account can starve it, and its maximum: one per shard of the two tables, and one for the canary. Tables of more than 18 shards need more than 20. If the account's quota is too small (10 in a new account), use -1 to reserve none."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = (var.relay_reserved_concurrency >= 3 || var.relay_reserved_concurrency == -1) && floor(var.relay_reserved_concurrency) == var.relay_reserved_concurrency
    error_message = "relay_reserved_concurrency is ${var.relay_reserved_concurrency}: give a whole number of 3 or more (two tables and the canary), or -1 to keep none."
  }
}

# Service settings

variable "cors_origins" {
  description = "Origins of other sites whose pages may read the stream and REST, such as https://app.example.com; [\"*\"] for all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^(\\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)$", origin))])
    error_message = "cors_origins is ${jsonencode(var.cors_origins)}: give origins without a path, such as https://app.example.com, or \"*\"."
  }
}

variable "operator_cidrs" {
  description = "Networks of the clients that may read /api/v2/stream/status, /docs and /openapi.json, in both modes (OPERATOR_NETWORKS): to others they are a 404. A client behind a proxy is known by forwarding_proxy_cidrs. null: everyone."
  type        = list(string)
  default     = null

  validation {
    condition     = var.operator_cidrs == null ? true : length(var.operator_cidrs) > 0 && alltrue([for cidr in var.operator_cidrs : try(!endswith(cidr, "/0") && cidrhost(cidr, 0) == cidrhost("${split("/", cidr)[0]}/${strcontains(cidr, ":") ? 128 : 32}", 0), false)])
    error_message = "operator_cidrs is ${jsonencode(var.operator_cidrs)}: give one network or more without host bits, such as 203.0.113.0/24, and not the whole internet; null lets everyone."
  }
}

variable "log_level" {
  description = "Minimum level of log lines: DEBUG, INFO, WARNING or ERROR."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level is \"${var.log_level}\": choose DEBUG, INFO, WARNING or ERROR."
  }
}

variable "streamer_environment" {
  description = "Further settings of the streaming service (docs/settings.md): { SSE_HEARTBEAT_INTERVAL = \"20\" }. Settings that have a variable here are refused."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.streamer_environment) : can(regex("^SSE_[A-Z_]+$", key)) || contains(["TICKET_LIFETIME", "TRUSTED_PROXIES", "METRICS_INTERVAL", "AWS_ENDPOINT_URL"], key)])
    error_message = "streamer_environment has the keys ${jsonencode(keys(var.streamer_environment))}: give SSE_* settings, TICKET_LIFETIME, TRUSTED_PROXIES or METRICS_INTERVAL of docs/settings.md; the others have variables."
  }
  validation {
    condition     = length(setintersection(keys(var.streamer_environment), ["SSE_HOST", "SSE_PORT", "SSE_MAX_CONNECTIONS", "SSE_LIFETIME", "SSE_DRAIN_WINDOW", "SSE_INTAKE", "SSE_KEEP_ALIVE"])) == 0
    error_message = "streamer_environment has the keys ${jsonencode(keys(var.streamer_environment))}: SSE_MAX_CONNECTIONS, SSE_LIFETIME and SSE_DRAIN_WINDOW are max_streams, stream_lifetime and drain_window, which other resources follow; SSE_HOST, SSE_PORT, SSE_INTAKE and SSE_KEEP_ALIVE are Terraform's."
  }
  validation {
    condition = alltrue([for key, value in var.streamer_environment : try(
      tonumber(value) >= try(local.setting_limits[key].minimum, tonumber(value)) &&
      tonumber(value) <= try(local.setting_limits[key].maximum, tonumber(value)) &&
      (can(local.setting_limits[key].above) ? tonumber(value) > local.setting_limits[key].above : true) &&
      (local.setting_limits[key].type == "integer" ? floor(tonumber(value)) == tonumber(value) : true),
      value == "" || !can(local.setting_limits[key].type)
    )])
    error_message = "streamer_environment has a number that the service refuses, with which it would not start. Given, and taken: ${join("; ", [for key, value in var.streamer_environment : "${key} = \"${value}\" (${join(", ", [for name, limit in local.setting_limits[key] : "${name} ${limit}"])})" if can(local.setting_limits[key].type)])}."
  }
  validation {
    condition     = alltrue([for network in compact([for part in split(",", lookup(var.streamer_environment, "TRUSTED_PROXIES", "")) : trimspace(part)]) : try(!endswith(network, "/0") && cidrhost(strcontains(network, "/") ? network : "${network}/${strcontains(network, ":") ? 128 : 32}", 0) == cidrhost("${split("/", network)[0]}/${strcontains(network, ":") ? 128 : 32}", 0), false)])
    error_message = "streamer_environment has TRUSTED_PROXIES = \"${lookup(var.streamer_environment, "TRUSTED_PROXIES", "")}\", which the service refuses: give networks without host bits, such as 10.0.0.0/8, and not the whole internet."
  }
}

locals {
  # What the service takes, by setting. Written from its settings by tests/contract/test_terraform_settings.py.
  setting_limits = jsondecode(file("${path.module}/settings.json"))
}

# Observability

variable "metrics" {
  description = "Whether functions and containers write their metrics (EMF lines in the logs, from which CloudWatch extracts them). 34 metrics of $0.30 a month each; without them dashboard and alarms use only AWS's own metrics."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarms" {
  description = "CloudWatch alarms, $0.10 a month for each metric watched: 23 on fargate, 12 on lambda (docs/operations.md has the list): the SNS topics to notify, as { topic_arns = [\"arn:aws:sns:…\"] } (standard ones, not .fifo). page_topic_arns gets only the alarms worth waking up for, ticket_topic_arns only the others. null: no alarms. The topics must not be encrypted with alias/aws/sns, to which alarms cannot publish."
  type = object({
    topic_arns        = optional(list(string), [])
    page_topic_arns   = optional(list(string), [])
    ticket_topic_arns = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.alarms == null ? true : alltrue([for arn in concat(var.alarms.topic_arns, var.alarms.page_topic_arns, var.alarms.ticket_topic_arns) : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", arn))])
    error_message = "alarms is ${jsonencode(var.alarms)}: its topics must be ARNs of standard SNS topics (arn:aws:sns:…)."
  }
  validation {
    condition     = var.alarms == null ? true : length(concat(var.alarms.topic_arns, var.alarms.page_topic_arns)) > 0 && length(concat(var.alarms.topic_arns, var.alarms.ticket_topic_arns)) > 0
    error_message = "alarms is ${jsonencode(var.alarms)}: one class tells nobody. Give topic_arns, or page_topic_arns and ticket_topic_arns; null for no alarms."
  }
}

variable "runbook_url" {
  description = "Where the engineer on call reads docs/operations.md: each alarm and the dashboard link to its section there. An https:// address, such as that of the file in your repository."
  type        = string
  default     = "docs/operations.md"
  nullable    = false

  validation {
    condition     = var.runbook_url == "docs/operations.md" || can(regex("^https://[^ #]{3,300}$", var.runbook_url))
    error_message = "runbook_url is \"${var.runbook_url}\": give an https:// address without a # part; each alarm adds its own."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces are sent ($5 for a million, and on fargate a small sidecar in each container's task)."
  type        = bool
  default     = false
  nullable    = false
}

variable "otlp_endpoint" {
  description = "On fargate: the OpenTelemetry collector to which containers send their traces by OTLP over HTTP, such as http://collector.internal:4318, in place of X-Ray's daemon; null: none. The functions have X-Ray's traces alone: with tracing = true their decisions to sample reach the containers, which continue these traces."
  type        = string
  default     = null

  validation {
    condition     = var.otlp_endpoint == null ? true : can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[^ ?#]*)?$", var.otlp_endpoint))
    error_message = "otlp_endpoint is ${jsonencode(var.otlp_endpoint)}: give the collector's base address, such as http://collector.internal:4318; /v1/traces is added."
  }
  validation {
    condition     = var.otlp_endpoint == null || var.streamer_deployment == "fargate"
    error_message = "otlp_endpoint is ${jsonencode(var.otlp_endpoint)}, but a Lambda function is frozen between requests and sends nothing then: set tracing = true for X-Ray."
  }
}

variable "metrics_token_secret_arns" {
  description = "On fargate: ARNs of Secrets Manager secrets, whose values open GET /metrics of a container to Prometheus (Authorization: Bearer). Empty: /metrics is a 404. Several allow rotation."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.metrics_token_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}$", arn))])
    error_message = "metrics_token_secret_arns is ${jsonencode(var.metrics_token_secret_arns)}: give ARNs of Secrets Manager secrets (arn:aws:secretsmanager:…:secret:…), never a secret's value."
  }
}

variable "xray_daemon_image" {
  description = "With tracing on fargate: the X-Ray daemon's image."
  type        = string
  default     = "public.ecr.aws/xray/aws-xray-daemon:3.3.14"
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which logs are kept; one of CloudWatch's values."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is ${var.log_retention_days}: choose 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "force_delete" {
  description = "Whether `terraform destroy` also deletes images in the repository, and the ticket secret at once instead of after 30 days. It counts as it was applied last. For trials, and for the end."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of everything that is created, beside deployment and managed-by. The queues that containers make have them, too (QUEUE_TAGS), except service, topic and heartbeat, which the service sets on its queues itself."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.tags), ["deployment", "managed-by"])) == 0 && !anytrue([for key in keys(var.tags) : startswith(key, "aws:")])
    error_message = "tags is ${jsonencode(var.tags)}: deployment and managed-by are set already, and AWS keeps aws: for itself; give others."
  }
  validation {
    condition     = length(var.tags) <= 45 && alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$", value))])
    error_message = "tags is ${jsonencode(var.tags)}: a queue takes 45 beside the deployment's and the service's own, keys of 1 to 128 and values of at most 256 letters, digits, spaces and _ . : / = + - @."
  }
}
