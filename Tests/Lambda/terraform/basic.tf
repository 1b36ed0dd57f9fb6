# A function with an alias, a URL and a call.
resource "aws_lambda_function" "greeter" {
  function_name    = "tf-greeter"
  role             = "arn:aws:iam::000000000000:role/greeter"
  handler          = "app.handler"
  runtime          = "python3.11"
  filename         = "${path.module}/app.zip"
  source_code_hash = filebase64sha256("${path.module}/app.zip")
  timeout          = 10
  memory_size      = var.memory
  publish          = true
  environment {
    variables = { GREETING = "hello" }
  }
  tags = { team = "greetings" }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.greeter.function_name
  function_version = aws_lambda_function.greeter.version
}

resource "aws_lambda_function_url" "web" {
  function_name      = aws_lambda_function.greeter.function_name
  authorization_type = "NONE"
  cors {
    allow_origins = ["*"]
    allow_methods = ["GET"]
    max_age       = 60
  }
}

resource "aws_lambda_invocation" "greeting" {
  function_name = aws_lambda_function.greeter.function_name
  qualifier     = aws_lambda_alias.live.name
  input         = jsonencode({ name = "Terraform" })
}

output "result" { value = aws_lambda_invocation.greeting.result }
output "url" { value = aws_lambda_function_url.web.function_url }
