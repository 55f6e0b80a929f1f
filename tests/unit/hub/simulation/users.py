"""The users table: one configuration, with every version and its true commit time; read consistently."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any

from streamer.configuration import Configuration
from streamer.errors import TableError
from streamer.hub.subscription import ConfigurationKey
from tests.unit.hub.simulation.clock import START_MS, Clock

KEY: ConfigurationKey = ("ada", "chips")


class Users:
    """What was written."""

    def __init__(self, clock: Clock, *, skew_ms: int) -> None:
        """`skew_ms`: of the clock by which `tickers_since` is written."""
        self.commits = [START_MS - 3_600_000]
        self.tickers: list[tuple[str, ...]] = [("AAPL",)]
        self._clock = clock
        self._skew_ms = skew_ms

    def write(self, tickers: tuple[str, ...]) -> dict[str, Any]:
        """Returns the image."""
        self.commits.append(self._clock.now)
        self.tickers.append(tickers)
        return {"name": "Chips", "tickers": list(tickers), "status": "active", "tickers_since": self._since(-1)}

    def now(self) -> Configuration:
        index = bisect_right(self.commits, self._clock.now) - 1
        return Configuration(*KEY, "Chips", self.tickers[index], "active", '""', self._since(index))

    def _since(self, index: int) -> int:
        return self.commits[index] + self._skew_ms


class UsersReader:
    """Conforms to ConfigurationTable for one run of one container."""

    name = "users"

    def __init__(self, clock: Clock, users: Users, name: str, fails: Callable[[], bool]) -> None:
        self._clock = clock
        self._users = users
        self._run = name
        self._fails = fails
        self._reads = 0

    async def get(self, *_: str) -> Configuration:
        self._reads += 1
        wait_ms = round(500 * self._clock.noise("users", self._run, self._reads) ** 2)
        await self._clock.until(self._clock.now + wait_ms)
        if self._fails():
            raise TableError("dynamodb:GetItem: refused")
        found = self._users.now()
        await self._clock.until(self._clock.now + wait_ms)
        return found

    async def read(self, keys: Iterable[ConfigurationKey]) -> dict[ConfigurationKey, Configuration]:
        return {key: await self.get(*key) for key in keys}
