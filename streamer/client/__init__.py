"""A reconnecting client of the stream, for Python: `async for event in Stream(url)`.

    response ─► sse.decode ─► event (typed) ─► repeats ─► stream ─► you
        └─ errors: the reason in a sentence, and whether waiting helps ─┘

`tail`, `record` and the tests use it.
"""

from streamer.client.errors import NotAStream, Unreachable
from streamer.client.event import Received, Unknown
from streamer.client.stream import Lost, Reconnect, Stream

__all__ = ["Lost", "NotAStream", "Received", "Reconnect", "Stream", "Unknown", "Unreachable"]
