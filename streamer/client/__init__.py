"""A Python client that follows a stream and reconnects: `async for event in Stream(url)`.

    response ─► sse.decode ─► event (typed) ─► repeats ─► stream ─► caller
        └─ errors: the reason, and whether a retry can succeed ─┘

`tail`, `record` and the tests use it.
"""

from streamer.client.errors import NotAStream, Unreachable
from streamer.client.event import Received, Unknown
from streamer.client.stream import Lost, Reconnect, Stream

__all__ = ["Lost", "NotAStream", "Received", "Reconnect", "Stream", "Unknown", "Unreachable"]
