"""Plans stories at an average rate, with bursts and lulls. Pure."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamer.local.writer.story import WRITES, TableWrite, story
from streamer.local.writer.vocabulary import TICKERS


@dataclass(frozen=True, slots=True)
class Weather:
    """A kind of period in which stories are `factor` times as frequent as on average."""

    name: str
    weight: int
    least: float
    most: float
    """Minimum and maximum length in seconds."""
    factor: float


WEATHER: Final = (
    Weather("calm", 50, 8.0, 20.0, 1.0),
    Weather("burst", 25, 2.0, 5.0, 4.0),
    Weather("lull", 25, 4.0, 9.0, 0.15),
)
_MEAN: Final = sum(each.weight * (each.least + each.most) * each.factor for each in WEATHER) / sum(
    each.weight * (each.least + each.most) for each in WEATHER
)


def news(seed: int, rate: float) -> Iterator[TableWrite]:
    """Yields writes in the order of their times, without end. The same seed and rate give the same news.

    `rate`: average writes a second, after the first corrections are due.
    """
    due: list[tuple[float, int, TableWrite]] = []
    planned = 0
    for writes in _stories(random.Random(seed), rate):
        while due and due[0][0] <= writes[0].at:
            yield heapq.heappop(due)[2]
        for write in writes:
            planned += 1  # keeps the order of writes with the same time
            heapq.heappush(due, (write.at, planned, write))


def _stories(rng: random.Random, rate: float) -> Iterator[list[TableWrite]]:
    at = 0.0
    number = 0
    while True:
        weather = rng.choices(WEATHER, [each.weight for each in WEATHER])[0]
        hot = rng.choice(list(TICKERS)) if weather.name == "burst" else None
        ends = at + rng.uniform(weather.least, weather.most)
        stories_a_second = rate / WRITES * weather.factor / _MEAN
        while (at := at + rng.expovariate(stories_a_second)) < ends:
            number += 1
            yield story(rng, number, at, hot if rng.random() < 0.6 else None)
        at = ends
