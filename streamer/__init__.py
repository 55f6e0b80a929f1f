"""Pushes every change of a DynamoDB table to open dashboards over Server-Sent Events.

An event's way through the packages:

    SQS queue ─► intake (lease, receive, decode) ─► hub (ledger, frame, history, filters)
                                                      │
    browser ◄─ web (stream, admission) ◄─ delivery (flush, sweep, sink) ◄┘

`change` and `place` say what one change is and where in the stream a client is; `sse` is the wire format; `telemetry`
counts; `service` builds everything; `local` is a whole AWS on one machine.
"""

__version__ = "0.1.0"
