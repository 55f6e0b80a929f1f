"""Filters of streams. Streams with equal filters form one group and get the same bytes."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Any

from streamer.hub.frame import Frame, FrameKind
from streamer.hub.subscription import ConfigurationSubscription


@dataclass(frozen=True, slots=True)
class Filter:
    """The frames that a stream gets."""

    tickers: frozenset[str] | None = None
    """None: every ticker."""
    sentiment: bool = True
    """`sentiment_update` and `sentiment_withdrawn`."""
    metrics: bool = True
    configuration: ConfigurationSubscription[Any] | None = None
    """The configuration that has the tickers; None if the URL has them. The streams of a configuration form groups of
    their own, because the last read of the configuration limits the claims of their places (Hub.encode)."""

    def of(self, configuration: ConfigurationSubscription[Any]) -> Filter:
        """Returns this filter with the tickers that the configuration has now."""
        return replace(self, tickers=configuration.shows, configuration=configuration)

    def admits(self, frame: Frame) -> bool:
        """Returns whether a stream with this filter gets the frame."""
        if frame.kind is FrameKind.SENTIMENT:
            return self.sentiment and (self.tickers is None or frame.ticker in self.tickers)
        if frame.kind is FrameKind.METRICS:
            return self.metrics
        return True


def choose(tickers: Set[str] | None, events: Set[str] | None) -> Filter:
    """Returns the filter of a request. Metrics are included if `events` names them, or if both arguments are None."""
    return Filter(
        None if tickers is None else frozenset(tickers),
        events is None or "sentiment_update" in events,
        tickers is None if events is None else "metrics" in events,
    )
