"""Stores the last visible state of each item, and decides for each observation whether to publish it.

Observations arrive in any order, repeatedly, and from two sources: a stream record (push) has a sequence number, which
orders the records of an item; a table read has the time at which it began. The ledger decides:

- publish: the item's state differs from the last published state;
- known: there is nothing to publish;
- stale: the observation is older than the stored state;
- read again: the order is unknown, and a consistent read is needed.

The final state is correct for these reasons. Sequence numbers order records. A consistent read returns
the state at its start or later. The ledger applies it only if no other observation of the item was applied after the
revision `as_of`, which the reader noted before the read. A record that contradicts a read is older if its commit time
plus `margin_ms` is before the start of the read, and newer if it was committed more than two seconds after the
response; otherwise the order is unknown. `updated_at`, which the writer sets, is not used for ordering.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamer.change import Change, Item, Key, State

DAY_MS = 86_400_000
LONGEST_EXPIRED_MS = 5 * 366 * DAY_MS
"""TTL does not delete items that expired longer ago."""
# A record committed this long after a read's response counts as newer. If that is wrong, a later query corrects it.
_AFTER_MS = 2_000
_SECOND_MS = 1_000  # committed_at is rounded down to the second


class Answer(Enum):
    """What to do with an observation."""

    PUBLISH = "publish"
    KNOWN = "known"
    STALE = "stale"
    READ_AGAIN = "read_again"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision for one observation, and the item's state before it."""

    answer: Answer
    published: State | None
    """The last published state; None if nothing was published for this item, or if a withdrawal was published last."""
    shown: State | None
    """The state that clients probably display: the last published state or, for an item that is not in the ledger, the
    old image of the record."""
    was_published: bool
    by_read: bool = False
    """The last published state came from a table read, and no stream record has confirmed it yet."""
    state_before_read: State | None = None
    """The state that was published before that read."""


@dataclass(frozen=True, slots=True)
class TableReading:
    """An item in the response of a table read."""

    key: Key
    item: Item
    began_ms: int
    """Time at which the read began, Unix milliseconds."""
    as_of: int
    """The ledger's `revision` at that time."""
    consistent: bool
    """True for a consistent read of the table, false for a read of the index, which may lag."""


@dataclass(slots=True)
class _Entry:
    state: State | None
    revision: int
    touched_ms: int
    seq: int = -1
    """The highest sequence number of its records; -1 if there was no record."""
    by_read: bool = False
    """The last observation of this state was a table read."""
    confirmed: bool = True
    """A stream record with this state has arrived."""
    silent: bool = False
    """The state was never published."""
    expired: bool = False
    """The table's TTL has deleted the item."""
    expires_at: int | None = None
    """Unix seconds after which the table's TTL deletes the item; None: unknown, or never."""
    state_before_read: State | None = None
    """The state that was published before a read supplied the current one."""
    undecided: Change | None = None
    """The newest record whose order is unknown until the next consistent read."""
    read_began_ms: int = -1
    """Time at which the newest consistent read began."""
    read_ended_ms: int = -1
    """Time at which the read that supplied the state ended."""

    def learn_expiry(self, reading: TableReading) -> None:
        """Stores the expiry of an item that a read found. A read of the index without an expiry says nothing, because
        not every index has it."""
        item = reading.item
        if item.state is not None and (reading.consistent or item.expires_at is not None):
            self.expires_at = item.expires_at

    def is_expired_in(self, reading: TableReading) -> bool:
        """Returns whether a read that did not find the item shows a deletion by TTL: the item had expired, and there
        is no undecided record, which may be the deletion by a writer."""
        if reading.item.absence != "deleted" or self.expires_at is None or self.undecided is not None:
            return False
        return 0 <= reading.began_ms - self.expires_at * 1000 <= LONGEST_EXPIRED_MS


