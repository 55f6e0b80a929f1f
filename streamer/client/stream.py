"""Follows a stream: reconnects, resumes, and reports each lost connection."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Final, Self

import httpx

from streamer.client.address import joined, stream_url
from streamer.client.backoff import LEAST_WAIT, LONGEST_WAIT, Backoff, seconds
from streamer.client.environment import find_proxy, open_client
from streamer.client.errors import ConnectionFailed, InvalidEnvironment, NotAStream, Unreachable, of_error, one_line
from streamer.client.event import Received, parse_event
from streamer.client.iteration import Handover, Iteration
from streamer.client.repeats import Repeats
from streamer.client.response import STREAM, check, get, read_body, redirect, safe_url
from streamer.sse.decode import Decoder, EventTooLarge, Message
from streamer.sse.events import Closing, Connected, SentimentUpdate, SentimentWithdrawn

_CONNECT_TIMEOUT: Final = 10.0
_MOST_REDIRECTS: Final = 5
_HEADERS: Final = {"Accept": STREAM, "Accept-Encoding": "identity", "Cache-Control": "no-cache", "Pragma": "no-cache"}
"""Those of an EventSource (its cache mode is `no-store`), but without compression, which delays events."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection failed or ended. The next attempt is made after `wait` seconds."""

    name: ClassVar[str] = "lost"
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
    """`async for event in Stream(url)` yields `Received` and `Lost` without end. `await Stream(url).first(10)` returns
    a list.

    The path of `url` can be left out. The first event of a connection is a `Received` of `Connected`, which says
    whether the stream resumed. `tickers`, `events` (names, or text with commas), `replay` (seconds) and
    `last_event_id` are the parameters of the request (docs/events.md); an event id overrides `replay`. The wait before
    a connection is that of `closing` or `Retry-After`, else that of `reconnect`. `keep_repeats`: also yield repeated
    updates.

    Iteration raises NotAStream if a retry cannot succeed, and Unreachable if the first connection fails and
    `reconnect.patient` is false. Redirects are followed only within the same origin. At the end of an `async with`
    block the connection is closed; an iteration that is left without one closes it a moment later. A new iteration
    resumes after the last event that was yielded. An `anext` that is cancelled, as by a timeout, loses no event.
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
        self.url = stream_url(url)
        self.place = last_event_id
        """The id of the last event that was yielded or dropped, from which the next connection resumes."""
        self.repeats = Repeats()
        self._parameters = {
            "tickers": joined(tickers),
            "events": joined(events),
            "replay": None if replay is None else f"{replay:g}",
        }
        self._headers = httpx.Headers(_HEADERS)
        self._headers.update(headers)
        self._reconnect = reconnect or Reconnect()
        self._keep_repeats = keep_repeats
        self._backoff = Backoff(self._reconnect.max_backoff, self._reconnect.random)
        self._opened = False
        self._in_block = False
        self._running: list[Iteration[Received | Lost]] = []

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
        iteration = Iteration(self._produce, self._accept)
        if self._in_block:  # __aexit__ closes it
            self._running.append(iteration)
        return iteration

    async def first(self, count: int, *names: str) -> list[Received]:
        """Returns the next `count` events, of these names if there are any, and closes the connection.

        Lost connections are not part of the list. Raises NotAStream, and Unreachable if the first connection fails.
        """
        found: list[Received] = []
        iteration = Iteration(self._produce, self._accept)
        opened = False
        try:
            while len(found) < count:
                each = await anext(iteration)
                if isinstance(each, Lost):
                    if not opened:
                        raise Unreachable(each.reason)
                    continue
                opened = True
                if not names or each.name in names:
                    found.append(each)
        finally:
            await iteration.aclose()
        return found

    async def _produce(self, handover: Handover[Received | Lost]) -> None:
        timeout = httpx.Timeout(_CONNECT_TIMEOUT, read=self._reconnect.watchdog)
        try:
            proxy = find_proxy(self.url)
            client = open_client(self.url, proxy, self._headers, timeout)
        except InvalidEnvironment as error:
            raise NotAStream(str(error)) from error
        async with client:
            while True:
                try:
                    async with self._connection(client) as response:
                        await self._read(response, handover)
                    failure = ConnectionFailed("the server ended the stream without `closing`")
                except ConnectionFailed as known:
                    failure = known
                except httpx.RequestError as error:
                    failure = self._failure(error, None if proxy is None else proxy.label)
                wait = self._wait(failure)
                await handover.put([Lost(failure.reason, wait)])
                await self._reconnect.sleep(wait)

    def _accept(self, item: Received | Lost) -> bool:
        """Called when an item is about to be yielded. Returns false for a repeat."""
        if isinstance(item, Lost):
            return True
        self.place = item.id
        return not self.repeats.add(item.event) or self._keep_repeats

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
            async with get(client, asked, headers=headers) as response:
                url = redirect(response, asked)
                if url is None:
                    await check(response, asked, self._reconnect.clock(), opened=self._opened)
                    yield response
                    return
        raise NotAStream(f"{safe_url(self.url)} has more than {_MOST_REDIRECTS} redirects")

    async def _read(self, response: httpx.Response, handover: Handover[Received | Lost]) -> None:
        self._opened = True
        decoder = Decoder(self.place)
        history = 0  # number of replayed events that have not arrived yet
        async with read_body(response) as chunks:
            async for chunk in chunks:
                at = round(self._reconnect.clock() * 1000)
                batch: list[Received | Lost] = []
                closing: Closing | None = None
                for message in self._decoded(decoder, chunk):
                    event = parse_event(message)
                    replayed = history > 0 and isinstance(event, SentimentUpdate | SentimentWithdrawn)
                    history = event.replayed if isinstance(event, Connected) else history - replayed
                    batch.append(Received(event, message.data, message.id, at, replayed))
                    if isinstance(event, Closing):
                        closing = event
                        break
                    if not isinstance(event, Connected):
                        self._backoff.reset()
                if batch:
                    await handover.put(batch)
                if closing is not None:
                    reason = f"the server ended the stream ({one_line(closing.reason)})"
                    raise ConnectionFailed(reason, wait=seconds(closing.retry_ms))
                self.place = decoder.last_event_id

    def _decoded(self, decoder: Decoder, chunk: bytes) -> list[Message]:
        try:
            messages = decoder.feed(chunk)
        except EventTooLarge as error:
            raise NotAStream(f"{safe_url(self.url)}: {error}") from None
        if decoder.retry_ms is not None:
            self._backoff.set_retry(decoder.retry_ms)
        return messages

    def _failure(self, error: httpx.RequestError, proxy: str | None) -> ConnectionFailed:
        watchdog = self._reconnect.watchdog
        failure = of_error(error, self.url, opened=self._opened, watchdog=watchdog, proxy=proxy)
        if isinstance(failure, NotAStream):
            raise failure from error
        return failure

    def _wait(self, failure: ConnectionFailed) -> float:
        """Returns the seconds until the next connection. Raises Unreachable if there will be none."""
        if failure.wait is not None:
            return min(max(LEAST_WAIT, failure.wait), LONGEST_WAIT)
        if not self._opened and not self._reconnect.patient:
            raise Unreachable(failure.reason) from failure
        return self._backoff.wait()
