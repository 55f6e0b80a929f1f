"""The hub: changes in, frames out, and who is to get them.

`publish`, `begin`, `join` and `take_pending` contain no await: that is what makes 'replay, then live' one step of the
event loop. Every frame with an id takes the next number, so no id is ever ahead of what was queued before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from typing import Generic

from streamer.change import LATENESS_MS, Change, Item, Key, State, iso_time
from streamer.hub import resume
from streamer.hub.filters import Filter
from streamer.hub.frame import Frame, FrameKind
from streamer.hub.group import Group, Subscriber
from streamer.hub.history import History
from streamer.hub.ledger import Answer, Decision, Ledger, TableReading
from streamer.hub.window import Window
from streamer.place import Place
from streamer.sse.events import Event, SentimentUpdate, SentimentWithdrawn, WithdrawalReason


@dataclass(slots=True)
class Outcome:
    """What became of a batch of observations."""

    updates: int = 0
    withdrawals: int = 0
    known: int = 0
    stale: int = 0
    read_again: list[Key] = field(default_factory=list)
    """Items that only a consistent read of the table can decide."""
    fetched: list[Key] = field(default_factory=list)
    """Items of which a read brought what push had not."""
    invalid: list[tuple[Key, Item]] = field(default_factory=list)
    """Items that a read found for the first time, and that break the table's rules."""


