"""Runs the whole pipeline on one machine, for the demo and for tests. It is not part of the deployed service.

demo ─► child processes, one for each part:
      ├─ aws      moto: DynamoDB, SNS and SQS on loopback
      ├─ relay    provision ─► event source mapping ─► ingest_relay.handler ─► topic
      ├─ writer   news (planned writes) ─► DynamoDB table
      └─ serve    `streamer serve`

docker/compose.yaml starts the same parts as containers.
"""
