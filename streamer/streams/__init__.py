"""Open streams: their admission, the delivery of frames to them, and their end.

hub.publish ─► delivery.flush: concatenates the frames once per group of equal filters ─► sink.write of each stream
every 250 ms ─► delivery.sweep: sends metrics, heartbeats and pings; closes streams that expired or whose client is slow

`turns` orders the openings: some in each iteration of the event loop. `stream` defines the states of a stream;
`registry` holds the open streams, writes to them and closes them. `sink` is the interface to the socket: `transport`
writes to the connection directly, `asgi` uses ASGI `send`.
"""