class Ledger:
    """Keeps each item for `keep_ms` after its last applied observation. Above `limit` items it removes the oldest
    first, but keeps each for at least `least_ms`. `margin_ms` is the assumed
    maximum difference between the clocks of this container and of DynamoDB."""

    def __init__(
        self, *, keep_ms: int = DAY_MS, least_ms: int = 3_600_000, limit: int = 200_000, margin_ms: int = 1_000
    ) -> None:
        self._entries: dict[Key, _Entry] = {}  # the oldest applied observation first
        self._packed = 0  # the revision at which `_entries` was last without gaps
        self._keep_ms = keep_ms
        self._least_ms = least_ms
        self._limit = limit
        self._margin_ms = margin_ms
        self.revision = 0
        """Number of applied observations. Compare two values to see whether the ledger has changed."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def limit(self) -> int:
        """Number of items above which the oldest are removed, unless they are too new."""
        return self._limit

    def published_state(self, key: Key) -> State | None:
        """Returns the last published state of an item, or None."""
        entry = self._entries.get(key)
        return None if entry is None or entry.silent else entry.state

    def knows(self, key: Key) -> bool:
        """Returns whether the ledger has an entry for the item, published or not."""
        return key in self._entries

    def present_state(self, key: Key, unknown: State | None) -> State | None:
        """Returns the stored state of an item, published or not; None if the table's TTL has deleted it, and `unknown`
        if the ledger has no entry for it."""
        entry = self._entries.get(key)
        if entry is None:
            return unknown
        return None if entry.expired else entry.state

    def confirmed(self, key: Key) -> bool:
        """Returns whether a stream record has confirmed or replaced the state from the last read. True for an unknown
        item."""
        entry = self._entries.get(key)
        return entry is None or entry.confirmed

    def published_before(self, key: Key, time_ms: int) -> bool:
        """Returns whether the item has a published state, was last observed before `time_ms`, and was not deleted by
        TTL. A later table read that does not return such an item shows that it was deleted."""
        entry = self._entries.get(key)
        return (
            entry is not None
            and entry.state is not None
            and not entry.silent
            and not entry.expired
            and entry.touched_ms < time_ms
        )

    def remember(self, key: Key, state: State | None, now_ms: int) -> None:
        """Stores the state of an unknown item without publishing it, because the item existed before this process. A
        later record with this state is still published."""
        if key not in self._entries:
            self._apply(key, _Entry(state, 0, now_ms, by_read=True, silent=True, read_ended_ms=now_ms), now_ms)

    def observe_record(self, change: Change, now_ms: int) -> Decision:
        """Applies a stream record."""
        entry = self._entries.get(change.key)
        was_published = entry is not None and not entry.silent
        published = entry.state if entry is not None and was_published else None
        by_read = entry is not None and not entry.confirmed
        state_before_read = None if entry is None else entry.state_before_read
        answer = self._take_record(change, now_ms)
        return Decision(
            answer, published, published if was_published else change.before, was_published, by_read, state_before_read
        )

    def observe_reading(self, reading: TableReading, now_ms: int) -> Decision:
        """Applies an item of a table read."""
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
            # A TTL deletion sends no withdrawal, and an equal state sends no event. Both update the sequence number and
            # the revision, so that a read that began earlier is not applied.
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
        if entry is not None:
            entry.learn_expiry(reading)
        if entry is None:
            entry = _Entry(None, 0, now_ms, expires_at=reading.item.expires_at)
            answer = Answer.KNOWN if state is None else Answer.PUBLISH
        elif entry.state == state:
            if not reading.consistent or entry.revision > reading.as_of:
                return Answer.KNOWN
            answer = Answer.PUBLISH if entry.silent and state is not None else Answer.KNOWN
        elif not reading.consistent or entry.revision > reading.as_of:
            return Answer.READ_AGAIN
        elif entry.is_expired_in(reading):
            # As in `_take_record`: no withdrawal. The read is not noted as the source of the state, so that a record
            # of a deletion by the writer, if one comes, is applied.
            entry.expired = True
            self._apply(reading.key, entry, now_ms)
            return Answer.KNOWN
        else:
            answer = Answer.PUBLISH
        if answer is Answer.PUBLISH:
            record = entry.undecided
            entry.confirmed = record is not None and record.after.state == state
            entry.state_before_read = None if entry.silent else entry.state
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
        """Reverts the last decision to publish, because publishing failed: restores the previous state, so that the
        next read publishes the difference."""
        entry = self._entries[key]
        entry.state, entry.silent = decision.shown, not decision.was_published
        self._apply(key, entry, now_ms)

    def expire(self, now_ms: int) -> list[Key]:
        """Removes items that are too old or above the limit. Returns their keys."""
        excess = len(self._entries) - self._limit
        old: list[Key] = []
        for key, entry in self._entries.items():
            age_ms = now_ms - entry.touched_ms
            if age_ms <= self._keep_ms and (len(old) >= excess or age_ms <= self._least_ms):
                break
            old.append(key)
        for key in old:
            del self._entries[key]
        if self.revision - self._packed > len(self._entries) // 2:
            # A removed key leaves a gap, and a dict that is full of gaps grows to three times its keys: 21 instead of
            # 10 MB for 200,000.
            self._entries, self._packed = dict(self._entries), self.revision
        return old

    def _is_older(self, change: Change, entry: _Entry) -> bool:
        """Returns whether the record was committed before the newest consistent read began, even if
        the clocks differ by `margin_ms`."""
        return entry.read_began_ms > change.committed_at * 1000 + _SECOND_MS + self._margin_ms

    def _first_record(self, change: Change, now_ms: int) -> Answer:
        after = change.after.state
        if change.after.absence == "expired":
            # It is stored so that neither the backfill nor an index that lags brings the item back.
            entry = _Entry(None, 0, now_ms, seq=change.seq, silent=True, expired=True)
            self._apply(change.key, entry, now_ms)
            return Answer.KNOWN
        if after is not None and after == change.before:
            # This record does not change the visible state, so it is not stored. If the record that introduced this
            # state was lost, the next query finds the item missing from the ledger, and publishes its state.
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
