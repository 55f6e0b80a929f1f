"""The mode by which changes reach this container, as shown to clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurrentMode:
    """`name` is `push`, `poll`, `both` or `down`. `reason` is a sentence that is safe to show to every client."""

    name: str
    reason: str
    since_ms: int
