# Both tables have a stream with old and new images, which the relay reads. A table that exists is only looked at: what
# it lacks is said at plan, before anything is made.

locals {
  sentiment_index = "by_sentiment"
  # What every query asks of the index, beside the keys: DynamoDB refuses a query for what an index does not project.
  sentiment_attributes = ["matched_tickers", "ticker", "score", "confidence", "source", "updated_at"]

  sentiment_table = var.existing_sentiment_table == null ? {
    name       = aws_dynamodb_table.sentiment[0].name
    arn        = aws_dynamodb_table.sentiment[0].arn
    stream_arn = aws_dynamodb_table.sentiment[0].stream_arn
    } : {
    name       = var.existing_sentiment_table
    arn        = data.aws_dynamodb_table.sentiment[0].arn
    stream_arn = data.aws_dynamodb_table.sentiment[0].stream_arn
  }

  users_table = var.existing_users_table == null ? {
    name       = aws_dynamodb_table.users[0].name
    arn        = aws_dynamodb_table.users[0].arn
    stream_arn = aws_dynamodb_table.users[0].stream_arn
    } : {
    name       = var.existing_users_table
    arn        = data.aws_dynamodb_table.users[0].arn
    stream_arn = data.aws_dynamodb_table.users[0].stream_arn
  }

  # Keys that whoever reads a table or its stream must be able to use.
  table_keys = distinct(concat(
    var.table_kms_key_arns,
    var.kms_key_arn != null && (var.existing_sentiment_table == null || var.existing_users_table == null) ? [var.kms_key_arn] : [],
  ))
}

resource "aws_dynamodb_table" "sentiment" {
  count = var.existing_sentiment_table == null ? 1 : 0

  name                        = "${var.name}-items"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "source_id"
  range_key                   = "timestamp"
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  attribute {
    name = "source_id"
    type = "S"
  }
  attribute {
    name = "timestamp"
    type = "S"
  }
  attribute {
    name = "sentiment"
    type = "S"
  }

  # Every query is billed by the whole items of this projection: it has what a client sees, the expiry, by which a
  # query tells a deletion by TTL from others, and no article's text. The keys of table and index are always in it. (Provider 6.28 and newer would rather have `key_schema` for the two keys,
  # and say so; older ones do not know it.)
  global_secondary_index {
    name               = local.sentiment_index
    hash_key           = "sentiment"
    range_key          = "timestamp"
    projection_type    = "INCLUDE"
    non_key_attributes = concat(local.sentiment_attributes, ["ttl_timestamp"])
  }

  ttl {
    attribute_name = "ttl_timestamp"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  # Without a customer key the table is encrypted with a key that AWS owns, which costs nothing.
  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn[*]
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
}

resource "aws_dynamodb_table" "users" {
  count = var.existing_users_table == null ? 1 : 0

  name                        = "${var.name}-users"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "PK"
  range_key                   = "SK"
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  attribute {
    name = "PK"
    type = "S"
  }
  attribute {
    name = "SK"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn[*]
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
}

data "aws_dynamodb_table" "sentiment" {
  count = var.existing_sentiment_table == null ? 0 : 1

  name = var.existing_sentiment_table

  lifecycle {
    postcondition {
      condition     = self.hash_key == "source_id" && self.range_key == "timestamp"
      error_message = "The table ${self.name} has the keys ${self.hash_key} and ${self.range_key}; the service reads tables with the keys source_id and timestamp."
    }
    postcondition {
      condition     = self.stream_enabled
      error_message = "The table ${self.name} has no stream, which the relay reads: turn it on (aws dynamodb update-table --table-name ${self.name} --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES)."
    }
    postcondition {
      condition     = !self.stream_enabled || self.stream_view_type == "NEW_AND_OLD_IMAGES"
      error_message = "The table ${self.name} has a stream of ${self.stream_view_type}, but the relay reads NEW_AND_OLD_IMAGES. A stream's view cannot be changed: turn the stream off (aws dynamodb update-table --table-name ${self.name} --stream-specification StreamEnabled=false), wait until the table is ACTIVE (aws dynamodb wait table-exists --table-name ${self.name}), turn it on (… --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES). The new stream has another ARN: its other readers need it."
    }
    postcondition {
      condition     = anytrue([for index in self.global_secondary_index : index.name == "by_sentiment" && index.hash_key == "sentiment" && index.range_key == "timestamp"])
      error_message = "The table ${self.name} has no index by_sentiment with the keys sentiment and timestamp, which every query reads: add it; its projection needs ${join(", ", local.sentiment_attributes)}."
    }
    postcondition {
      condition     = alltrue([for index in self.global_secondary_index : index.projection_type == "ALL" || length(setsubtract(local.sentiment_attributes, coalesce(index.non_key_attributes, []))) == 0 if index.name == "by_sentiment"])
      error_message = "The table ${self.name} has an index by_sentiment that does not project all of ${join(", ", local.sentiment_attributes)}: DynamoDB refuses every query for them. A projection cannot be changed: delete the index and make it anew, with ALL, or INCLUDE with these attributes and ttl_timestamp."
    }
  }
}

data "aws_dynamodb_table" "users" {
  count = var.existing_users_table == null ? 0 : 1

  name = var.existing_users_table

  lifecycle {
    postcondition {
      condition     = self.hash_key == "PK" && self.range_key == "SK"
      error_message = "The table ${self.name} has the keys ${self.hash_key} and ${self.range_key}; configurations are kept under PK and SK."
    }
    postcondition {
      condition     = self.stream_enabled
      error_message = "The table ${self.name} has no stream, which the relay reads: turn it on (aws dynamodb update-table --table-name ${self.name} --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES)."
    }
    postcondition {
      condition     = !self.stream_enabled || self.stream_view_type == "NEW_AND_OLD_IMAGES"
      error_message = "The table ${self.name} has a stream of ${self.stream_view_type}, but the relay reads NEW_AND_OLD_IMAGES. A stream's view cannot be changed: turn the stream off (aws dynamodb update-table --table-name ${self.name} --stream-specification StreamEnabled=false), wait until the table is ACTIVE (aws dynamodb wait table-exists --table-name ${self.name}), turn it on (… --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES). The new stream has another ARN: its other readers need it."
    }
  }
}
