# The state in S3, for a team: copy this file beside the configuration that you apply, name your bucket and region, and
# `terraform init` (with -migrate-state if there is a state in the folder). Give every deployment a key of its own: two
# states with one name are refused, and two names under one key replace each other.
#
# The bucket is made once, by hand or by another configuration, private and with versioning, so that an earlier state can
# be read again.

terraform {
  backend "s3" {
    bucket       = "example-terraform-state"
    key          = "sentiment/terraform.tfstate"
    region       = "eu-west-1"
    encrypt      = true
    use_lockfile = true # two applies at once: the second is refused, by a lock beside the state
  }
}
