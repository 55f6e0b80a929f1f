"""A reconnecting client of the stream, for Python: `async for event in Stream(url)`.

    connection (one response) ─► sse.decode ─► event (typed) ─► repeats ─► stream ─► you
            └─ setback: what went wrong, in a sentence, and whether waiting helps ─┘

What `tail`, `record` and the tests are built on.
"""

from streamer.client.event import Received, Unknown
from streamer.client.setback import NotAStream, Unreachable
from streamer.client.stream import Lost, Stream

__all__ = ["Lost", "NotAStream", "Received", "Stream", "Unknown", "Unreachable"]
