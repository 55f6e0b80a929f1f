"""From frames to sockets: admission, a `Sink` for each stream, one flush for what was published, one sweep for what is
due.

hub.publish ─► delivery.flush: one join of bytes for each group of equal filters ─► sink.write of each stream in it
every 250 ms ─► delivery.sweep: metrics; heartbeats, pings and lifetimes that are due; slow clients

`stream` has the states of a stream, `registry` the open streams and how each ends. `sink` is the interface, `transport`
writes to the connection itself, `asgi` goes by plain ASGI `send`.
"""
