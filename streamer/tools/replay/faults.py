"""Injects faults into a replay. The same seed and records give the same faults. Pure.

Five random numbers are drawn for each record, whichever faults are enabled, so that enabling one leaves the others
unchanged.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from streamer.change import parse_time
from streamer.tools.replay.reader import RecordedChange

Fault = Literal["dropped", "duplicated", "poisoned", "moved"]

HELD: Final = 10_000
"""Maximum number of delayed records, to limit memory. Above it the first record is sent early."""
_AGAIN_MS: Final = 1_000
"""Maximum delay of a duplicate, in addition to `reorder_ms`."""
_SAME_WRITE_MS: Final = 61_000
"""Maximum difference between `updated_at` and the table's time, which is rounded down (DynamoDB local: to a minute)."""
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, the latest valid time."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults to inject, as shares of all records."""

    seed: int = 0
    duplicate: float = 0.0
    """Share of records that are sent twice."""
    drop: float = 0.0
    """Share of records that are dropped."""
    poison: float = 0.0
    """Share of records that are changed so that the relay cannot decode them."""
    reorder_ms: int = 0
    """Maximum delay of a record, in the recording's time, so that later records overtake it."""

    @property
    def any(self) -> bool:
        """Whether a fault is enabled."""
        return bool(self.duplicate or self.drop or self.poison or self.reorder_ms)


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """A record with the time at which it is sent."""

    due_ms: float
    """In the recording's time."""
    record: dict[str, Any]
    fault: Fault | None = None


class FaultPlan:
    """Plans recorded changes. `counts`: the number of faults injected so far."""

    def __init__(self, faults: Faults) -> None:
        self.counts: Counter[Fault] = Counter()
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - repeatable, not secret
        self._waiting: list[tuple[float, int, PlannedRecord]] = []
        self._number = self._furthest = 0

    def __call__(self, recorded: Iterable[RecordedChange]) -> Iterator[PlannedRecord]:
        """Yields the planned records while it reads the recorded ones."""
        now_ms = float("-inf")
        for change in recorded:
            time_ms = change_time_ms(change)
            now_ms = now_ms if time_ms is None else max(now_ms, time_ms)
            if now_ms == float("-inf"):
                now_ms = 0.0
            self._plan(change, now_ms)
            while self._waiting and (self._waiting[0][0] <= now_ms or len(self._waiting) > HELD):
                yield self._next()
        while self._waiting:
            yield self._next()

    def _plan(self, change: RecordedChange, now_ms: float) -> None:
        drop, duplicate, poison, late, again = (self._random.random() for _ in range(5))
        faults = self._faults
        if drop < faults.drop:
            self.counts["dropped"] += 1
            return
        fault: Fault | None = None
        record = change.record
        if poison < faults.poison:
            self.counts["poisoned"] += 1
            fault, record = "poisoned", poisoned(record)
        due_ms = now_ms + late * faults.reorder_ms
        self._add(PlannedRecord(due_ms, record, fault))
        if duplicate < faults.duplicate:
            self.counts["duplicated"] += 1
            later_ms = due_ms + again * (_AGAIN_MS + faults.reorder_ms)
            self._add(PlannedRecord(later_ms, record, fault or "duplicated"))

    def _add(self, planned: PlannedRecord) -> None:
        self._number += 1
        heapq.heappush(self._waiting, (planned.due_ms, self._number, planned))

    def _next(self) -> PlannedRecord:
        _, number, planned = heapq.heappop(self._waiting)
        if number < self._furthest and planned.fault != "duplicated":
            self.counts["moved"] += 1
        self._furthest = max(self._furthest, number)
        return planned


def change_time_ms(change: RecordedChange) -> int | None:
    """Returns the time of a change in Unix milliseconds; None if it is unknown.

    This is the item's `updated_at` if this write set it, else the table's time (in seconds), else the time of
    recording.
    """
    body = change.record.get("dynamodb")
    body = body if isinstance(body, dict) else {}
    seconds = body.get("ApproximateCreationDateTime")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e11:
        return change.at if change.at is not None and 0 <= change.at <= _LATEST_MS else None
    written_ms = int(seconds * 1000)
    image = body.get("NewImage")
    updated_at = image.get("updated_at") if isinstance(image, dict) else None
    text = updated_at.get("S") if isinstance(updated_at, dict) else None
    exact = parse_time(text) if isinstance(text, str) else None
    if exact is not None and -1_000 <= exact - written_ms <= _SAME_WRITE_MS:
        return exact
    return written_ms


def poisoned(record: dict[str, Any]) -> dict[str, Any]:
    """Returns the record with an invalid time. The relay rejects it, and the failure record still identifies it."""
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": "poison"}}
