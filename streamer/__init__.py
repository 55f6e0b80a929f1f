"""Pushes every change of a DynamoDB table to open dashboards over Server-Sent Events.

One event's way, from its queue to a socket; each arrow is a call, and from the publisher on there is no await:

    SQS queue of this container
       │ long poll and JSON to changes, in a worker's thread         intake.receive, intake.decode
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
       │          kept for whoever resumes                        hub.history
       ▼
    delivery.published ─ now, or with what else comes in 50 ms
       │
       ▼
    delivery.flush ─ for each group of equal filters:             hub.group
       │             which frames, joined to one piece of bytes
       ▼
    sink.write(bytes), for each stream of the group               delivery.transport
       │ the chunk of HTTP, coded once for all
       ▼
    transport.write ─► the kernel ─► a dashboard

Beside it: `intake.poll` asks the table what push should have brought, and `intake.failover` decides how changes come
now; `delivery.sweep` does what is due (heartbeats, pings, lifetimes, slow clients); `web` lets streams in and hands
their connections over; `delivery.asgi` stands in for `delivery.transport` where a connection cannot be
had.

`change` and `place` say what one change is and where in the stream a client is; `tables` reads DynamoDB; `telemetry`
counts; `service` builds everything, `serve` runs it; `local` is a whole AWS on one machine.

The event loop drives. What blocks is a call in a worker's thread (`aws.worker`): nothing else crosses.
"""

__version__ = "0.1.0"