class Hub(Generic[Subscriber]):
    """State of one run of one container. Not thread-safe: lives in the event loop. Clocks and the index's lag together
    are off by `margin_ms` at most."""

    def __init__(self, *, run: int, ledger: Ledger, history: History, window: Window, margin_ms: int = 10_000) -> None:
        self.run = run
        self.ledger = ledger
        self.history = history
        self.window = window
        self.watermark_ms = 0
        """Up to when there is proof that everything was published; 0: no proof."""
        self.covered_since_ms: int | None = None
        """From when on this run knows of everything that was written; None: it knows nothing yet."""
        self.newest = 0
        """The number of the newest frame."""
        self.groups: dict[Filter, Group[Subscriber]] = {}
        self._margin_ms = margin_ms
        self._proved_ms = 0  # the watermark, but for doubts
        self._doubted_ms = -1  # when something late was last published
        self._recent: dict[Key, None] = {}  # what queries are to find again
        self._pending: list[Frame] = []
        self._window_taken = -1

    def publish(self, changes: Iterable[Change], *, dated_ms: int, now_ms: int) -> Outcome:
        """Takes stream records in; what a user now sees differently becomes frames for the next flush.

        If it raises, a record was not published, and none after it: reads of the table will find that.
        """
        outcome = Outcome()
        for change in changes:
            decision = self.ledger.observe_record(change, now_ms)
            answer = decision.answer
            if answer is Answer.PUBLISH:
                self._doubt(change.committed_at * 1000, now_ms)
                committed_at = iso_time(change.committed_at * 1000)
                events = _differences(change.key, change.after, decision, committed_at)
                try:
                    self._add_events(change.key, change.after.state, events, outcome, dated_ms, now_ms)
                except Exception:
                    self.ledger.retract(change.key, decision, now_ms)
                    raise
            elif answer is Answer.KNOWN:
                outcome.known += 1
                if decision.by_read and change.before is not None and change.after.state == decision.published:
                    # A read brought it, and could not know what it withdraws beside what this run had published.
                    withdrawn = set() if decision.over is None else set(decision.over.tickers)
                    events = _differences(change.key, change.after, replace(decision, shown=change.before), None)
                    news = (event for event in events if event.ticker not in withdrawn)
                    self._add_events(change.key, decision.published, news, outcome, dated_ms, now_ms)
            elif answer is Answer.STALE:
                outcome.stale += 1
            else:
                outcome.read_again.append(change.key)
        return outcome

    def observe(
        self, rows: Iterable[tuple[Key, Item]], *, began_ms: int, as_of: int, consistent: bool, now_ms: int
    ) -> Outcome:
        """Takes items in as a read found them that began at `began_ms`, when the ledger's revision was `as_of`.

        What of them is not published yet becomes frames for the next flush, dated now: it was written before now.
        """
        outcome = Outcome()
        for key, item in rows:
            first = item.fault is not None and not self.ledger.knows(key)
            decision = self.ledger.observe_reading(TableReading(key, item, began_ms, as_of, consistent), now_ms)
            answer = decision.answer
            if answer is Answer.PUBLISH:
                outcome.fetched.append(key)
                events = _differences(key, item, decision, None)
                try:
                    self._add_events(key, item.state, events, outcome, now_ms, now_ms)
                except Exception:
                    self.ledger.retract(key, decision, now_ms)
                    raise
            elif answer is Answer.KNOWN:
                outcome.known += 1
            else:
                outcome.read_again.append(key)
            if first:
                outcome.invalid.append((key, item))
        return outcome

    def missing(self, found: Set[Key], *, since: str, began_ms: int) -> list[Key]:
        """Items that are shown and that a query of everything after the timestamp `since` should have found, and did
        not: deleted, not scored any more, or on their way from one label to another. Oldest first."""
        settled_ms = began_ms - self._margin_ms
        return [
            key
            for key in self._recent
            if key.timestamp > since and key not in found and self.ledger.published_before(key, settled_ms)
        ]

    def proved(self, began_ms: int, since_ms: int) -> None:
        """A query that began at `began_ms`, of the items with a timestamp after `since_ms`, has been taken in whole:
        whatever it found is published, and what contradicted the ledger has been read consistently.

        So everything written before its start, less the margin, is published: each item by the query that saw it
        first, or again by the first one after each of its changes, as long as it was scored within LATENESS_MS of its
        timestamp. What is written later is not claimed.
        """
        knows_since_ms = since_ms + LATENESS_MS
        if self.covered_since_ms is None or knows_since_ms > self._proved_ms:
            self.covered_since_ms = knows_since_ms
        self._proved_ms = max(0, began_ms - self._margin_ms)
        since = iso_time(max(0, since_ms))
        for key in [key for key in self._recent if key.timestamp <= since]:
            del self._recent[key]
        if self._doubted_ms < began_ms:
            self.watermark_ms = self._proved_ms

    def backfill(
        self, rows: Iterable[tuple[Key, Item]], since_ms: int, *, remember: tuple[str, str], now_ms: int
    ) -> bool:
        """Takes in what was in the table before this run began: for the counts, which now reach back to `since_ms`,
        and for the ledger where the timestamp is after the first and up to the second of `remember`; nobody is told.
        False: no more is counted."""
        after, until = remember
        fits = True
        for key, item in rows:
            if after < key.timestamp <= until:
                self.ledger.remember(key, item.state, now_ms)
            state = self.ledger.last(key) if self.ledger.knows(key) else item.state
            fits = fits and (state is None or self.window.recall(key, state, now_ms))
        if fits:
            self.window.reach(since_ms)
        return fits

    def announce(self, event: Event, kind: FrameKind = FrameKind.CONTROL) -> None:
        """Queues an event that is no change for the next flush: a heartbeat, metrics."""
        self._frame(event, kind, None)

    def stamp(self, event: Event, wanted: Filter | None = None) -> bytes:
        """Returns the event with the next frame number, for the streams (of this filter, or of any) to which the caller
        writes it now. Flush first."""
        self.newest += 1
        return event.frame(place=str(Place(self._claim(self.watermark_ms, wanted), self.run, self.newest)))

    def place(self) -> Place:
        """The place of a client that has every frame so far."""
        return Place(self.watermark_ms, self.run, self.newest)

    def encode(self, frame: Frame, wanted: Filter, came_ms: int = 0) -> bytes:
        """Returns the frame's bytes for streams of this filter. `came_ms`: the time of the place with which the client
        came, if the client must not be led back behind it; 0: the frame's own time counts."""
        time_ms = self._claim(max(frame.time_ms, min(came_ms, self.watermark_ms)), wanted)
        return frame.data if time_ms == frame.time_ms else frame.at(str(Place(time_ms, self.run, frame.number)))

    def _claim(self, time_ms: int, wanted: Filter | None) -> int:
        """Limits a place's time on a configuration's streams: before the last consistent read of the configuration,
        less the margin, their filter is proven to be the right one."""
        if wanted is None or wanted.configuration is None:
            return time_ms
        return min(time_ms, wanted.configuration.read_ms - self._margin_ms)

    def take_pending(self) -> list[Frame]:
        """The frames since the last flush, in order; the caller sends them to the groups now."""
        pending, self._pending = self._pending, []
        return pending

    def begin(self, request: resume.Request, now_ms: int, since: resume.FilterSince | None = None) -> resume.Start:
        """Where a new stream begins."""
        return resume.begin(
            request,
            self.history,
            run=self.run,
            newest=self.newest,
            covered_since_ms=self.covered_since_ms,
            now_ms=now_ms,
            since=since,
        )

    def missed(self, wanted: Filter, start: resume.Start, cursor: int) -> Iterator[Frame]:
        """What of the history a stream that began so wants after its cursor; do not publish while iterating."""
        if not wanted.sentiment:
            return iter(())
        frames = self.history.after(cursor, wanted.tickers)
        return frames if start.after_ms is None else (frame for frame in frames if start.wants(frame))

    def missed_count(self, wanted: Filter, start: resume.Start) -> int:
        """How many frames `missed` gives from the beginning."""
        if wanted.sentiment and start.after_ms is None:
            return self.history.count(start.cursor, wanted.tickers)
        return sum(1 for _ in self.missed(wanted, start, start.cursor))

    def join(self, wanted: Filter, subscriber: Subscriber) -> Group[Subscriber]:
        """From the next flush on the subscriber gets what its filter admits, as all of its group do."""
        group = self.groups.get(wanted)
        if group is None:
            group = self.groups[wanted] = Group()
        group.add(subscriber)
        return group

    def leave(self, wanted: Filter, subscriber: Subscriber) -> None:
        """No more; leaving twice, or without having joined, is nothing."""
        group = self.groups.get(wanted)
        if group is not None:
            group.discard(subscriber)
            if not group:
                del self.groups[wanted]

    def take_window_change(self) -> bool:
        """Whether the counts differ from those of the last call: each change is taken once."""
        changed = self.window.revision != self._window_taken
        self._window_taken = self.window.revision
        return changed

    def expire(self, now_ms: int) -> None:
        """Lets go of what is over its time."""
        for key in self.ledger.expire(now_ms):
            # `missing` asks the ledger and would not name it. Without this the keys pile up while no query succeeds.
            self._recent.pop(key, None)
        self.history.expire(now_ms)
        self.window.expire(now_ms)

    def _add_events(
        self,
        key: Key,
        state: State | None,
        events: Iterable[SentimentUpdate | SentimentWithdrawn],
        outcome: Outcome,
        dated_ms: int,
        now_ms: int,
    ) -> None:
        for event in events:
            if isinstance(event, SentimentUpdate):
                outcome.updates += 1
            else:
                outcome.withdrawals += 1
            frame = self._frame(event, FrameKind.SENTIMENT, event.ticker)
            frame.key, frame.dated_ms = key, dated_ms
            frame.repeatable = isinstance(event, SentimentWithdrawn) or event.updated_at is None
            self.history.add(frame, now_ms)
        self.window.put(key, state, now_ms)
        if state is not None:
            self._recent[key] = None

    def _doubt(self, written_ms: int, now_ms: int) -> None:
        """A change comes that was written before what is proven: another one, that a query saw, may have followed it,
        and be told again only when its own record comes. Until the next query nothing later is claimed."""
        if written_ms - self._margin_ms < self.watermark_ms:
            self.watermark_ms = max(0, written_ms - self._margin_ms)
            self._doubted_ms = now_ms

    def _frame(self, event: Event, kind: FrameKind, ticker: str | None) -> Frame:
        data = self.stamp(event)
        frame = Frame(self.newest, kind, ticker, data, self.watermark_ms)
        self._pending.append(frame)
        return frame


def _differences(
    key: Key, item: Item, decision: Decision, committed_at: str | None
) -> Iterator[SentimentUpdate | SentimentWithdrawn]:
    """One event for each ticker under which the item now shows something else.

    What an item that is new to the hub showed before is withdrawn, but not believed to have been published.
    """
    state, published, shown = item.state, decision.published, decision.shown
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
            yield SentimentUpdate.of(key, ticker, state, committed_at)
