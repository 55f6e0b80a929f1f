"""A Python client that follows a stream and reconnects: `async for event in Stream(url)`. `read_series` reads counts
and scores over time.

    response ─► sse.decode ─► event (typed) ─► iteration ─► repeats ─► stream ─► caller
        └─ errors: the reason, and whether a retry can succeed ─┘

`tail`, `record` and the tests use it. It needs httpx, and nothing that only the service needs.
"""

try:
    import httpx as _httpx  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"streamer.client needs httpx ({error}): pip install httpx", name=error.name) from None

from streamer.client.errors import NotAStream, SeriesFailed, Unreachable
from streamer.client.event import Received, Unknown
from streamer.client.series import Series, read_series
from streamer.client.stream import Lost, Reconnect, Stream
from streamer.sse.events import (
    Closing,
    Connected,
    Event,
    Heartbeat,
    Metrics,
    Reset,
    SentimentUpdate,
    SentimentWithdrawn,
)

__all__ = [
    "Closing",
    "Connected",
    "Event",
    "Heartbeat",
    "Lost",
    "Metrics",
    "NotAStream",
    "Received",
    "Reconnect",
    "Reset",
    "SentimentUpdate",
    "SentimentWithdrawn",
    "Series",
    "SeriesFailed",
    "Stream",
    "Unknown",
    "Unreachable",
    "read_series",
]
