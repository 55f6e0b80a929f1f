"""Clients that resume as browsers do, wander between the containers, and are cut off at any byte."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx

from streamer.change import Key
from streamer.place import Place
from streamer.sse.decode import Decoder, Message
from tests.chaos.aws import Table
from tests.chaos.records import Record, Span
from tests.chaos.story import TICKERS
from tests.chaos.view import View
from tests.watchdog import WATCHDOG

_REPLAY: Final = 60
_STAYS: Final = 0.3
"""How often a client comes back to the container that it left: there its place counts by the frame."""


class Conduct:
    """What all clients are told to do."""

    def __init__(self) -> None:
        self.cutting = False
        """Replays are to be cut in the middle."""
        self.settled = asyncio.Event()
        """From now on nobody cuts itself off."""
        self.cuts = 0


class _Cut(Exception):
    """The client has cut itself off."""


class Client:
    """One client; `follow` runs until it is cancelled."""

    def __init__(
        self,
        number: int,
        tickers: frozenset[str] | None,
        bases: Sequence[str],
        snapshot: Callable[[], Awaitable[Table]],
        conduct: Conduct,
        seed: int,
    ) -> None:
        self.record = Record(number, tickers)
        self.view = View(self.record)
        self.open = asyncio.Event()
        self.place = ""
        self.on: int | None = None
        """The container it is connected to."""
        self._bases = bases
        self._take_snapshot = snapshot
        self._conduct = conduct
        self._random = random.Random(f"client/{seed}/{number}")
        self._http = httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(3.0, read=WATCHDOG))
        self._reading: asyncio.Task[None] | None = None
        self._bytes = 0
        self._replayed = 0
        self._resume = ""

    async def follow(self) -> None:
        """Connects, reads, is cut off, waits a little, goes elsewhere, mostly: again and again."""
        last = self._random.randrange(len(self._bases))
        try:
            while True:
                others = [number for number in range(len(self._bases)) if number != last] or [last]
                if self._random.random() >= _STAYS:
                    last = self._random.choice(others)
                wait = await self._connection(last)
                await asyncio.sleep(wait)
        finally:
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.gather(self._reading, return_exceptions=True)
            await self._http.aclose()

    async def _connection(self, container: int) -> float:
        """One connection; the seconds to wait after it."""
        opened = time.time()
        self._resume, self._replayed, wait = "", 0, None
        behind = opened - Place.parse(self.place).time_ms / 1000 if self.place else None
        ended = "the server's end"
        try:
            wait = await self._read(container)
        except _Cut as cut:
            ended = str(cut)
        except httpx.HTTPError as error:
            ended = type(error).__name__
        except asyncio.CancelledError:
            ended = "the end of the run"
            raise
        finally:
            self.on = None
            span = Span(container, opened, time.time(), self._resume or ended, ended, self._replayed, behind)
            self.record.spans.append(span)
        if wait is not None:
            return wait
        return self._random.uniform(0.05, 0.4)

    async def _read(self, container: int) -> float | None:
        """Reads until the end; what `closing` said of the next connection, if it came."""
        lasts, most = self._random.uniform(2, 30), None
        if self._random.random() < 0.25:
            most = self._random.randint(200, 20_000)
        if self._conduct.cutting and self.place:
            most = self._random.randint(300, 4_000)
        if self._conduct.settled.is_set():
            most = None
        self._bytes = 0
        parameters = {"on_full": "wait"}
        if self.record.tickers is not None:
            parameters["tickers"] = ",".join(sorted(self.record.tickers))
        headers = {"Last-Event-ID": self.place} if self.place else {}
        if not self.place:
            parameters["replay"] = str(_REPLAY)
        url = f"{self._bases[container]}/api/v2/stream"
        async with self._http.stream("GET", url, params=parameters, headers=headers) as answer:
            if answer.status_code != 200:
                raise httpx.HTTPStatusError(str(answer.status_code), request=answer.request, response=answer)
            decoder = Decoder(self.place)
            with suppress(TimeoutError):
                async with self._until_cut(lasts):
                    async for chunk in answer.aiter_raw():
                        kept = chunk if most is None else chunk[: most - self._bytes]
                        self._bytes += len(kept)
                        for message in decoder.feed(kept):
                            wait = self._dispatch(container, message)
                            if wait is not None:
                                return wait
                        if most is not None and self._bytes >= most:
                            self._conduct.cuts += 1
                            raise _Cut(f"cut after {most} bytes")
                    return None
        raise _Cut("cut after a while")

    def _until_cut(self, seconds: float) -> asyncio.Timeout:
        """A deadline, unless the end is near: then the connection stays."""
        return asyncio.timeout(None if self._conduct.settled.is_set() else seconds)

    def _dispatch(self, container: int, message: Message) -> float | None:
        at, data = time.time(), json.loads(message.data)
        match message.event:
            case "connected":
                self.on, self._resume, self._replayed = container, data["resume"], data["replayed"]
                if data["resume"] == "fresh":
                    self._begin_anew("fresh")
            case "reset":
                self._begin_anew(str(data["reason"]))
            case "sentiment_update" | "sentiment_withdrawn":
                key = Key(data["source_id"], data["timestamp"])
                self.view.deliver(at, container, key, data["ticker"], data.get("version"))
            case "closing":
                return float(data["retry_ms"]) / 1000
            case "metrics" | "heartbeat":
                pass
            case strange:
                self.record.faults.append(f"an event called {strange}")
        if message.id:
            self.place = message.id
            self.view.last = at
        return None

    def _begin_anew(self, reason: str) -> None:
        self.view.begin_anew(reason)
        if self._reading is not None:
            self._reading.cancel()  # it was read too early
        self._reading = asyncio.create_task(self._snapshot())

    async def _snapshot(self) -> None:
        rows = await self._take_snapshot()
        self.view.snapshot(time.time(), rows)
        if self.record.opened is None:
            self.record.opened = time.time()
        self.open.set()


def filters(count: int, seed: int) -> list[frozenset[str] | None]:
    """Every third client sees all, one ticker, or two."""
    rng = random.Random(f"filters/{seed}")
    made: list[frozenset[str] | None] = []
    for number in range(count):
        some: Any = rng.sample(TICKERS, 2)
        made.append(None if number % 3 == 0 else frozenset(some[: number % 3]))
    return made
