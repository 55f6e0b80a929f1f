"""Failed records published again after a fix."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from streamer.local.pump.shard import Streams
from streamer.local.relaying import Kept, Kind, Relayed, Relaying, Shown
from streamer.tools.deadletters import DeadLetters, Failure
from streamer.tools.rereading import BeyondReach, Rereading

_BATCH: Final = 100

Fate = Literal["published", "could be published", "still fails", "beyond reach", "not taken"]


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one message of the failure queue. Only what was `published` is taken out of it."""

    failure: Failure
    fate: Fate
    words: str
    published: int = 0
    """How many records."""


class Redrive:
    """Rereads, relays and deletes, one message after the other."""

    def __init__(
        self,
        letters: DeadLetters,
        streams: Streams,
        sns: Any,
        topic_arn: str,
        tables: Mapping[Kind, str],
        *,
        dry_run: bool,
        sleep: Callable[[float], None],
    ) -> None:
        self._letters = letters
        self._rereading = Rereading(streams)
        self._dry_run = dry_run
        self._errors: list[str] = []
        topic = Shown(lambda _: None) if dry_run else sns
        # What fails once more does not become a second message: the one that is there stays.
        self._relaying = Relaying(topic, topic_arn, Kept(self._failed), "kept", tables, sleep=sleep)

    def __call__(self, failure: Failure) -> Redriven:
        """Raises botocore's exceptions: then nothing is known, and the message stays."""
        try:
            records = self._rereading.records(failure)
        except BeyondReach as error:
            return Redriven(failure, "beyond reach", str(error))
        if not self._dry_run and not self._letters.keep(failure):
            return Redriven(
                failure, "not taken", "the queue has taken the message back, this took so long: try it again"
            )
        self._errors.clear()
        sum_ = _Sum()
        for start in range(0, len(records), _BATCH):
            sum_.add(self._relaying.send(records[start : start + _BATCH]))
            if sum_.error:
                return Redriven(failure, "not taken", sum_.error, sum_.changes)
        if self._errors:
            return Redriven(failure, "still fails", self._errors[0], sum_.changes)
        if failure.first != failure.last and len(records) < failure.records:
            words = f"{failure.records - len(records)} of {failure.records} records are trimmed; the others were found"
            return Redriven(failure, "beyond reach", words, sum_.changes)
        if self._dry_run:
            return Redriven(failure, "could be published", _count(len(records)), sum_.changes)
        words = _count(len(records))
        if not self._letters.delete(failure):
            words += "; the queue has taken the message back meanwhile, so it is still there"
        return Redriven(failure, "published", words, sum_.changes)

    def _failed(self, text: str) -> None:
        record = json.loads(text)
        self._errors.append(f"{record['reason']}: {record['error']}")


@dataclass(slots=True)
class _Sum:
    changes: int = 0
    error: str | None = field(default=None)

    def add(self, relayed: Relayed) -> None:
        self.changes += relayed.changes
        self.error = relayed.error


def chosen(failures: Sequence[Failure], numbers: Sequence[int]) -> list[tuple[int, Failure]]:
    """The failures with these numbers, counted from 1; all if none is given. Raises IndexError with a wrong number."""
    for number in numbers:
        if not 1 <= number <= len(failures):
            raise IndexError(number)
    return [(number, failures[number - 1]) for number in (sorted(set(numbers)) or range(1, len(failures) + 1))]


def _count(records: int) -> str:
    return f"{records} record{'' if records == 1 else 's'}"
