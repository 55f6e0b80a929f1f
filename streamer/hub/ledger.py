"""The last visible state of each item, and what each new observation of it means.

Observations come in any order, more than once, and by two ways: a stream record (push) carries a sequence number,
which orders the records of an item; a read of the table carries the time at which it began. The ledger answers:

- publish: the item now shows something else than what was published last;
- known: it shows what was published;
- stale: the observation is older than what was published;
- read again: only a (further) consistent read can tell.

Why the end is right: between records the sequence number decides. A consistent read is the truth at its start, unless
an observation was applied since (its `as_of` tells). A record that differs from what a read brought is older if it was
committed more than a second before that read began, newer if it was committed more than a second after the answer
came, and in between nobody knows. The writer's clock orders nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamer.change import Change, Item, Key, State

DAY_MS = 86_400_000
_MARGIN_MS = 1_000
_SECOND_MS = 1_000  # committed_at is rounded down to the second


class Answer(Enum):
    """What an observation means."""

    PUBLISH = "publish"
    KNOWN = "known"
    STALE = "stale"
    READ_AGAIN = "read_again"


@dataclass(frozen=True, slots=True)
class Reading:
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
    read_began_ms: int = -1
    """When the newest consistent read began."""
    read_ended_ms: int = -1
    """When the answer of the read that brought the state was here."""


class Ledger:
    """Last states by item. Keeps an item for `keep_ms` after an observation last told something new of it; beyond
    `limit` items the oldest go earlier, but never before `least_ms`."""

    def __init__(self, *, keep_ms: int = DAY_MS, least_ms: int = 3_600_000, limit: int = 200_000) -> None:
        self._entries: dict[Key, _Entry] = {}  # the least recently observed first
        self._keep_ms = keep_ms
        self._least_ms = least_ms
        self._limit = limit
        self.revision = 0
        """Counts applied observations: a clock for 'has the hub moved on since'."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def state(self, key: Key) -> State | None:
        """What was published last of an item, or None."""
        entry = self._entries.get(key)
        return None if entry is None else entry.state

    def observe_record(self, change: Change, now_ms: int) -> Answer:
        """Answers a stream record."""
        after = change.after.state
        entry = self._entries.get(change.key)
        if entry is None:
            return self._first_record(change, now_ms)
        if change.seq <= entry.seq:
            return Answer.KNOWN if change.seq == entry.seq else Answer.STALE
        if change.after.absence == "expired" or after == entry.state:
            # A TTL delete withdraws nothing: what it tells is only its place in the order.
            # Applied all the same: a read that began before it was known must not undo it.
            entry.seq = change.seq
            self._apply(change.key, entry, now_ms)
            return Answer.KNOWN
        if entry.by_read:
            latest_commit_ms = change.committed_at * 1000 + _SECOND_MS
            if entry.read_began_ms > latest_commit_ms + _MARGIN_MS:
                return Answer.STALE
            if change.committed_at * 1000 <= entry.read_ended_ms + _MARGIN_MS:
                return Answer.READ_AGAIN
        entry.state, entry.seq, entry.by_read = after, change.seq, False
        self._apply(change.key, entry, now_ms)
        return Answer.PUBLISH

    def observe_reading(self, reading: Reading, now_ms: int) -> Answer:
        """Answers a read of the table."""
        state = reading.item.state
        entry = self._entries.get(reading.key)
        if entry is None:
            entry = _Entry(None, 0, now_ms)
            answer = Answer.KNOWN if state is None else Answer.PUBLISH
        elif entry.state == state:
            if not reading.consistent or entry.revision > reading.as_of:
                return Answer.KNOWN
            answer = Answer.KNOWN
        elif not reading.consistent or entry.revision > reading.as_of:
            return Answer.READ_AGAIN
        else:
            answer = Answer.PUBLISH
        entry.state, entry.by_read, entry.read_ended_ms = state, True, now_ms
        if reading.consistent:
            entry.read_began_ms = max(entry.read_began_ms, reading.began_ms)
        self._apply(reading.key, entry, now_ms)
        return answer

    def expire(self, now_ms: int) -> None:
        """Forgets what is over its time or over the limit."""
        over = len(self._entries) - self._limit
        old: list[Key] = []
        for key, entry in self._entries.items():
            age_ms = now_ms - entry.touched_ms
            if age_ms <= self._keep_ms and (len(old) >= over or age_ms <= self._least_ms):
                break
            old.append(key)
        for key in old:
            del self._entries[key]

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
