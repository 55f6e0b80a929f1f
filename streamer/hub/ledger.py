"""The last visible state of each item, and what each new observation of it means.

Observations come in any order, more than once, and by two ways: a stream record (push) carries a sequence number,
which orders the records of an item; a read of the table carries the time at which it began. The ledger decides:

- publish: the item now shows something else than what was published last;
- known: it shows what was published;
- stale: the observation is older than what was published;
- read again: only a (further) consistent read can tell.

Why the end is right: between records the sequence number decides. A consistent read is the truth at its start, unless
an observation was applied since (its `as_of` tells). A record that differs from what a read brought is older if it was
committed clearly before that read began (by more than clocks differ), newer if it was committed two seconds after the
answer came, and in between nobody knows. The writer's clock orders nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamer.change import Change, Item, Key, State

DAY_MS = 86_400_000
_AFTER_MS = 2_000  # a record that is wrongly taken for newer is set right by the next query; a read takes time
_SECOND_MS = 1_000  # committed_at is rounded down to the second


class Answer(Enum):
    """What an observation means."""

    PUBLISH = "publish"
    KNOWN = "known"
    STALE = "stale"
    READ_AGAIN = "read_again"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an observation means, and what stood before it."""

    answer: Answer
    published: State | None
    """What was published last of the item; None: nothing, or that it shows nothing."""
    shown: State | None
    """What clients may show: what was published or, of an item that is new here, what it is known to have shown."""
    was_published: bool
    by_read: bool = False
    """A read brought what was published, and no record had told it yet."""
    over: State | None = None
    """What was published before that read."""


@dataclass(frozen=True, slots=True)
class TableReading:
    """An item as a read of the table saw it."""

    key: Key
    item: Item
    began_ms: int
    """When the read began, Unix milliseconds."""
    as_of: int
    """The ledger's `revision` when the read began."""
    consistent: bool
    """A consistent read of the table; otherwise the index, which may lag."""


@dataclass(slots=True)
class _Entry:
    state: State | None
    revision: int
    touched_ms: int
    seq: int = -1
    """The highest sequence number seen; -1: none."""
    by_read: bool = False
    """The state was brought (or confirmed) last by a read."""
    confirmed: bool = True
    """A record has told the state as well."""
    silent: bool = False
    """The state was learnt, and never published."""
    expired: bool = False
    """The table's TTL has deleted the item."""
    over: State | None = None
    """What was published before the read brought its state."""
    undecided: Change | None = None
    """The newest record that only a read can place."""
    read_began_ms: int = -1
    """When the newest consistent read began."""
    read_ended_ms: int = -1
    """When the answer of the read that brought the state was here."""


