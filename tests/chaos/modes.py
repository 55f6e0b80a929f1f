"""How a container said that changes came to it, over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.chaos.containers import Sample
from tests.chaos.plan import Fault


class Band(NamedTuple):
    """A time in one mode."""

    mode: str
    begin: float
    end: float
    reason: str


def bands(samples: Sequence[Sample]) -> list[Band]:
    """Joins samples of one mode."""
    found: list[Band] = []
    for sample in samples:
        if found:
            found[-1] = found[-1]._replace(end=sample.at)
        if not found or found[-1].mode != sample.mode:
            found.append(Band(sample.mode, sample.at, sample.at, sample.reason))
    return found


def to_poll(samples: Sequence[Sample], fault: Fault, start: float) -> float | None:
    """Seconds from a fault's start until the container was no longer in push; None if it stayed."""
    begin, end = start + fault.starts, start + fault.over
    for sample in samples:
        if begin <= sample.at <= end and sample.mode not in ("push", "gone"):
            return sample.at - begin
    return None


def back_to_push(samples: Sequence[Sample], fault: Fault, start: float) -> float | None:
    """Seconds from a fault's end until the container was in push again, once it had left; None if it never was."""
    end = start + fault.ends
    if to_poll(samples, fault, start) is None and all(
        sample.mode == "push" for sample in samples if start + fault.starts <= sample.at <= start + fault.over
    ):
        return 0.0
    left = False
    for sample in samples:
        if sample.at < start + fault.starts:
            continue
        left = left or sample.mode != "push"
        if left and sample.mode == "push" and sample.at >= end:
            return sample.at - end
    return None
