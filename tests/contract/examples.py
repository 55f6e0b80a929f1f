"""One example of each event, made from the typed classes: docs/events.md shows exactly these frames."""

from __future__ import annotations

from decimal import Decimal

from streamer.change import version
from streamer.place import Place
from streamer.sse.events import (
    Closing,
    Connected,
    Heartbeat,
    Metrics,
    Reset,
    SentimentUpdate,
    SentimentWithdrawn,
)
from tests.factories import state
from tests.vectors import VECTORS

_KEY, _TICKER = VECTORS[0][:2]
_STATE = state("positive", "TSLA", score="0.37", confidence="0.82", updated_at="2026-11-22T14:18:46.507Z")
RUN = 0x2B5C0FFEE1


_MODE = ("the queue brings what the table has", "2026-11-22T09:02:11.480Z")


def _place(frame: int) -> str:
    return str(Place(1_795_357_111_200, RUN, frame))  # 2026-11-22T14:18:31.200Z


EXAMPLES: dict[str, bytes] = {
    "connected": Connected("9f2c61d07ab34e58", ("AAPL", "TSLA"), "resumed", 2, "push", 3000, 30, *_MODE).frame(
        retry_ms=3000
    ),
    "reset": Reset("too_old").frame(),
    "sentiment_update": SentimentUpdate(
        source_id=_KEY.source_id,
        timestamp=_KEY.timestamp,
        version=version(_KEY, _TICKER, _STATE),
        ticker=_TICKER,
        label=_STATE.label,
        score=_STATE.score,
        confidence=_STATE.confidence,
        source=_STATE.source,
        updated_at=_STATE.updated_at,
        committed_at="2026-11-22T14:18:46.000Z",
    ).frame(place=_place(7)),
    "sentiment_withdrawn": SentimentWithdrawn(_KEY.source_id, _KEY.timestamp, _TICKER, "deleted").frame(
        place=_place(8)
    ),
    "metrics": Metrics(
        total=3,
        positive=1,
        neutral=1,
        negative=1,
        by_tag={"TSLA": 2, "AAPL": 1, "other": 0},
        rate_last_hour=0.05,
        rate_last_24h=0.002,
        since="2026-11-21T14:18:47.000Z",
        timestamp="2026-11-22T14:18:47.000Z",
        by_ticker={
            "TSLA": {"positive": 1, "neutral": 0, "negative": 1, "mean": Decimal("0.05")},
            "AAPL": {"positive": 0, "neutral": 1, "negative": 0, "mean": Decimal(0)},
        },
    ).frame(place=_place(9)),
    "heartbeat": Heartbeat("2026-11-22T14:18:50.000Z", 3, 86_412, "push", *_MODE).frame(place=_place(10)),
    "closing": Closing("drain", 1234).frame(place=_place(10)),
}
