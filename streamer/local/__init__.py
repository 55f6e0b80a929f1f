"""A whole AWS on one machine, for the demo and for tests: nothing here is part of the deployed service.

demo ─┬─ moto     DynamoDB, SNS and SQS on loopback
      ├─ relay    provision ─► pump ─► ingest_relay.handler ─► topic
      ├─ writer   news (the plan) ─► DynamoDB table
      └─ serve    the real `streamer serve`
"""
