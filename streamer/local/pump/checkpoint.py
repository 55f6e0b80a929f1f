"""What follows from the handler's answer: what is done, what is called again and when, what is given up. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from streamer.local.pump.record import Record

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]
"""Why records were given up, in Lambda's words."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How an event source mapping is set up. The defaults are those of the deployed one."""

    batch_size: int = 100
    max_attempts: int | None = None
    """Calls that may fail with the same record in front; None for no limit."""
    max_age: float = 6 * 3600.0
    """Seconds after which a record that fails is given up."""
    bisect: bool = True
    """Whether a batch that raised is halved, so that one bad record does not take the others with it."""
    first_wait: float = 0.1
    """Seconds before the first retry; each further wait is twice as long."""
    longest_wait: float = 5.0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or (self.max_attempts is not None and self.max_attempts < 1):
            raise ValueError("batch_size and max_attempts are at least 1")


@dataclass(frozen=True, slots=True)
class Backlog:
    """The records of one shard that were read and are not done, oldest first."""

    records: tuple[Record, ...] = ()
    window: int = 100
    """How many of them the next call gets, at most."""
    attempts: int = 0
    """Calls that failed with the record that is now in front."""

    @property
    def batch(self) -> tuple[Record, ...]:
        """What the next call gets."""
        return self.records[: self.window]


@dataclass(frozen=True, slots=True)
class Discard:
    """Records that are given up."""

    records: tuple[Record, ...]
    condition: Condition
    attempts: int
    """Calls that failed for them."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do after a call."""

    backlog: Backlog
    wait: float = 0.0
    """Seconds until the next call for this shard."""
    discard: Discard | None = None
    """What the failure queue has to be told before the backlog is replaced."""


def done(response: object, batch: Sequence[Record]) -> int:
    """How many records of the batch, from its start, a handler's answer says are done.

    The lowest of the returned numbers is the checkpoint. What cannot be understood, or is not of this batch, counts as
    nothing done: Lambda's rule, and the one by which nothing is lost.
    """
    if not response:  # null or {} is success
        return len(batch)
    if not isinstance(response, Mapping):
        return 0
    failures = response.get("batchItemFailures")
    if not failures:  # absent, null or an empty list
        return len(batch)
    place = {int(record.seq): at for at, record in enumerate(batch)}
    lowest = len(batch)
    for failure in failures if isinstance(failures, list) else [None]:
        seq = failure.get("itemIdentifier") if isinstance(failure, Mapping) else None
        if not isinstance(seq, str) or not seq.isdecimal():
            return 0
        lowest = min(lowest, place.get(int(seq), 0))
    return lowest


def after_answer(backlog: Backlog, count: int, now: float, policy: Policy) -> Step:
    """The step after a call that returned with `count` records of `backlog.batch` done. `now`: Unix seconds."""
    batch = backlog.batch
    if count >= len(batch):
        return Step(Backlog(backlog.records[len(batch) :], policy.batch_size))
    return _failed(backlog, count, len(batch) - count, now, policy)


def after_error(backlog: Backlog, now: float, policy: Policy) -> Step:
    """The step after a call that raised: the whole batch failed. `now`: Unix seconds."""
    size = len(backlog.batch)
    if policy.bisect and size > 1:
        # On AWS, too, halving costs no attempt: in the end it is one record that is tried so often.
        return Step(Backlog(backlog.records, size // 2, backlog.attempts), policy.first_wait)
    return _failed(backlog, 0, size, now, policy)


def _failed(backlog: Backlog, count: int, window: int, now: float, policy: Policy) -> Step:
    records = backlog.records[count:]
    attempts = 1 if count else backlog.attempts + 1  # the record in front is another one after progress
    discard = _given_up(records[:window], attempts, now, policy)
    if discard is not None:
        return Step(Backlog(records[len(discard.records) :], policy.batch_size), discard=discard)
    # Bounded before it is raised to a power: attempts may go on for hours.
    wait = min(policy.longest_wait, policy.first_wait * 2 ** min(attempts - 1, 30))
    return Step(Backlog(records, window, attempts), wait)


def _given_up(batch: tuple[Record, ...], attempts: int, now: float, policy: Policy) -> Discard | None:
    if policy.max_attempts is not None and attempts >= policy.max_attempts:
        return Discard(batch, "RetryAttemptsExhausted", attempts)
    old = tuple(takewhile(lambda record: now - record.created_at > policy.max_age, batch))
    return Discard(old, "RecordAgeExceeded", attempts) if old else None