class Ledger:
    """Last states by item. Keeps an item for `keep_ms` after an observation last told something new of it; beyond
    `limit` items the oldest go earlier, but never before `least_ms`. Clocks differ by `margin_ms` at most."""

    def __init__(
        self, *, keep_ms: int = DAY_MS, least_ms: int = 3_600_000, limit: int = 200_000, margin_ms: int = 1_000
    ) -> None:
        self._entries: dict[Key, _Entry] = {}  # the least recently observed first
        self._keep_ms = keep_ms
        self._least_ms = least_ms
        self._limit = limit
        self._margin_ms = margin_ms
        self.revision = 0
        """Counts applied observations: a clock for 'has the hub moved on since'."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        entry = self._entries.get(key)
        return entry is not None and not entry.silent

    def state(self, key: Key) -> State | None:
        """What was published last of an item, or None."""
        entry = self._entries.get(key)
        return None if entry is None or entry.silent else entry.state

    def knows(self, key: Key) -> bool:
        """Whether there is anything on an item, published or not."""
        return key in self._entries

    def last(self, key: Key) -> State | None:
        """What is known of an item, whether it was published or not."""
        entry = self._entries.get(key)
        return None if entry is None else entry.state

    def confirmed(self, key: Key) -> bool:
        """Whether what a read brought of an item has come as a record since, or has been overtaken by one."""
        entry = self._entries.get(key)
        return entry is None or entry.confirmed

    def published_before(self, key: Key, time_ms: int) -> bool:
        """Whether an item shows something since before a time, as far as is known: a read must find it."""
        entry = self._entries.get(key)
        return (
            entry is not None
            and entry.state is not None
            and not entry.silent
            and not entry.expired
            and entry.touched_ms < time_ms
        )

    def remember(self, key: Key, state: State | None, now_ms: int) -> None:
        """Enters what a read found of an item that is not known; nobody is told: it was there before. A record that
        made this state is news all the same."""
        if key not in self._entries:
            self._apply(key, _Entry(state, 0, now_ms, by_read=True, silent=True, read_ended_ms=now_ms), now_ms)

    def observe_record(self, change: Change, now_ms: int) -> Decision:
        """Takes in a stream record."""
        entry = self._entries.get(change.key)
        was_published = entry is not None and not entry.silent
        published = entry.state if entry is not None and was_published else None
        by_read = entry is not None and not entry.confirmed
        over = None if entry is None else entry.over
        answer = self._take_record(change, now_ms)
        return Decision(answer, published, published if was_published else change.before, was_published, by_read, over)

    def observe_reading(self, reading: TableReading, now_ms: int) -> Decision:
        """Takes in a read of the table."""
        entry = self._entries.get(reading.key)
        was_published = entry is not None and not entry.silent
        known = None if entry is None else entry.state
        answer = self._take_reading(reading, now_ms)
        return Decision(answer, known if was_published else None, known, was_published)

    def _take_record(self, change: Change, now_ms: int) -> Answer:
        after = change.after.state
        entry = self._entries.get(change.key)
        if entry is None:
            return self._first_record(change, now_ms)
        if change.seq <= entry.seq:
            return Answer.KNOWN if change.seq == entry.seq else Answer.STALE
        if change.after.absence == "expired" or after == entry.state:
            # A TTL delete withdraws nothing: what it tells is only its place in the order.
            # Applied all the same: a read that began before it was known must not undo it.
            entry.seq, entry.confirmed = change.seq, True
            if entry.undecided is not None and entry.undecided.seq < change.seq:
                entry.undecided = None
            entry.expired = change.after.absence == "expired"
            self._apply(change.key, entry, now_ms)
            if not entry.silent or after is None or after == change.before:
                return Answer.KNOWN
            entry.silent = False
            return Answer.PUBLISH
        if entry.by_read:
            if self._is_older(change, entry):
                return Answer.STALE
            if change.committed_at * 1000 <= entry.read_ended_ms + _AFTER_MS:
                if entry.undecided is None or entry.undecided.seq < change.seq:
                    entry.undecided = change
                return Answer.READ_AGAIN
        entry.state, entry.seq, entry.by_read = after, change.seq, False
        entry.confirmed, entry.silent, entry.expired, entry.undecided = True, False, False, None
        self._apply(change.key, entry, now_ms)
        return Answer.PUBLISH

    def _take_reading(self, reading: TableReading, now_ms: int) -> Answer:
        state = reading.item.state
        entry = self._entries.get(reading.key)
        if entry is None:
            entry = _Entry(None, 0, now_ms)
            answer = Answer.KNOWN if state is None else Answer.PUBLISH
        elif entry.state == state:
            if not reading.consistent or entry.revision > reading.as_of:
                return Answer.KNOWN
            answer = Answer.PUBLISH if entry.silent and state is not None else Answer.KNOWN
        elif not reading.consistent or entry.revision > reading.as_of:
            return Answer.READ_AGAIN
        else:
            answer = Answer.PUBLISH
        if answer is Answer.PUBLISH:
            record = entry.undecided
            entry.confirmed = record is not None and record.after.state == state
            entry.over = None if entry.silent else entry.state
        entry.silent = entry.expired = False
        entry.state, entry.by_read, entry.read_ended_ms = state, True, now_ms
        if reading.consistent:
            entry.read_began_ms = max(entry.read_began_ms, reading.began_ms)
            if entry.undecided is not None and entry.undecided.after.state == state:
                entry.seq = max(entry.seq, entry.undecided.seq)
            entry.undecided = None
        self._apply(reading.key, entry, now_ms)
        return answer

    def retract(self, key: Key, decision: Decision, now_ms: int) -> None:
        """What was decided last could not be published: the item shows what it did before, so that a read that finds it
        otherwise is news."""
        entry = self._entries[key]
        entry.state, entry.silent = decision.shown, not decision.was_published
        self._apply(key, entry, now_ms)

    def expire(self, now_ms: int) -> list[Key]:
        """Forgets what is over its time or over the limit; returns the forgotten items."""
        over = len(self._entries) - self._limit
        old: list[Key] = []
        for key, entry in self._entries.items():
            age_ms = now_ms - entry.touched_ms
            if age_ms <= self._keep_ms and (len(old) >= over or age_ms <= self._least_ms):
                break
            old.append(key)
        for key in old:
            del self._entries[key]
        return old

    def _is_older(self, change: Change, entry: _Entry) -> bool:
        """Whether a record was committed clearly before the newest consistent read began."""
        return entry.read_began_ms > change.committed_at * 1000 + _SECOND_MS + self._margin_ms

    def _first_record(self, change: Change, now_ms: int) -> Answer:
        after = change.after.state
        if change.after.absence == "expired" or (after is not None and after == change.before):
            # It changed nothing that a user sees. Not entered, so that a query may still find the item unknown: if the
            # record that made the state was lost, this one must not hide it.
            return Answer.KNOWN
        self._apply(change.key, _Entry(after, 0, now_ms, seq=change.seq), now_ms)
        if after is None and change.before is None:
            return Answer.KNOWN
        return Answer.PUBLISH

    def _apply(self, key: Key, entry: _Entry, now_ms: int) -> None:
        self.revision += 1
        entry.revision = self.revision
        entry.touched_ms = now_ms
        self._entries.pop(key, None)
        self._entries[key] = entry
