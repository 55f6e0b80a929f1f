output "arn" {
  description = "The secret's ARN; whoever gets it finds a value there."
  value       = aws_secretsmanager_secret.this.arn
  depends_on  = [aws_secretsmanager_secret_version.this]
}
