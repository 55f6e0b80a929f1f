"""Which frames a stream wants. Streams with equal filters share one group, one join of bytes and one decision."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Any

from streamer.hub.frame import Frame, FrameKind
from streamer.hub.subscription import ConfigurationSubscription


@dataclass(frozen=True, slots=True)
class Filter:
    """What a stream shows. Hashable: equal filters are one group."""

    tickers: frozenset[str] | None = None
    """None: every ticker."""
    sentiment: bool = True
    """`sentiment_update` and `sentiment_withdrawn`."""
    metrics: bool = True
    configuration: ConfigurationSubscription[Any] | None = None
    """Where the tickers come from, if not from the URL. Its streams are a group of their own, because their places
    claim no more than the configuration's last read proves (Hub.encode)."""

    def of(self, configuration: ConfigurationSubscription[Any]) -> Filter:
        """Returns this filter with the tickers that the configuration has now."""
        return replace(self, tickers=configuration.shows, configuration=configuration)

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
