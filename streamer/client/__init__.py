"""A Python client that follows a stream and reconnects: `async for event in Stream(url)`. `read_series` reads counts
and scores over time.

    response ─► sse.decode ─► event (typed) ─► repeats ─► stream ─► caller
        └─ errors: the reason, and whether a retry can succeed ─┘

`tail`, `record` and the tests use it.
"""

from streamer.client.errors import NotAStream, SeriesFailed, Unreachable
from streamer.client.event import Received, Unknown
from streamer.client.series import Series, read_series
from streamer.client.stream import Lost, Reconnect, Stream

__all__ = [
    "Lost",
    "NotAStream",
    "Received",
    "Reconnect",
    "Series",
    "SeriesFailed",
    "Stream",
    "Unknown",
    "Unreachable",
    "read_series",
]
