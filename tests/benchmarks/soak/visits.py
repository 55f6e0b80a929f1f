"""Which streams come, with which place, and how long they stay. Without I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final

from streamer.place import Place
from tests.benchmarks.fan_out.payload import ticker
from tests.benchmarks.fan_out.story import TICKERS

USERS: Final = 200
CONFIGURATION: Final = "shown"
"""The id of each user's only configuration."""
UNREAD: Final = "never"
"""The kind of stream that its client never reads."""
SLOW: Final = "slow"
"""The kind that is read too slowly."""
_ADDRESSES: Final = 2_000
_OTHER_RUN: Final = 4_711
"""A container that is gone."""
_KINDS: Final = {"few": 73, "many": 10, "all": 2, "configuration": 10, SLOW: 3, UNREAD: 2}
"""Streams in a hundred: of 5 tickers, of 50, of all, of a user's configuration, and those of all whose clients do not
keep up."""
_COMES_BACK: Final = 0.6
_STARTS: Final = {"own": 60, "other": 25, "old": 10, "replay": 5}
"""Those that come back in a hundred: with their last place, with its time but of another container, with a place that
the history does not reach any more, and without a place but for the last seconds."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One stream, as its client asks for it."""

    kind: str
    path: str
    headers: tuple[str, ...]
    seconds: float
    """After which the client leaves, if the service has not ended the stream."""
    place: str | None = None

    def request(self) -> bytes:
        """The request as it goes over the wire."""
        place = () if self.place is None else (f"Last-Event-ID: {self.place}",)
        lines = (f"GET {self.path} HTTP/1.1", "Host: 127.0.0.1", *self.headers, *place)
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


class Visits:
    """Draws them."""

    def __init__(self, seed: int, stay: float, replay: float) -> None:
        """`stay`: mean seconds of a visit. `replay`: seconds that a client without a place asks for."""
        self._random = random.Random(seed)
        self._stay = stay
        self._replay = f"&replay={replay:g}"
        self._old: str | None = None

    def first(self) -> Visit:
        """A client that comes for the first time."""
        draw = self._random
        kind = draw.choices(list(_KINDS), list(_KINDS.values()))[0]
        number = draw.randrange(_ADDRESSES)
        headers = [f"X-Forwarded-For: 10.1.{number // 250}.{number % 250 + 1}"]
        query = draw.choice(("events=sentiment_update", "events=sentiment_update,metrics"))
        path = f"/api/v2/stream?{query}"
        if kind == "configuration":
            headers.append(f"X-User-ID: {user(draw.randrange(USERS))}")
            path = f"/api/v2/configurations/{CONFIGURATION}/stream?{query}"
        elif kind in ("few", "many"):
            names = draw.sample(range(TICKERS), 5 if kind == "few" else 50)
            path += "&tickers=" + ",".join(ticker(name, TICKERS) for name in names)
        return Visit(kind, path, tuple(headers), draw.expovariate(1 / self._stay))

    def after(self, left: Visit, place: str | None) -> Visit:
        """Who comes when this one has left: it comes back, or another one comes. `place`: the last one that it got."""
        draw = self._random
        if place is None or draw.random() >= _COMES_BACK:
            return self.first()
        self._old = self._old or place
        path = left.path.removesuffix(self._replay)
        again = replace(left, path=path, seconds=draw.expovariate(1 / self._stay), place=place)
        match draw.choices(list(_STARTS), list(_STARTS.values()))[0]:
            case "other":
                return replace(again, place=str(replace(Place.parse(place), run=_OTHER_RUN)))
            case "old":
                return replace(again, place=self._old)
            case "replay":
                return replace(again, path=path + self._replay, place=None)
        return again

    def read(self) -> tuple[bytes, ...]:
        """The requests of a snapshot and of a series."""
        names = ",".join(ticker(self._random.randrange(TICKERS), TICKERS) for _ in range(5))
        ends = (f"?tickers={names}&limit=50", f"/series?tickers={names}&bucket=300")
        return tuple(
            f"GET /api/v2/sentiment{end} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            for end in ends
        )


def user(number: int) -> str:
    """The id of the user with this number."""
    return f"soaked-{number}"
