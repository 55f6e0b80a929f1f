"""Pushes every change of a DynamoDB table to open dashboards over Server-Sent Events.

The way of one event, from its queue to a socket. Each arrow is a call; from the publisher on there is no `await`:

    SQS queue of this container
       │ long poll and JSON to changes, in a worker's thread      intake.receive, intake.decode
       ▼
    push: await worker(receive, decode)                           intake.push, aws.worker
       │ one step of the event loop for up to ten messages
       ▼
    publisher.take
       │
       ▼
    hub.publish ─ is it news?                                     hub.ledger
       │          which events: one for each ticker               sse.events
       │          its frame, encoded once for everybody           hub.frame
       │          history, for replay                             hub.history
       ▼
    delivery.schedule_flush ─ at once; while there are many events, once every 50 ms
       │
       ▼
    delivery.flush ─ one join for each group of equal filters     hub.filters, hub.group
       │
       ▼
    sink.write ─ chunked coding, once for the bytes of a group    streams.transport
       │
       ▼
    transport.write ─► the kernel ─► a dashboard

Beside it: `intake.poll` queries the table for what push should have brought; `intake.failover` decides the mode;
`streams.sweep` sends heartbeats and pings, and ends streams at their lifetime or when their client is too slow; `web`
admits streams and hands their connections over; `present` answers snapshots and series from the hub's window, and
beyond it from `tables.snapshot`; `streams.asgi` replaces `streams.transport` where the server cannot hand over a
connection.

`change` and `place` define a change and a position in the stream, `cursor` and `series` what is read in pages; `tables`
reads DynamoDB; `telemetry` counts; `service` builds everything and `serve` runs it; `functions` is what only Lambda
needs; `event_source` stands in for an event source mapping, and `local` for AWS, on one machine.

The event loop drives. A call that blocks runs in a worker's thread (`aws.worker`); nothing else crosses threads.
"""

__version__ = "0.1.0"
