"""The groups of equal filters, and which of them get a frame: indexed by ticker, so that a flush touches only these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from streamer.hub.filters import Filter
from streamer.hub.frame import Frame, FrameKind
from streamer.hub.group import Group, Subscriber


class Groups(Mapping[Filter, Group[Subscriber]]):
    """The groups by filter. A group exists as long as it has a subscriber."""

    def __init__(self) -> None:
        self._groups: dict[Filter, Group[Subscriber]] = {}
        # Of each kind of frame, and of sentiment by ticker, the groups that get it. They are keyed by identity, since a
        # group is a set, which has no hash.
        self._every: dict[int, Group[Subscriber]] = {}
        self._metrics: dict[int, Group[Subscriber]] = {}
        self._all_tickers: dict[int, Group[Subscriber]] = {}
        self._by_ticker: dict[str, dict[int, Group[Subscriber]]] = {}

    def __getitem__(self, wanted: Filter) -> Group[Subscriber]:
        return self._groups[wanted]

    def __iter__(self) -> Iterator[Filter]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def want_metrics(self) -> bool:
        """Whether a group gets metrics."""
        return bool(self._metrics)

    def join(self, wanted: Filter, subscriber: Subscriber) -> Group[Subscriber]:
        """Adds the subscriber to its filter's group."""
        group = self._groups.get(wanted)
        if group is None:
            group = self._groups[wanted] = Group(wanted)
            for index in self._indexes(wanted):
                index[id(group)] = group
        group.add(subscriber)
        return group

    def leave(self, wanted: Filter, subscriber: Subscriber) -> None:
        """Removes the subscriber from its group. Does nothing if it is not in the group."""
        group = self._groups.get(wanted)
        if group is None:
            return
        group.discard(subscriber)
        if group:
            return
        del self._groups[wanted]
        for index in self._indexes(wanted):
            del index[id(group)]
        for ticker in wanted.tickers or ():
            if not self._by_ticker.get(ticker, True):
                del self._by_ticker[ticker]

    def route(self, frames: Iterable[Frame]) -> list[tuple[Group[Subscriber], list[Frame]]]:
        """Returns the groups whose filters admit any of the frames, each with these frames in their order. The cost
        depends on the number of these groups, not on the number of all groups. Groups that get the same single frame
        follow one another and share one list."""
        touched: list[Group[Subscriber]] = []
        nobody: dict[int, Group[Subscriber]] = {}
        for frame in frames:
            if frame.kind is FrameKind.SENTIMENT:
                admitting = (self._all_tickers, self._by_ticker.get(frame.ticker or "", nobody))
            else:
                admitting = (self._metrics if frame.kind is FrameKind.METRICS else self._every, nobody)
            alone = [frame]
            for groups in admitting:
                for group in groups.values():
                    if group.frames is None:
                        group.frames = alone
                        touched.append(group)
                    elif len(group.frames) == 1:
                        group.frames = [*group.frames, frame]  # the shared list stays as it is
                    else:
                        group.frames.append(frame)
        routed = []
        for group in touched:
            routed.append((group, group.frames or []))
            group.frames = None
        return routed

    def _indexes(self, wanted: Filter) -> Iterator[dict[int, Group[Subscriber]]]:
        """Yields the indexes that have this filter's group. They agree with Filter.admits."""
        yield self._every
        if wanted.metrics:
            yield self._metrics
        if wanted.sentiment and wanted.tickers is None:
            yield self._all_tickers
        elif wanted.sentiment and wanted.tickers is not None:
            for ticker in wanted.tickers:
                yield self._by_ticker.setdefault(ticker, {})
