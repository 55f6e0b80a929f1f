"""How often lines of one kind are logged: a burst of them, then so many a second, and how many were left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_KINDS: Final = 256
"""Kinds that are rated. Messages are constants, so there are fewer; what comes beyond is not rated."""


@dataclass(slots=True)
class _State:
    tokens: float
    at: float
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes lines alike: the template of the message, not what came with it."""

    logger: str
    level: int
    message: str


class LineRate:
    """Rates each kind by a token bucket. Not for more than one thread at a time."""

    def __init__(self, rate: float = 50.0, burst: int = 1_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate`: lines a second in the long run; `burst`: at once."""
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._kinds: dict[Kind, _State] = {}

    def admit(self, kind: Kind) -> int | None:
        """How many of this kind were left out since the last one that was not; None: this one is left out, too."""
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

    def due(self, *, at_end: bool = False) -> list[tuple[Kind, int]]:
        """Kinds of which lines were left out, with how many, that may be said again now; `at_end`: all of them. They
        count as said."""
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
        """Whether lines were left out that nothing has said yet."""
        return any(state.left_out for state in self._kinds.values())

    def _refill(self, state: _State) -> None:
        now = self._clock()
        state.tokens = min(self._burst, state.tokens + (now - state.at) * self._rate)
        state.at = now
