# Each waits until the function may do its work: what invokes it goes away before its rights do.

output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "The function's ARN."
  value       = aws_lambda_function.this.arn
}

output "url" {
  description = "The Function URL without the slash at its end; null if there is none."
  value       = one([for url in aws_lambda_function_url.this : trimsuffix(url.function_url, "/")])
}

output "invoke_mode" {
  description = "How the Function URL answers; null if there is none."
  value       = one(aws_lambda_function_url.this[*].invoke_mode)
}

output "environment" {
  description = "The function's environment variables."
  value       = aws_lambda_function.this.environment[0].variables
}

output "reserved_concurrency" {
  description = "Concurrent invocations at most; -1: no bound of the function's own."
  value       = aws_lambda_function.this.reserved_concurrent_executions
}

output "handler" {
  description = "The handler; null of an image."
  value       = aws_lambda_function.this.handler
}

output "trust" {
  description = "JSON of who may assume the function's role."
  value       = data.aws_iam_policy_document.trust.json
}

output "conditions" {
  description = "Under which conditions every function may do what it may: by the statement's name, what has to be equal to what."
  value = { for statement in data.aws_iam_policy_document.logs.statement : statement.sid => {
    for condition in statement.condition : condition.variable => condition.values
  } }
}

output "roles" {
  description = "Path and permissions boundary of the role."
  value       = [for role in [aws_iam_role.this] : { path = role.path, boundary = role.permissions_boundary }]
}
