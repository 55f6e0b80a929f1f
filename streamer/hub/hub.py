"""The hub: changes in, frames out, and who is to get them.

`publish`, `begin`, `join` and `take_pending` contain no await: that is what makes 'replay, then live' one step of the
event loop. Every frame with an id takes the next number, so no id is ever ahead of what was queued before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from streamer.change import Change, Item, Key, State, iso_time, version
from streamer.hub import resume
from streamer.hub.filters import Filter
from streamer.hub.frame import Frame, Kind
from streamer.hub.history import History
from streamer.hub.ledger import Answer, Ledger
from streamer.hub.window import Window
from streamer.place import Place
from streamer.sse.events import Event, SentimentUpdate, SentimentWithdrawn, WithdrawalReason

Subscriber = TypeVar("Subscriber")


@dataclass(slots=True)
class Outcome:
    """What became of a batch of observations."""

    updates: int = 0
    withdrawals: int = 0
    known: int = 0
    stale: int = 0
    read_again: list[Key] = field(default_factory=list)
    """Items that only a consistent read of the table can decide."""


class Hub(Generic[Subscriber]):
    """State of one run of one container. Not thread-safe: lives in the event loop."""

    def __init__(self, *, run: int, ledger: Ledger, history: History, window: Window) -> None:
        self.run = run
        self.ledger = ledger
        self.history = history
        self.window = window
        self.watermark_ms = 0
        """Up to when there is proof that everything was published; 0: no proof."""
        self.newest = 0
        """The number of the newest frame."""
        self.groups: dict[Filter, set[Subscriber]] = {}
        self._pending: list[Frame] = []
        self._window_said = -1

    def publish(self, changes: Iterable[Change], *, dated_ms: int, now_ms: int) -> Outcome:
        """Takes stream records in; what a user now sees differently becomes frames for the next flush."""
        outcome = Outcome()
        for change in changes:
            published = self.ledger.state(change.key)
            shown = published if change.key in self.ledger else change.before
            answer = self.ledger.observe_record(change, now_ms)
            if answer is Answer.PUBLISH:
                committed_at = iso_time(change.committed_at * 1000)
                for event in _differences(change.key, change.after, published, shown, committed_at):
                    if isinstance(event, SentimentUpdate):
                        outcome.updates += 1
                    else:
                        outcome.withdrawals += 1
                    frame = self._frame(event, Kind.SENTIMENT, event.ticker)
                    self.history.add(frame, dated_ms, now_ms)
                self.window.put(change.key, change.after.state, now_ms)
            elif answer is Answer.KNOWN:
                outcome.known += 1
            elif answer is Answer.STALE:
                outcome.stale += 1
            else:
                outcome.read_again.append(change.key)
        return outcome

    def announce(self, event: Event, kind: Kind = Kind.CONTROL) -> None:
        """Queues an event that is no change for the next flush: a heartbeat, metrics."""
        self._frame(event, kind, None)

    def stamp(self, event: Event) -> bytes:
        """The event as a frame of its own number, for the streams that the caller writes it to now. Flush first."""
        self.newest += 1
        return event.frame(place=str(self.place()))

    def place(self) -> Place:
        """Where a client is that has every frame so far."""
        return Place(self.watermark_ms, self.run, self.newest)

    def take_pending(self) -> list[Frame]:
        """The frames since the last flush, in order; the caller sends them to the groups now."""
        pending, self._pending = self._pending, []
        return pending

    def begin(self, request: resume.Request, now_ms: int) -> resume.Start:
        """Where a new stream begins."""
        return resume.begin(request, self.history, self.run, self.newest, now_ms)

    def missed(self, wanted: Filter, cursor: int) -> Iterator[Frame]:
        """What of the history a stream wants after its cursor; do not publish while iterating."""
        return self.history.after(cursor, wanted.tickers) if wanted.sentiment else iter(())

    def missed_count(self, wanted: Filter, cursor: int) -> int:
        """How many frames `missed` would give."""
        return self.history.count(cursor, wanted.tickers) if wanted.sentiment else 0

    def join(self, wanted: Filter, subscriber: Subscriber) -> None:
        """From the next flush on the subscriber gets what its filter admits."""
        self.groups.setdefault(wanted, set()).add(subscriber)

    def leave(self, wanted: Filter, subscriber: Subscriber) -> None:
        """No more; leaving twice, or without having joined, is nothing."""
        group = self.groups.get(wanted)
        if group is not None:
            group.discard(subscriber)
            if not group:
                del self.groups[wanted]

    def window_changed(self) -> bool:
        """Whether the counts differ from those of the last call; each change is told once."""
        changed = self.window.revision != self._window_said
        self._window_said = self.window.revision
        return changed

    def expire(self, now_ms: int) -> None:
        """Lets go of what is over its time."""
        self.ledger.expire(now_ms)
        self.history.expire(now_ms)
        self.window.expire(now_ms)

    def _frame(self, event: Event, kind: Kind, ticker: str | None) -> Frame:
        data = self.stamp(event)
        frame = Frame(self.newest, kind, ticker, data)
        self._pending.append(frame)
        return frame


def _differences(
    key: Key, item: Item, published: State | None, shown: State | None, committed_at: str | None
) -> Iterator[SentimentUpdate | SentimentWithdrawn]:
    """One event for each ticker under which the item now shows something else.

    `published` is what this hub published last; `shown` what clients may show: the same, or the old image where the
    item is new to the hub (its old state is withdrawn, but not believed to have been published).
    """
    state = item.state
    tickers = () if state is None else state.tickers
    reason: WithdrawalReason = "ticker_removed"
    if item.absence in ("deleted", "unscored"):
        reason = item.absence
    for ticker in () if shown is None else shown.tickers:
        if ticker not in tickers:
            yield SentimentWithdrawn(key.source_id, key.timestamp, ticker, reason)
    if state is None:
        return
    unchanged = published.tickers if published is not None and state.shows_like(published) else ()
    for ticker in tickers:
        if ticker not in unchanged:
            yield SentimentUpdate(
                source_id=key.source_id,
                timestamp=key.timestamp,
                version=version(key, ticker, state),
                ticker=ticker,
                label=state.label,
                score=state.score,
                confidence=state.confidence,
                source=state.source,
                updated_at=state.updated_at,
                committed_at=committed_at,
            )
