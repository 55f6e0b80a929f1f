"""The Lambda function between the tables' streams and the topic.

It packs changes into messages, in order, and sends records that it cannot relay to a failure queue. It is deployed
separately, needs only boto3 (and aws-xray-sdk for traces) and shares no code with `streamer`.

    stream batch ─► handler ─► record ─► pack ─► publish ─► SNS topic
     (Lambda)          │     (attribute)            │
                       │          │                 └─► first message not accepted: batchItemFailures
    schedule ──────────┤          └─► failures ─► SQS failure queue
     (canary)          └─ settings, logs, metrics, tracing, relay: built once, kept between invocations
"""
