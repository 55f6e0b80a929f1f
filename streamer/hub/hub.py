"""The hub turns changes into frames and groups the streams by filter.

`publish`, `begin`, `join` and `take_pending` contain no await. Therefore the end of a replay and the first live frame
are one step of the event loop. Each frame with an id has the next number, so a stream never gets an id that is ahead of
a frame that is still to be sent to it.
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
from streamer.hub.groups import Groups
from streamer.hub.history import History
from streamer.hub.ledger import Answer, Decision, Ledger, TableReading
from streamer.hub.window import Window
from streamer.place import Place
from streamer.sse.events import Event, SentimentUpdate, SentimentWithdrawn, WithdrawalReason


@dataclass(slots=True)
class Outcome:
    """The result of a batch of observations."""

    updates: int = 0
    withdrawals: int = 0
    known: int = 0
    stale: int = 0
    read_again: list[Key] = field(default_factory=list)
    """Items whose state is unknown until a consistent read."""
    fetched: list[Key] = field(default_factory=list)
    """Items with changes that a table read published, because push had not."""
    invalid: list[tuple[Key, Item]] = field(default_factory=list)
    """Items that break the table's rules, each when a read first returns it."""


class Hub(Generic[Subscriber]):
    """The state of one run of one container. Not thread-safe: used in the event loop only. `margin_ms` is the upper
    bound of clock skew and index lag together."""

    def __init__(self, *, run: int, ledger: Ledger, history: History, window: Window, margin_ms: int = 10_000) -> None:
        self.run = run
        self.ledger = ledger
        self.history = history
        self.window = window
        self.watermark_ms = 0
        """Unix milliseconds; every change before this time is proven to be published. 0: there is no proof yet."""
        self.covered_since_ms: int | None = None
        """Unix milliseconds; this run knows every change after this time, except deletions. None: no query has
        succeeded yet."""
        self.viewed_ms: int | None = None
        """Unix milliseconds; this run knows every change after this time, and the deletions too: then its first
        complete query ended. None: no query has succeeded yet."""
        self.newest = 0
        """The number of the newest frame."""
        self.groups: Groups[Subscriber] = Groups()
        self._margin_ms = margin_ms
        self._proved_ms = 0  # the watermark without the effect of late changes
        self._late_at_ms = -1  # when a change from before the watermark was last published
        self._recent: dict[Key, None] = {}  # items that the next queries must return
        self._pending: list[Frame] = []
        self._window_taken = -1

    @property
    def unproved(self) -> int:
        """Number of published items that the next queries must return."""
        return len(self._recent)

    @property
    def pending(self) -> int:
        """Number of frames that wait for the next flush."""
        return len(self._pending)

    def publish(self, changes: Iterable[Change], *, dated_ms: int, now_ms: int) -> Outcome:
        """Applies stream records. Each visible difference becomes a frame for the next flush.

        If it raises, one record and all after it were not published; table reads will find these changes.
        """
        outcome = Outcome()
        for change in changes:
            decision = self.ledger.observe_record(change, now_ms)
            answer = decision.answer
            if answer is Answer.PUBLISH:
                self._lower_watermark(change.committed_at * 1000, now_ms)
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
                    # A read published the state. It did not know the old image, which may have more tickers to
                    # withdraw.
                    withdrawn = set() if decision.state_before_read is None else set(decision.state_before_read.tickers)
                    events = _differences(change.key, change.after, replace(decision, shown=change.before), None)
                    news = (event for event in events if event.ticker not in withdrawn)
                    self._add_events(change.key, decision.published, news, outcome, dated_ms, now_ms)
                self._follow(change.key, change.after, now_ms)
            elif answer is Answer.STALE:
                outcome.stale += 1
            else:
                outcome.read_again.append(change.key)
        return outcome

    def observe(
        self, rows: Iterable[tuple[Key, Item]], *, began_ms: int, as_of: int, consistent: bool, now_ms: int
    ) -> Outcome:
        """Applies the items of a table read that began at `began_ms`, when the ledger's revision was `as_of`.

        Each difference from the published state becomes a frame for the next flush, dated now.
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
                if consistent:
                    self._follow(key, item, now_ms)
            else:
                outcome.read_again.append(key)
            if first:
                outcome.invalid.append((key, item))
        return outcome

    def missing(self, found: Set[Key], *, since: str, began_ms: int) -> list[Key]:
        """Returns the published items after the timestamp `since` that a query should have returned and did not, oldest
        first. Such an item was deleted, lost its score, or is moving from one label of the index to another."""
        settled_ms = began_ms - self._margin_ms
        return [
            key
            for key in self._recent
            if key.timestamp > since and key not in found and self.ledger.published_before(key, settled_ms)
        ]

    def proved(self, began_ms: int, since_ms: int, *, ended_ms: int) -> None:
        """Moves the watermark after a complete query, from `began_ms` to `ended_ms`, of the items with a timestamp
        after `since_ms`. All its items are published, and all contradictions were read consistently.

        Therefore every change before its start, less the margin, is published, as long as the item was scored within
        LATENESS_MS of its timestamp.
        """
        knows_since_ms = since_ms + LATENESS_MS
        if self.covered_since_ms is None or knows_since_ms > self._proved_ms:
            self.covered_since_ms, self.viewed_ms = knows_since_ms, ended_ms
            self.window.know(since_ms)
        self._proved_ms = max(0, began_ms - self._margin_ms)
        since = iso_time(max(0, since_ms))
        for key in [key for key in self._recent if key.timestamp <= since]:
            del self._recent[key]
        if self._late_at_ms < began_ms:
            self.watermark_ms = self._proved_ms

    def backfill(
        self, rows: Iterable[tuple[Key, Item]], since_ms: int, *, remember: tuple[str, str], now_ms: int
    ) -> bool:
        """Applies items that were in the table before this run, without publishing them. The counts then reach back to
        `since_ms`. The ledger stores the items with a timestamp after the first and up to the second of `remember`.
        Returns False if the counts are full."""
        after, until = remember
        fits = True
        for key, item in rows:
            if after < key.timestamp <= until:
                self.ledger.remember(key, item.state, now_ms)
            state = self.ledger.present_state(key, item.state)
            fits = fits and (state is None or self.window.recall(key, state, now_ms))
        if fits:
            self.window.reach(since_ms)
        return fits

    def complete_after(self, trusted_ms: int | None, now_ms: int) -> str | None:
        """Returns a timestamp: of all items with a later one, compared as text, the window has the states as of the
        newest frame. None: of no items.

        `trusted_ms`: push brought every change of the items with a later timestamp than this (Unix milliseconds); None:
        push is not trusted. Queries brought every change of the items whose timestamp is at most LATENESS_MS before the
        last one.
        """
        complete = self.window.complete_after(now_ms)
        if complete is None:
            return None
        proven_ms = self._proved_ms - LATENESS_MS
        return max(complete, iso_time(max(0, proven_ms if trusted_ms is None else min(proven_ms, trusted_ms))))

    def announce(self, event: Event, kind: FrameKind = FrameKind.CONTROL) -> None:
        """Queues a heartbeat or metrics for the next flush."""
        self._frame(event, kind, None)

    def stamp(self, event: Event, wanted: Filter | None = None) -> bytes:
        """Returns the event with the next frame number, for the streams (of this filter, or of any) to which the caller
        writes it now. Flush first."""
        self.newest += 1
        return event.frame(place=str(Place(self._claim(self.watermark_ms, wanted), self.run, self.newest)))

    def place(self, wanted: Filter | None = None) -> Place:
        """The place of a client (of this filter, or of any) that has every frame so far."""
        return resume.exact(Place(self._claim(self.watermark_ms, wanted), self.run, self.newest), self.history)

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
        """Returns and clears the frames since the last flush. The caller sends them to the groups at once."""
        pending, self._pending = self._pending, []
        return pending

    def begin(self, request: resume.Request, now_ms: int, since: resume.FilterSince | None = None) -> resume.Start:
        """Decides where a new stream begins."""
        return resume.begin(
            request,
            self.history,
            run=self.run,
            newest=self.newest,
            viewed_ms=self.viewed_ms,
            now_ms=now_ms,
            since=since,
        )

    def missed(self, wanted: Filter, start: resume.Start, cursor: int) -> Iterator[Frame]:
        """Yields the frames of the history after the cursor that a stream with this start is sent. Do not publish while
        iterating."""
        if not wanted.sentiment:
            return iter(())
        if start.after_ms is None:
            return self.history.after(cursor, wanted.tickers)
        return self.history.missed(cursor, start.after_ms, wanted.tickers)

    def missed_count(self, wanted: Filter, start: resume.Start) -> int:
        """Returns the number of frames that `missed` yields from the start."""
        if not wanted.sentiment:
            return 0
        if start.after_ms is None:
            return self.history.count(start.cursor, wanted.tickers)
        return self.history.missed_count(start.cursor, start.after_ms, wanted.tickers)

    def join(self, wanted: Filter, subscriber: Subscriber) -> Group[Subscriber]:
        """Adds the subscriber to its filter's group, which gets the frames of the next flush."""
        return self.groups.join(wanted, subscriber)

    def leave(self, wanted: Filter, subscriber: Subscriber) -> None:
        """Removes the subscriber from its group. Does nothing if it is not in the group."""
        self.groups.leave(wanted, subscriber)

    def take_window_change(self) -> bool:
        """Returns whether the counts changed since the last call."""
        changed = self.window.revision != self._window_taken
        self._window_taken = self.window.revision
        return changed

    def expire(self, now_ms: int) -> None:
        """Removes items and frames that are too old."""
        for key in self.ledger.expire(now_ms):
            # Without this, the keys accumulate while no query succeeds. `missing` never returns them.
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

    def _follow(self, key: Key, item: Item, now_ms: int) -> None:
        """Applies to the window an observation that is no event: a deletion by TTL, or the return of such an item as it
        was before."""
        state = self.ledger.present_state(key, item.state)
        if state is None or self.window.get(key) != state:
            self.window.put(key, state, now_ms)

    def _lower_watermark(self, written_ms: int, now_ms: int) -> None:
        """Lowers the watermark if a change from before it is published. A later change of the same item, which a query
        had published, may now be overwritten until its own record arrives; the next query proves the state again."""
        if written_ms - self._margin_ms < self.watermark_ms:
            self.watermark_ms = max(0, written_ms - self._margin_ms)
            self._late_at_ms = now_ms

    def _frame(self, event: Event, kind: FrameKind, ticker: str | None) -> Frame:
        data = self.stamp(event)
        frame = Frame(self.newest, kind, ticker, data, self.watermark_ms)
        self._pending.append(frame)
        return frame


def _differences(
    key: Key, item: Item, decision: Decision, committed_at: str | None
) -> Iterator[SentimentUpdate | SentimentWithdrawn]:
    """Yields one event for each ticker whose visible state differs.

    For an item that is new to the hub, the old image's tickers are withdrawn, but never treated as published.
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
