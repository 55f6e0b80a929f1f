resource "aws_ecr_repository" "streamer" {
  name                 = "${var.name}-streamer"
  image_tag_mutability = "IMMUTABLE" # a tag that a task definition names is always the same image: a rollback means it
  force_delete         = var.force_delete
  tags                 = local.tags

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = var.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "streamer" {
  repository = aws_ecr_repository.streamer.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the 20 newest images"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }
      action       = { type = "expire" }
    }]
  })
}

# Lambda fetches the image as itself, not with the function's role.
resource "aws_ecr_repository_policy" "streamer" {
  count = local.fargate ? 0 : 1

  repository = aws_ecr_repository.streamer.name
  policy     = data.aws_iam_policy_document.repository.json
}

data "aws_iam_policy_document" "repository" {
  statement {
    sid     = "LambdaFetches"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:lambda:${var.region}:${local.account_id}:function:${var.name}-stream"]
    }
  }
}
