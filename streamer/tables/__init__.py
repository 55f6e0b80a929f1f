"""All reads of DynamoDB."""
