"""A stream that goes on: it reconnects, resumes where it was, and says what happened in between."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

import httpx

from streamer.client.answer import STREAM, check, redirect, shown
from streamer.client.backoff import LEAST_WAIT, Backoff, seconds
from streamer.client.body import body
from streamer.client.event import Received, read
from streamer.client.repeats import Repeats
from streamer.client.setback import NotAStream, Setback, Unreachable, of_error, one_line
from streamer.sse.decode import Decoder, EventTooLarge, Message
from streamer.sse.events import Closing, Connected, SentimentUpdate, SentimentWithdrawn

_CONNECT_TIMEOUT: Final = 10.0
_MOST_REDIRECTS: Final = 5


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is over; the next is made after `wait` seconds."""

    reason: str
    """One sentence without its full stop."""
    wait: float


class Stream:
    """`async for event in Stream(url)` yields `Received` and `Lost`, for ever.

    Each new connection begins with a `Received` of `Connected`, which says whether it resumed. `tickers`, `events`,
    `replay` (seconds) and `last_event_id` are the request's parameters (docs/events.md); a place wins over a replay.

    A silence of `watchdog` seconds ends a connection; any byte is life, a ping too. The next try comes when `closing`
    or `Retry-After` says, else after a full-jitter backoff of at most `max_backoff` seconds. Not `patient`: if nobody
    answers the very first try, there is no second. `keep_repeats`: also updates whose version is the one that their
    item and ticker have.

    Iterating raises NotAStream when trying again will not help, and Unreachable if not patient. Redirects are followed
    on the same server only. `async with` closes the connection at the block's end; without it, whoever leaves the loop
    early leaves that to the event loop. Iterating again goes on after the last event that was yielded.
    """

    def __init__(
        self,
        url: str,
        *,
        tickers: Iterable[str] | None = None,
        events: Iterable[str] | None = None,
        last_event_id: str = "",
        replay: float | None = None,
        headers: Mapping[str, str] | None = None,
        watchdog: float = 45.0,
        max_backoff: float = 30.0,
        patient: bool = True,
        keep_repeats: bool = False,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.url = _url(url)
        """As given. NotAStream if it is none."""
        self.place = last_event_id
        """The id of the last event that was yielded, or that needed no yielding: where the next connection resumes."""
        self.repeats = Repeats()
        self._parameters = {
            "tickers": None if tickers is None else ",".join(tickers),
            "events": None if events is None else ",".join(events),
            "replay": None if replay is None else f"{replay:g}",
        }
        self._headers = dict(headers or {})
        self._watchdog = watchdog
        self._patient = patient
        self._keep_repeats = keep_repeats
        self._clock = clock
        self._sleep = sleep
        self._backoff = Backoff(max_backoff, random)
        self._opened = False
        self._in_block = False
        self._running: list[AsyncGenerator[Received | Lost, None]] = []

    async def __aenter__(self) -> Self:
        self._in_block = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._in_block = False
        while self._running:
            await self._running.pop().aclose()

    def __aiter__(self) -> AsyncIterator[Received | Lost]:
        running = self._run()
        if self._in_block:  # else this would keep open what nobody closes
            self._running.append(running)
        return running

    async def _run(self) -> AsyncGenerator[Received | Lost, None]:
        async with self._client() as client:
            while True:
                try:
                    async with self._connection(client) as answer, aclosing(self._received(answer)) as events:
                        async for received in events:
                            yield received
                    setback = Setback("the server ended the stream without a goodbye")
                except Setback as known:
                    setback = known
                except httpx.RequestError as error:
                    setback = self._meant(error)
                wait = self._wait(setback)
                yield Lost(setback.reason, wait)
                await self._sleep(wait)

    def _client(self) -> httpx.AsyncClient:
        try:
            return httpx.AsyncClient(
                headers={"Accept": STREAM, "Accept-Encoding": "identity", "Cache-Control": "no-store", **self._headers},
                timeout=httpx.Timeout(_CONNECT_TIMEOUT, read=self._watchdog),
                trust_env=not _is_loopback(self.url.host),  # a proxy has another loopback than we
            )
        except (ImportError, ValueError) as error:
            raise NotAStream(f"the proxy that the environment names cannot be used: {one_line(error)}") from error

    @asynccontextmanager
    async def _connection(self, client: httpx.AsyncClient) -> AsyncIterator[httpx.Response]:
        parameters = {name: value for name, value in self._parameters.items() if value is not None}
        headers: dict[bytes, bytes] = {}
        if self.place:
            parameters.pop("replay", None)
            headers[b"Last-Event-ID"] = self.place.encode(errors="replace")
        url: httpx.URL | None = self.url.copy_merge_params(parameters)
        for _ in range(_MOST_REDIRECTS):
            asked, url = url, None
            assert asked is not None  # noqa: S101 - the loop ends where there is nothing to ask
            async with client.stream("GET", asked, headers=headers) as answer:
                url = redirect(answer, asked)
                if url is None:
                    await check(answer, asked, self._clock())
                    yield answer
                    return
        raise NotAStream(f"{shown(self.url)} redirects again and again")

    async def _received(self, answer: httpx.Response) -> AsyncGenerator[Received, None]:
        self._opened = True
        decoder = Decoder(self.place)
        history = 0  # events of it that are still to come
        async with body(answer) as chunks:
            async for chunk in chunks:
                at = round(self._clock() * 1000)
                for message in self._decoded(decoder, chunk):
                    event = read(message)
                    replayed = history > 0 and isinstance(event, SentimentUpdate | SentimentWithdrawn)
                    history = event.replayed if isinstance(event, Connected) else history - replayed
                    self.place = message.id
                    if not self.repeats.is_one(event) or self._keep_repeats:
                        yield Received(event, message.data, message.id, at, replayed)
                    if isinstance(event, Closing):
                        reason = f"the server ended the stream ({one_line(event.reason)})"
                        raise Setback(reason, wait=seconds(event.retry_ms))
                    if not isinstance(event, Connected):
                        self._backoff.worked()
                self.place = decoder.last_event_id

    def _decoded(self, decoder: Decoder, chunk: bytes) -> list[Message]:
        try:
            messages = decoder.feed(chunk)
        except EventTooLarge as error:
            raise NotAStream(f"{shown(self.url)}: {error}") from None
        if decoder.retry_ms is not None:
            self._backoff.set_retry(decoder.retry_ms)
        return messages

    def _meant(self, error: httpx.RequestError) -> Setback:
        meant = of_error(error, self.url, opened=self._opened, watchdog=self._watchdog)
        if isinstance(meant, NotAStream):
            raise meant from error
        return meant

    def _wait(self, setback: Setback) -> float:
        """Seconds until the next try. Raises Unreachable if there shall be none."""
        if setback.wait is not None:
            return max(LEAST_WAIT, setback.wait)
        if not self._opened and not self._patient:
            raise Unreachable(setback.reason) from setback
        return self._backoff.wait()


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise NotAStream(f"{one_line(text)} is no URL: {one_line(error)}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise NotAStream(f"{one_line(text)} is no URL: write http://HOST:PORT/PATH, or with https")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
