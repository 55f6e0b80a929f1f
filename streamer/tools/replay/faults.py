"""Faults of a replay, from a seed: the same seed and records give the same plan. Pure.

Each record draws the same random numbers whatever is enabled, so that one more fault does not move the others.
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
"""Records that can wait; beyond that the first is sent early, so that memory is bounded."""
_AGAIN_MS: Final = 1_000
"""A duplicate comes at most this much later, plus `reorder_ms`."""
_SAME_WRITE_MS: Final = 61_000
"""The table's time is rounded down (by DynamoDB to a second, by DynamoDB local to a minute)."""
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999; a later time is invalid."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults to make, as shares of all records."""

    seed: int = 0
    duplicate: float = 0.0
    """Sent twice."""
    drop: float = 0.0
    """Left out."""
    poison: float = 0.0
    """Changed so that the relay cannot decode it."""
    reorder_ms: int = 0
    """How late a record can be, in the recording's time, so that later ones overtake it."""

    @property
    def any(self) -> bool:
        """Whether there are faults to make."""
        return bool(self.duplicate or self.drop or self.poison or self.reorder_ms)


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """One record to send."""

    due_ms: float
    """When it is sent, in the recording's time."""
    record: dict[str, Any]
    fault: Fault | None = None


class FaultPlan:
    """Turns recorded into planned records; `counts` has the faults made so far."""

    def __init__(self, faults: Faults) -> None:
        self.counts: Counter[Fault] = Counter()
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - repeatable, not secret
        self._waiting: list[tuple[float, int, PlannedRecord]] = []
        self._number = self._furthest = 0

    def __call__(self, recorded: Iterable[RecordedChange]) -> Iterator[PlannedRecord]:
        """Yields the planned records while it reads the recorded ones."""
        now_ms = float("-inf")
        for one in recorded:
            moment = moment_ms(one)
            now_ms = now_ms if moment is None else max(now_ms, moment)
            if now_ms == float("-inf"):
                now_ms = 0.0
            self._take(one, now_ms)
            while self._waiting and (self._waiting[0][0] <= now_ms or len(self._waiting) > HELD):
                yield self._next()
        while self._waiting:
            yield self._next()

    def _take(self, one: RecordedChange, now_ms: float) -> None:
        drop, duplicate, poison, late, again = (self._random.random() for _ in range(5))
        faults = self._faults
        if drop < faults.drop:
            self.counts["dropped"] += 1
            return
        fault: Fault | None = None
        record = one.record
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


def moment_ms(one: RecordedChange) -> int | None:
    """The record's own time in Unix milliseconds: the writer's `updated_at` where it is of this write, else the
    table's (which is coarse), else when it was recorded."""
    body = one.record.get("dynamodb")
    body = body if isinstance(body, dict) else {}
    seconds = body.get("ApproximateCreationDateTime")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e11:
        return one.at if one.at is not None and 0 <= one.at <= _LATEST_MS else None
    written_ms = int(seconds * 1000)
    image = body.get("NewImage")
    updated_at = image.get("updated_at") if isinstance(image, dict) else None
    text = updated_at.get("S") if isinstance(updated_at, dict) else None
    exact = parse_time(text) if isinstance(text, str) else None
    if exact is not None and -1_000 <= exact - written_ms <= _SAME_WRITE_MS:
        return exact
    return written_ms


def poisoned(record: dict[str, Any]) -> dict[str, Any]:
    """The record with an invalid time: the relay rejects it, and its failure record still identifies it."""
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": "poison"}}
