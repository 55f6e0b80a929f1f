"""The Lambda between the tables' streams and the topic: each change becomes part of a message, in order, and what
cannot goes to a failure queue. It deploys by itself, needs boto3 alone (for traces aws-xray-sdk too) and shares no code
with `streamer`.

    stream batch ─► handler ─► record ─► pack ─► publish ─► SNS topic
     (Lambda)          │     (attribute)            │
                       │          │                 └─► first message not taken: batchItemFailures
    schedule ──────────┤          └─► failures ─► SQS failure queue
     (canary)          └─ settings, logs, metrics, tracing, relay: built once, kept between invocations
"""
