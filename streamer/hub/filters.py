"""Which frames a stream wants. Streams with equal filters share one group, one join of bytes and one decision."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from streamer.hub.frame import Frame, FrameKind


@dataclass(frozen=True, slots=True)
class Filter:
    """What a stream shows. Hashable: equal filters are one group."""

    tickers: frozenset[str] | None = None
    """None: every ticker."""
    sentiment: bool = True
    """`sentiment_update` and `sentiment_withdrawn`."""
    metrics: bool = True

    def admits(self, frame: Frame) -> bool:
        """Whether a stream of this filter gets the frame."""
        if frame.kind is FrameKind.SENTIMENT:
            return self.sentiment and (self.tickers is None or frame.ticker in self.tickers)
        if frame.kind is FrameKind.METRICS:
            return self.metrics
        return True


def choose(tickers: Set[str] | None, events: Set[str] | None) -> Filter:
    """The filter of a request: metrics come on the stream of all tickers, or where they are named."""
    return Filter(
        None if tickers is None else frozenset(tickers),
        events is None or "sentiment_update" in events,
        tickers is None if events is None else "metrics" in events,
    )
