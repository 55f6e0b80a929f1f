output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

# The way out belongs to a subnet that can be used: containers that stop at a destroy still have to reach AWS.
output "subnet_ids" {
  description = "Two public subnets in two availability zones."
  value       = aws_subnet.public[*].id
  depends_on  = [aws_route.internet, aws_route_table_association.public]
}

output "subnet_cidrs" {
  description = "Their addresses."
  value       = aws_subnet.public[*].cidr_block
}

output "gateway_endpoints" {
  description = "Services that are reached through an endpoint of the VPC."
  value       = sort([for endpoint in aws_vpc_endpoint.gateway : endpoint.service_name])
}
