output "dashboard_name" {
  description = "The CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.operations.dashboard_name
}

output "dashboard_url" {
  description = "The CloudWatch dashboard in AWS's console."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.operations.dashboard_name}"
}

output "alarm_names" {
  description = "The alarms, none with `alarms = null`."
  value       = sort([for alarm in aws_cloudwatch_metric_alarm.on_call : alarm.alarm_name])
}
