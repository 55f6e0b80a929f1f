"""How changes reach this container now, as its clients are told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurrentMode:
    """`push`, `poll`, `both` or `down`; why, in words for everybody; and since when, in Unix milliseconds."""

    name: str
    reason: str
    since_ms: int
