# No `cors` block: the application sets those headers, and browsers refuse them doubled.
resource "aws_lambda_function_url" "this" {
  count = var.url == null ? 0 : 1

  function_name      = aws_lambda_function.this.function_name
  authorization_type = var.url.auth_type
  invoke_mode        = var.url.invoke_mode
}

# Everybody may call a URL with NONE once two statements stand in the function's policy. The first, for
# lambda:InvokeFunctionUrl, is made by the provider with the URL. The second is for lambda:InvokeFunction, and only under
# the condition that the call comes through the URL: without it, anybody with an AWS account could invoke the function
# directly, with an event of their own making. aws_lambda_permission knows the condition from 6.29 on only, where the
# provider makes this one too; CloudFormation does under any version, and two of the same do no harm.
resource "aws_cloudformation_stack" "invoke_through_url" {
  count = try(var.url.auth_type, null) == "NONE" ? 1 : 0

  name = "${var.name}-url"
  tags = var.tags

  template_body = jsonencode({
    Description = "Lets the Function URL of ${var.name} invoke it"
    Resources = {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          FunctionName          = aws_lambda_function.this.function_name
          Action                = "lambda:InvokeFunction"
          Principal             = "*"
          InvokedViaFunctionUrl = true
        }
      }
    }
  })

  depends_on = [aws_lambda_function_url.this]
}
