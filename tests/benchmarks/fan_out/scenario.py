"""What is measured: streams, rates, and which servers take part. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OURS: Final = "streamer"
UNTUNED: Final = "untuned"
SERVICES: Final = (OURS, UNTUNED)
YARDSTICK: Final = "raw"
NCHAN: Final = "nchan"
PEERS: Final = ("asgi", "streaming_response", "sse_starlette", "fastapi_sse")

NAMES: Final = {
    OURS: "`streamer serve`",
    UNTUNED: "`streamer serve`, Python's own collector settings",
    YARDSTICK: "raw asyncio protocol on uvloop",
    NCHAN: "nchan",
    "asgi": "bare ASGI app on uvicorn",
    "streaming_response": "FastAPI StreamingResponse",
    "sse_starlette": "sse-starlette",
    "fastapi_sse": "fastapi.sse",
}
"""In tables; in the order in which they take their turns."""

TICK: Final = 0.01
"""Seconds between two messages of the relay, each with all that changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load."""

    key: str
    name: str
    streams: int
    rate: float
    """Events a second."""
    seconds: float
    servers: tuple[str, ...]
    once: tuple[str, ...] = ()
    """Servers that take part in the first round only: they take long, and nothing hangs on their spread."""
    filters: int = 0
    """Of the service's streams: so many different ones, each of which lets every event through."""
    stuck: int = 0
    """Streams beside the others that are never read."""
    metrics: bool = False
    """Whether the service's streams also get `metrics` events, as they do unless they ask for less."""
    idle: bool = False
    """Whether the memory of the streams is measured before anything is published."""
    tick: float = TICK
    pair: float = 0.0
    """If not 0: events come in pairs, and this is the number of seconds between the two."""

    def paths(self, server: str) -> tuple[str, ...]:
        """What its clients ask for, by turns."""
        if server not in SERVICES:
            return ("/stream",)
        only = "" if self.metrics else "events=sentiment_update"
        if not self.filters:
            return (f"/api/v2/stream?{only}".rstrip("?"),)
        return tuple(f"/api/v2/stream?{only}&tickers=BENCH,F{number:02}" for number in range(self.filters))


_CORE: Final = (OURS, YARDSTICK, NCHAN)

SCENARIOS: Final = (
    Scenario("100x100", "100 × 100/s", 100, 100, 3.0, _CORE, once=PEERS),
    Scenario("100x1000", "100 × 1,000/s", 100, 1_000, 3.0, _CORE, once=PEERS),
    Scenario("2000x10", "2,000 × 10/s", 2_000, 10, 3.0, (*_CORE, UNTUNED), once=PEERS),
    Scenario("10000x1", "10,000 × 1/s", 10_000, 1, 5.0, (*_CORE, UNTUNED), once=PEERS, idle=True),
    Scenario("filters", "100 × 100/s, 50 filters", 100, 100, 3.0, (OURS,), filters=50),
    Scenario("stuck", "100 × 100/s, one never reads", 100, 100, 3.0, _CORE, stuck=1),
    Scenario("metrics", "100 × 100/s, with metrics events", 100, 100, 3.0, (OURS,), metrics=True),
    Scenario("packed", "100 × 100/s, a message each 250 ms", 100, 100, 3.0, _CORE, tick=0.25),
    Scenario("lone", "100 × 5/s (each event alone)", 100, 5, 5.0, _CORE),
    Scenario("pairs", "100 × 4/s (two events 20 ms apart, then quiet)", 100, 4, 5.0, _CORE, pair=0.02),
)
QUICK: Final = ("100x100", "100x1000", "2000x10")
"""What `make bench-quick` runs, with the first three servers."""
