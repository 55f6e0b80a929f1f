"""Decides after each handler call which records are done, which are retried and when, and which are discarded. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from streamer.event_source.record import StreamRecord, sequence_number

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]
"""Why records are discarded, as Lambda names it."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How an event source mapping retries. The defaults are the values in Terraform."""

    batch_size: int = 100
    max_attempts: int | None = None
    """Maximum number of failed calls with the same first record; None for no limit."""
    max_age: float = 6 * 3600.0
    """Number of seconds after the write at which a failing record is discarded."""
    bisect: bool = True
    """Whether to halve a batch if the handler raised, so that one bad record does not fail the others."""
    first_wait: float = 0.1
    """Number of seconds before the first retry. The wait doubles with each retry, up to `longest_wait`."""
    longest_wait: float = 5.0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or (self.max_attempts is not None and self.max_attempts < 1):
            raise ValueError("batch_size and max_attempts must be at least 1")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Records of one shard that are read but not done, oldest first."""

    records: tuple[StreamRecord, ...] = ()
    window: int = 100
    """Maximum number of records in the next call."""
    attempts: int = 0
    """Number of failed calls with the first record."""

    @property
    def batch(self) -> tuple[StreamRecord, ...]:
        """The records of the next call."""
        return self.records[: self.window]


@dataclass(frozen=True, slots=True)
class Discard:
    """Records to discard."""

    records: tuple[StreamRecord, ...]
    condition: Condition
    attempts: int
    """Number of failed calls with the first of these records."""


@dataclass(frozen=True, slots=True)
class Step:
    """The state of a shard after a call."""

    backlog: Backlog
    wait: float = 0.0
    """Number of seconds before the next call for this shard."""
    discard: Discard | None = None
    """Records to report to the destination before the backlog is replaced."""


def count_done(response: object, batch: Sequence[StreamRecord]) -> int:
    """Returns the number of records at the start of the batch that are done, according to the handler's response.

    The lowest returned sequence number is the checkpoint. If the response is malformed, or names a record that is not
    in the batch, Lambda treats the whole batch as failed. So does this function.
    """
    if not response:  # null or {} is success
        return len(batch)
    if not isinstance(response, Mapping):
        return 0
    failures = response.get("batchItemFailures")
    if not failures:  # absent, null or an empty list
        return len(batch)
    # A replay can repeat a sequence number. The first such record counts, so that no record is skipped.
    places = {sequence_number(record.seq): place for place, record in reversed([*enumerate(batch)])}
    lowest = len(batch)
    for failure in failures if isinstance(failures, list) else [None]:
        seq = sequence_number(failure.get("itemIdentifier")) if isinstance(failure, Mapping) else None
        lowest = min(lowest, 0 if seq is None else places.get(seq, 0))
    return lowest


def after_response(backlog: Backlog, count: int, now: float, policy: RetryPolicy) -> Step:
    """Returns the step after a call that returned. `count`: done records of `backlog.batch`. `now`: Unix seconds."""
    batch = backlog.batch
    if count >= len(batch):
        return Step(Backlog(backlog.records[len(batch) :], policy.batch_size))
    return _failed(backlog, count, len(batch) - count, now, policy)


def after_error(backlog: Backlog, now: float, policy: RetryPolicy) -> Step:
    """Returns the step after a call that raised, so that the whole batch failed. `now`: Unix seconds."""
    size = len(backlog.batch)
    if policy.bisect and size > 1:
        # On AWS, halving does not count as an attempt either.
        return Step(Backlog(backlog.records, size // 2, backlog.attempts), policy.first_wait)
    return _failed(backlog, 0, size, now, policy)


def _failed(backlog: Backlog, count: int, window: int, now: float, policy: RetryPolicy) -> Step:
    records = backlog.records[count:]
    attempts = 1 if count else backlog.attempts + 1  # if records are done, another record is first now
    discard = _discarded(records[:window], attempts, now, policy)
    if discard is not None:
        return Step(Backlog(records[len(discard.records) :], policy.batch_size), discard=discard)
    # The exponent is limited, because retries can continue for hours.
    wait = min(policy.longest_wait, policy.first_wait * 2 ** min(attempts - 1, 30))
    return Step(Backlog(records, window, attempts), wait)


def _discarded(batch: tuple[StreamRecord, ...], attempts: int, now: float, policy: RetryPolicy) -> Discard | None:
    if policy.max_attempts is not None and attempts >= policy.max_attempts:
        return Discard(batch, "RetryAttemptsExhausted", attempts)
    old = tuple(takewhile(lambda record: now - record.created_at > policy.max_age, batch))
    return Discard(old, "RecordAgeExceeded", attempts) if old else None
