"""Limits how often lines of one kind are logged, by a token bucket, and counts the lines that were left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_KINDS: Final = 256
"""Kinds that are limited. Messages are constants, so there are fewer; further kinds are not limited."""


@dataclass(slots=True)
class _State:
    tokens: float
    at: float
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class LineKind:
    """Lines with the same template of the message, whatever its arguments."""

    logger: str
    level: int
    message: str


class LineRate:
    """One bucket for each kind. Not thread-safe."""

    def __init__(self, rate: float = 50.0, burst: int = 1_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate`: lines a second in the long run. `burst`: lines at once."""
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._kinds: dict[LineKind, _State] = {}

    def admit(self, kind: LineKind) -> int | None:
        """Admits a line: returns how many of its kind were left out before it. None: it is left out too."""
        state = self._kinds.get(kind)
        if state is None:
            if len(self._kinds) >= MOST_KINDS:
                return 0
            state = self._kinds[kind] = _State(self._burst, self._clock())
        self._refill(state)
        if state.tokens < 1:
            state.left_out += 1
            return None
        state.tokens -= 1
        left_out, state.left_out = state.left_out, 0
        return left_out

    def due(self, *, at_end: bool = False) -> list[tuple[LineKind, int]]:
        """Takes the kinds that may be reported now, with how many lines were left out; `at_end`: all of them."""
        found = []
        for kind, state in self._kinds.items():
            if not state.left_out:
                continue
            self._refill(state)
            if state.tokens >= 1 or at_end:
                state.tokens = max(0.0, state.tokens - 1)
                found.append((kind, state.left_out))
                state.left_out = 0
        return found

    @property
    def owes(self) -> bool:
        """Whether lines were left out that are not reported yet."""
        return any(state.left_out for state in self._kinds.values())

    def _refill(self, state: _State) -> None:
        now = self._clock()
        state.tokens = min(self._burst, state.tokens + (now - state.at) * self._rate)
        state.at = now
