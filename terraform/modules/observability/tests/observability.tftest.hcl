# Which rows and alarms there are; what is in them is checked by tests/terraform/test_observability.py.

mock_provider "aws" {}

variables {
  name                     = "sentiment"
  region                   = "eu-west-1"
  deployment               = "fargate"
  relay_function_name      = "sentiment-relay"
  rest_function_name       = "sentiment-rest"
  topic_name               = "sentiment-changes"
  sentiment_table_name     = "sentiment"
  sentiment_index_name     = "by_sentiment"
  users_table_name         = "users"
  failure_queue_name       = "sentiment-relay-failures"
  load_balancer_arn_suffix = "app/sentiment/50dc6c495c0c9188"
  target_group_arn_suffix  = "targetgroup/sentiment/73e2d6bc24d8a067"
  cluster_name             = "sentiment"
  service_name             = "streamer"
  alarms                   = { topic_arns = ["arn:aws:sns:eu-west-1:111122223333:on-call"] }
}

run "fargate" {
  command = plan

  assert {
    condition     = length(output.alarm_names) == 20
    error_message = "Fargate has 20 alarms; with another number, change the price in variables.tf and in the runbook too."
  }
  assert {
    condition     = output.dashboard_url == "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/sentiment"
    error_message = "The dashboard's address is ${output.dashboard_url}."
  }
  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "Streaming function")
    error_message = "On Fargate no function streams."
  }
}

run "lambda" {
  command = plan

  variables {
    deployment               = "lambda"
    streaming_function_name  = "sentiment-stream"
    load_balancer_arn_suffix = null
    target_group_arn_suffix  = null
    cluster_name             = null
    service_name             = null
  }

  assert {
    condition     = join(" ", output.alarm_names) == "sentiment-down sentiment-failure-queue sentiment-index-throttled sentiment-no-proof sentiment-relay-behind sentiment-relay-errors sentiment-rest-errors sentiment-rest-slow sentiment-rest-throttled sentiment-streaming-function"
    error_message = "In Lambda mode nothing is pushed and nothing is behind a load balancer: ${join(" ", output.alarm_names)}."
  }
  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "AWS/ApplicationELB") && !strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "AWS/ECS")
    error_message = "In Lambda mode there are no load balancer and no containers."
  }
}

run "without_the_services_own_metrics" {
  command = plan

  variables {
    metrics_enabled = false
  }

  assert {
    condition     = join(" ", output.alarm_names) == "sentiment-failure-queue sentiment-index-throttled sentiment-load-balancer-errors sentiment-memory sentiment-no-container sentiment-notifications-failed sentiment-relay-behind sentiment-relay-errors sentiment-rest-errors sentiment-rest-slow sentiment-rest-throttled"
    error_message = "Without metrics of our own only AWS's are watched: ${join(" ", output.alarm_names)}."
  }
  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "SentimentStreamer")
    error_message = "A graph of a metric that nobody publishes stays empty."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "metrics are off")
    error_message = "The dashboard says why what users see is missing."
  }
}

run "before_the_first_image" {
  command = plan

  variables {
    service_name = null
  }

  assert {
    condition     = !contains(output.alarm_names, "sentiment-memory") && !strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "null") && !strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "AWS/ECS")
    error_message = "CloudWatch refuses a metric whose dimension is null."
  }
}

run "without_alarms" {
  command = plan

  variables {
    alarms = null
  }

  assert {
    condition     = length(output.alarm_names) == 0 && output.dashboard_name == "sentiment" && strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "**No alarms.**")
    error_message = "Alarms are a choice; the dashboard is not."
  }
}

run "slow_canaries_are_waited_for" {
  command = plan

  variables {
    canary_interval_seconds = 120
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.on_call["canary"].threshold == 360
    error_message = "Three canaries may fail to come."
  }
}

run "a_runbook_that_is_served_is_linked" {
  command = plan

  variables {
    runbook = "https://wiki.example.com/operations"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "(https://wiki.example.com/operations#read-the-dashboard)")
    error_message = "Whoever looks at the dashboard gets to the runbook by a click."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_metric_alarm.on_call["down"].alarm_description, "https://wiki.example.com/operations#alarm-down")
    error_message = "So does whoever got the alarm."
  }
}

run "each_class_tells_its_own_topics_and_those_of_both" {
  command = plan

  variables {
    account_id = "111122223333"
    alarms = {
      topic_arns        = ["arn:aws:sns:eu-west-1:111122223333:both"]
      page_topic_arns   = ["arn:aws:sns:eu-west-1:111122223333:page"]
      ticket_topic_arns = ["arn:aws:sns:eu-west-1:111122223333:ticket"]
    }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.on_call["down"].alarm_actions == toset(["arn:aws:sns:eu-west-1:111122223333:both", "arn:aws:sns:eu-west-1:111122223333:page"])
    error_message = "Users miss events: somebody is woken."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.on_call["queues-left"].ok_actions == toset(["arn:aws:sns:eu-west-1:111122223333:both", "arn:aws:sns:eu-west-1:111122223333:ticket"])
    error_message = "Queues left over wake nobody."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.operations.dashboard_body, "\"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:sentiment-down\"")
    error_message = "The dashboard shows the status of the alarms."
  }
}

run "one_zone_without_containers_is_no_outage" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.on_call["no-container"].statistic == "Maximum"
    error_message = "Each zone of the load balancer counts for itself, and the alarm is about all of them."
  }
}

run "a_class_that_tells_nobody_is_refused" {
  command = plan

  variables {
    alarms = { page_topic_arns = ["arn:aws:sns:eu-west-1:111122223333:page"] }
  }

  expect_failures = [var.alarms]
}

run "six_topics_are_too_many" {
  command = plan

  variables {
    alarms = {
      topic_arns        = [for number in range(3) : "arn:aws:sns:eu-west-1:111122223333:both-${number}"]
      ticket_topic_arns = [for number in range(3) : "arn:aws:sns:eu-west-1:111122223333:ticket-${number}"]
    }
  }

  expect_failures = [var.alarms]
}

run "alarms_for_nobody_are_refused" {
  command = plan

  variables {
    alarms = { topic_arns = [] }
  }

  expect_failures = [var.alarms]
}

run "what_is_no_topic_is_refused" {
  command = plan

  variables {
    alarms = { topic_arns = ["on-call@example.com"] }
  }

  expect_failures = [var.alarms]
}

run "an_unknown_deployment_is_refused" {
  command = plan

  variables {
    deployment = "ec2"
  }

  expect_failures = [var.deployment]
}
