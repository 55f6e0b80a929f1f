"""Plans all writes to the item of one story. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from streamer.local.writer.vocabulary import LABELS, SOURCES, TICKERS, Label, article, headline

Fate = Literal["settled", "there_and_back", "corrected", "deleted", "ticker_lost", "unscored", "retitled"]

FATES: Final[Mapping[Fate, int]] = {
    "settled": 60,
    "there_and_back": 11,
    "corrected": 9,
    "deleted": 6,
    "ticker_lost": 8,
    "unscored": 2,
    "retitled": 4,
}
"""Weights. `ticker_lost` applies only to items with more than one ticker, which are about half of all."""

PENDING: Final = 0.4
"""Share of stories that are written before they are scored."""

WRITES: Final = 1.88
"""Average number of writes of a story. A test in tests/unit/local checks it."""


@dataclass(frozen=True, slots=True)
class TableWrite:
    """One write to the sentiment table."""

    at: float
    """Seconds after the writer's start."""
    action: Literal["put", "update", "delete"]
    source_id: str
    published: float
    """Time of publication, which is the range key, in seconds after the writer's start."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Attributes to set: strings, lists of strings, integers and Decimals. A put replaces the whole item."""
    removed: tuple[str, ...] = ()
    """Attributes to remove."""


def story(rng: random.Random, number: int, at: float, hot: str | None = None) -> list[TableWrite]:
    """Plans the writes of story `number`, which begins `at` seconds after the start. `hot`: ticker of a burst."""
    tickers = _tickers(rng, hot)
    label = rng.choices(LABELS, (45, 30, 25))[0]
    source = rng.choices(list(SOURCES), [weight for _, weight in SOURCES.values()])[0]
    plan = _Plan(rng, f"{SOURCES[source][0]}:{number:06d}", at, at - rng.uniform(0.2, 2.5))
    first = {
        "source": source,
        "headline": headline(rng, label, tickers[0]),
        "article_text": article(rng, tickers[0]),
        "language": "en",
        **_matched(rng, tickers),
    }
    verdict = _verdict(rng, label)
    if rng.random() < PENDING:
        plan.write("put", first)
        plan.later(1.0, 6.0)
        plan.write("update", verdict)
    else:
        plan.write("put", first | verdict)
    other = _verdict(rng, rng.choice([each for each in LABELS if each != label]))
    fate = rng.choices(list(FATES), list(FATES.values()))[0]
    _fate(plan, fate, verdict, other, tickers)
    return plan.writes


def _fate(
    plan: _Plan, fate: Fate, verdict: Mapping[str, Any], other: Mapping[str, Any], tickers: Sequence[str]
) -> None:
    match fate:
        case "there_and_back":
            plan.later(3.0, 12.0)
            plan.write("update", other)
            plan.later(3.0, 12.0)
            plan.write("update", verdict)
        case "corrected":
            plan.later(3.0, 15.0)
            plan.write("update", other)
        case "deleted":
            plan.later(5.0, 40.0)
            plan.write("delete")
        case "ticker_lost" if len(tickers) > 1:
            plan.later(3.0, 20.0)
            plan.write("update", {"matched_tickers": list(tickers[:-1])})
        case "unscored":
            plan.later(3.0, 12.0)
            plan.write("update", removed=("sentiment", "score", "confidence"))
            plan.later(3.0, 12.0)
            plan.write("update", other)
        case "retitled":  # changes only hidden attributes
            plan.later(3.0, 20.0)
            plan.write("update", {"headline": headline(plan.rng, verdict["sentiment"], tickers[0]), "revision": 2})


@dataclass(slots=True)
class _Plan:
    """The planned writes of a story, and the time of the next write."""

    rng: random.Random
    source_id: str
    at: float
    published: float
    writes: list[TableWrite] = field(default_factory=list)

    def later(self, least: float, most: float) -> None:
        self.at += self.rng.uniform(least, most)

    def write(
        self,
        action: Literal["put", "update", "delete"],
        values: Mapping[str, Any] | None = None,
        removed: tuple[str, ...] = (),
    ) -> None:
        self.writes.append(TableWrite(self.at, action, self.source_id, self.published, values or {}, removed))


def _tickers(rng: random.Random, hot: str | None) -> list[str]:
    wanted = rng.choices((1, 2, 3), (50, 35, 15))[0]
    tickers = [hot] if hot else []
    while len(tickers) < wanted:
        ticker = rng.choices(list(TICKERS), list(TICKERS.values()))[0]
        if ticker not in tickers:
            tickers.append(ticker)
    return tickers


def _matched(rng: random.Random, tickers: list[str]) -> dict[str, Any]:
    """Returns `matched_tickers`, or sometimes the older attribute `ticker`."""
    if len(tickers) == 1 and rng.random() < 0.1:
        return {"ticker": tickers[0]}
    return {"matched_tickers": list(tickers)}


def _verdict(rng: random.Random, label: Label) -> dict[str, Any]:
    least, most = {"positive": (0.16, 0.98), "neutral": (-0.14, 0.14), "negative": (-0.98, -0.16)}[label]
    return {
        "sentiment": label,
        "score": _number(rng.uniform(least, most), rng.randint(2, 4)),
        "confidence": _number(rng.uniform(0.5, 0.99), 2),
    }


def _number(value: float, digits: int) -> Decimal:
    """Normalizes a number like DynamoDB, but unlike moto: no trailing zeros, no negative zero."""
    return (Decimal(f"{value:.{digits}f}") + 0).normalize()
