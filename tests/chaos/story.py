"""What is written, and when: the lives of items. Pure and seeded."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from streamer.change import State

TICKERS: Final = ("AAPL", "MSFT", "NVDA", "TSLA", "BRK.B", "AMZN")
_LABELS: Final = ("positive", "neutral", "negative")
STAMPED: Final = "now"
"""In place of an `updated_at`: the time of the write is put in."""


@dataclass(frozen=True, slots=True)
class Step:
    """One write of an item's life, `after` seconds after its first."""

    after: float
    state: State | None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """The life of one item. Its `timestamp` is `age` seconds before its first write."""

    steps: tuple[Step, ...]
    age: float = 0.0


def story(rng: random.Random) -> Story:
    """The next item's life."""
    (tell,) = rng.choices([tell for tell, _ in _STORIES], [weight for _, weight in _STORIES])
    return tell(rng)


def _state(rng: random.Random, label: str | None = None, *, stamped: bool = True) -> State:
    tickers = tuple(sorted(rng.sample(TICKERS, rng.choice((1, 1, 2, 3)))))
    score = Decimal(rng.randint(-1000, 1000)) / 1000
    updated_at = STAMPED if stamped else None
    return State(tickers, label or rng.choice(_LABELS), score, None, "wire", updated_at)


def _while(rng: random.Random) -> float:
    """How long a version lives: too short for anything but push, or long enough to be promised."""
    return rng.uniform(0.05, 0.9) if rng.random() < 0.35 else rng.uniform(10.5, 45)


def _new(rng: random.Random) -> Story:
    return Story((Step(0, _state(rng)),))


def _pending(rng: random.Random) -> Story:
    return Story((Step(0, None), Step(rng.uniform(1, 60), _state(rng))))


def _corrected(rng: random.Random) -> Story:
    steps = [Step(0, _state(rng))]
    for _ in range(rng.choice((1, 1, 2))):
        before = steps[-1]
        label = rng.choice([one for one in _LABELS if before.state and one != before.state.label])
        tickers = before.state.tickers if before.state else ()
        steps.append(Step(before.after + _while(rng), replace(_state(rng, label), tickers=tickers)))
    return Story(tuple(steps))


def _there_and_back(rng: random.Random) -> Story:
    first = _state(rng, "positive", stamped=rng.random() < 0.4)
    away = first.updated_at and STAMPED
    second = replace(first, label="negative", updated_at=away)
    one = _while(rng)
    return Story((Step(0, first), Step(one, second), Step(one + _while(rng), first)))


def _other_tickers(rng: random.Random) -> Story:
    first = _state(rng)
    return Story((Step(0, first), Step(_while(rng), replace(_state(rng), label=first.label, score=first.score))))


def _unscored(rng: random.Random) -> Story:
    return Story((Step(0, _state(rng)), Step(_while(rng), None)))


def _deleted(rng: random.Random) -> Story:
    return Story((Step(0, _state(rng)), Step(_while(rng), None, deleted=True)))


def _late(rng: random.Random) -> Story:
    """Scored more than two minutes after its timestamp: outside of the promise."""
    return Story((Step(0, _state(rng)),), age=rng.uniform(125, 170))


_STORIES: Final[tuple[tuple[Callable[[random.Random], Story], float], ...]] = (
    (_new, 34),
    (_pending, 16),
    (_corrected, 20),
    (_there_and_back, 12),
    (_other_tickers, 6),
    (_unscored, 4),
    (_deleted, 5),
    (_late, 3),
)
