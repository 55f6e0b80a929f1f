"""Follows a stream: reconnects, resumes, and reports each lost connection."""

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

from streamer.client.backoff import LEAST_WAIT, Backoff, seconds
from streamer.client.errors import ConnectionFailed, NotAStream, Unreachable, of_error, one_line
from streamer.client.event import Received, parse_event
from streamer.client.repeats import Repeats
from streamer.client.response import STREAM, check, read_body, redirect, safe_url
from streamer.sse.decode import Decoder, EventTooLarge, Message
from streamer.sse.events import Closing, Connected, SentimentUpdate, SentimentWithdrawn

_CONNECT_TIMEOUT: Final = 10.0
_MOST_REDIRECTS: Final = 5


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection failed or ended. The next attempt is made after `wait` seconds."""

    reason: str
    """One sentence without a full stop."""
    wait: float


@dataclass(frozen=True, slots=True)
class Reconnect:
    """When a Stream closes a silent connection, and when it reconnects."""

    watchdog: float = 45.0
    """Number of seconds without a byte (pings included) after which a connection is closed."""
    max_backoff: float = 30.0
    """Maximum wait of the backoff in seconds."""
    patient: bool = True
    """Whether to retry if the first connection fails."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time


class Stream:
    """`async for event in Stream(url)` yields `Received` and `Lost` without end.

    The first event of a connection is a `Received` of `Connected`, which says whether the stream resumed. `tickers`,
    `events`, `replay` (seconds) and `last_event_id` are the parameters of the request (docs/events.md); an event id
    overrides `replay`. The wait before a connection is that of `closing` or `Retry-After`, else that of `reconnect`.
    `keep_repeats`: also yield repeated updates.

    Iteration raises NotAStream if a retry cannot succeed, and Unreachable if the first connection fails and
    `reconnect.patient` is false. Redirects are followed only within the same origin. `async with` closes the connection
    at the end of the block; otherwise the event loop closes it some time after the iteration is left. A new iteration
    resumes after the last event that was yielded.
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
        reconnect: Reconnect | None = None,
        keep_repeats: bool = False,
    ) -> None:
        self.url = _url(url)
        self.place = last_event_id
        """The id of the last event that was yielded or dropped, from which the next connection resumes."""
        self.repeats = Repeats()
        self._parameters = {
            "tickers": None if tickers is None else ",".join(tickers),
            "events": None if events is None else ",".join(events),
            "replay": None if replay is None else f"{replay:g}",
        }
        self._headers = dict(headers or {})
        self._reconnect = reconnect or Reconnect()
        self._keep_repeats = keep_repeats
        self._backoff = Backoff(self._reconnect.max_backoff, self._reconnect.random)
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
        if self._in_block:  # __aexit__ closes it
            self._running.append(running)
        return running

    async def _run(self) -> AsyncGenerator[Received | Lost, None]:
        async with self._client() as client:
            while True:
                try:
                    async with self._connection(client) as response, aclosing(self._received(response)) as events:
                        async for received in events:
                            yield received
                    failure = ConnectionFailed("the server ended the stream without `closing`")
                except ConnectionFailed as known:
                    failure = known
                except httpx.RequestError as error:
                    failure = self._failure(error)
                wait = self._wait(failure)
                yield Lost(failure.reason, wait)
                await self._reconnect.sleep(wait)

    def _client(self) -> httpx.AsyncClient:
        try:
            return httpx.AsyncClient(
                headers={"Accept": STREAM, "Accept-Encoding": "identity", "Cache-Control": "no-store", **self._headers},
                timeout=httpx.Timeout(_CONNECT_TIMEOUT, read=self._reconnect.watchdog),
                trust_env=not is_loopback(self.url.host),  # for a proxy, loopback is another machine
            )
        except (ImportError, ValueError) as error:
            raise NotAStream(f"the proxy settings of the environment are invalid: {one_line(error)}") from error

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
            assert asked is not None  # noqa: S101 - the loop returns when there is no redirect
            async with client.stream("GET", asked, headers=headers) as response:
                url = redirect(response, asked)
                if url is None:
                    await check(response, asked, self._reconnect.clock())
                    yield response
                    return
        raise NotAStream(f"{safe_url(self.url)} has more than {_MOST_REDIRECTS} redirects")

    async def _received(self, response: httpx.Response) -> AsyncGenerator[Received, None]:
        self._opened = True
        decoder = Decoder(self.place)
        history = 0  # number of replayed events that have not arrived yet
        async with read_body(response) as chunks:
            async for chunk in chunks:
                at = round(self._reconnect.clock() * 1000)
                for message in self._decoded(decoder, chunk):
                    event = parse_event(message)
                    replayed = history > 0 and isinstance(event, SentimentUpdate | SentimentWithdrawn)
                    history = event.replayed if isinstance(event, Connected) else history - replayed
                    self.place = message.id
                    if not self.repeats.add(event) or self._keep_repeats:
                        yield Received(event, message.data, message.id, at, replayed)
                    if isinstance(event, Closing):
                        reason = f"the server ended the stream ({one_line(event.reason)})"
                        raise ConnectionFailed(reason, wait=seconds(event.retry_ms))
                    if not isinstance(event, Connected):
                        self._backoff.reset()
                self.place = decoder.last_event_id

    def _decoded(self, decoder: Decoder, chunk: bytes) -> list[Message]:
        try:
            messages = decoder.feed(chunk)
        except EventTooLarge as error:
            raise NotAStream(f"{safe_url(self.url)}: {error}") from None
        if decoder.retry_ms is not None:
            self._backoff.set_retry(decoder.retry_ms)
        return messages

    def _failure(self, error: httpx.RequestError) -> ConnectionFailed:
        failure = of_error(error, self.url, opened=self._opened, watchdog=self._reconnect.watchdog)
        if isinstance(failure, NotAStream):
            raise failure from error
        return failure

    def _wait(self, failure: ConnectionFailed) -> float:
        """Returns the seconds until the next connection. Raises Unreachable if there will be none."""
        if failure.wait is not None:
            return max(LEAST_WAIT, failure.wait)
        if not self._opened and not self._reconnect.patient:
            raise Unreachable(failure.reason) from failure
        return self._backoff.wait()


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise NotAStream(f"{one_line(text)} is not a URL: {one_line(error)}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise NotAStream(f"{one_line(text)} is not a URL; give http://HOST:PORT/PATH or https://HOST/PATH")
    return url


def is_loopback(host: str) -> bool:
    """Returns whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
