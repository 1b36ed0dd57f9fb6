# Everything else that is commonly written about functions.
locals {
  role = "arn:aws:iam::000000000000:role/jobs"
}

resource "aws_lambda_layer_version" "words" {
  layer_name          = "tf-words"
  filename            = "${path.module}/layer.zip"
  source_code_hash    = filebase64sha256("${path.module}/layer.zip")
  compatible_runtimes = ["python3.11"]
  description         = "a module"
  license_info        = "MIT"
}

resource "aws_lambda_layer_version_permission" "everyone" {
  layer_name     = aws_lambda_layer_version.words.layer_name
  version_number = aws_lambda_layer_version.words.version
  principal      = "*"
  action         = "lambda:GetLayerVersion"
  statement_id   = "everyone"
}

resource "aws_lambda_function" "listener" {
  function_name = "tf-listener"
  logging_config { log_format = "JSON" }
  role             = local.role
  handler          = "app.handler"
  runtime          = "python3.11"
  filename         = "${path.module}/app.zip"
  source_code_hash = filebase64sha256("${path.module}/app.zip")
}

resource "aws_lambda_function" "job" {
  function_name                  = "tf-job"
  role                           = local.role
  handler                        = "app.handler"
  runtime                        = "python3.11"
  filename                       = "${path.module}/app.zip"
  source_code_hash               = filebase64sha256("${path.module}/app.zip")
  layers                         = [aws_lambda_layer_version.words.arn]
  memory_size                    = 256
  timeout                        = 20
  reserved_concurrent_executions = 5
  publish                        = true
  description                    = "a job"
  ephemeral_storage { size = 1024 }
  tracing_config { mode = "PassThrough" }
  environment {
    variables = { STAGE = "test" }
  }
  logging_config {
    log_format            = "JSON"
    application_log_level = "WARN"
    system_log_level      = "INFO"
    log_group             = "tf-jobs"
  }
  tags = {
    team                 = "jobs"
    "cloister:isolation" = "call"
  }
}

resource "aws_lambda_alias" "used" {
  name             = "live"
  description      = "what is used"
  function_name    = aws_lambda_function.job.arn
  function_version = aws_lambda_function.job.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.job.function_name
  provisioned_concurrent_executions = 1
  qualifier                         = aws_lambda_function.job.version
}

resource "aws_lambda_function_event_invoke_config" "job" {
  function_name                = aws_lambda_function.job.function_name
  maximum_event_age_in_seconds = 120
  maximum_retry_attempts       = 1
  destination_config {
    on_failure { destination = aws_lambda_function.listener.arn }
    on_success { destination = aws_lambda_function.listener.arn }
  }
}

resource "aws_lambda_permission" "bucket" {
  statement_id   = "bucket"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.job.function_name
  principal      = "s3.amazonaws.com"
  source_arn     = "arn:aws:s3:::bucket"
  source_account = "000000000000"
}

resource "aws_lambda_permission" "web" {
  statement_id           = "web"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.job.function_name
  qualifier              = aws_lambda_alias.used.name
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.job.function_name
  qualifier          = aws_lambda_alias.used.name
  authorization_type = "AWS_IAM"
}

resource "aws_lambda_runtime_management_config" "job" {
  function_name     = aws_lambda_function.job.function_name
  update_runtime_on = "FunctionUpdate"
}

resource "aws_lambda_function_recursion_config" "job" {
  function_name  = aws_lambda_function.job.function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn = "arn:aws:sqs:us-east-1:000000000000:queue"
  function_name    = aws_lambda_function.job.arn
  batch_size       = 5
  enabled          = false
}

data "aws_lambda_function" "job" {
  function_name = aws_lambda_function.job.function_name
}

data "aws_lambda_alias" "used" {
  function_name = aws_lambda_function.job.function_name
  name          = aws_lambda_alias.used.name
}

data "aws_lambda_layer_version" "words" {
  layer_name = aws_lambda_layer_version.words.layer_name
}

data "aws_lambda_functions" "all" {
  depends_on = [aws_lambda_function.job]
}

data "aws_lambda_invocation" "once" {
  function_name = aws_lambda_function.job.function_name
  qualifier     = aws_lambda_alias.used.name
  input         = jsonencode({ name = "Terraform" })
}

output "job" { value = data.aws_lambda_invocation.once.result }
output "functions" { value = contains(data.aws_lambda_functions.all.function_names, "tf-job") }
