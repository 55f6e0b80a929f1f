"""An AWS on one machine, for the demo and for tests: nothing here is part of the deployed service.

demo ─► child processes, each one `part`:
      ├─ aws      moto: DynamoDB, SNS and SQS on loopback
      ├─ relay    provision ─► event source mapping ─► ingest_relay.handler ─► topic
      ├─ writer   news (what is written when) ─► DynamoDB table
      └─ serve    the real `streamer serve`

docker/compose.yaml starts the same parts as containers.
"""
