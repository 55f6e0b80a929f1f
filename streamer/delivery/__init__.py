"""From frames to sockets: a `Sink` for each stream, one flush for what was published, one sweep for what is due.

hub.publish ─► flush: one join of bytes for each group of equal filters ─► sink.write of each stream in it
every 250 ms ─► sweep: what is due of heartbeats, pings and lifetimes; slow clients; metrics

`sink` is the interface, `transport` writes to the connection itself, `asgi` goes by plain ASGI `send`.
"""
